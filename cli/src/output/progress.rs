//! How far a copy is: a line at the foot of the terminal, while a person waits for it. It is drawn on
//! standard error, only when that is a terminal, and only when the copy takes its time.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// A copy that ends sooner needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// With a known end, and without.
const BAR: &str = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {left} left";
const COUNTER: &str = "{spinner} {bytes}, {bytes_per_sec}";

/// The bar of one command. Nothing is drawn before [`Progress::advance`] is called after a while.
pub struct Progress {
    bar: ProgressBar,
    /// Where to draw, until it is begun with.
    target: Mutex<Option<ProgressDrawTarget>>,
    shown: AtomicBool,
    began: Instant,
    patience: Duration,
}

impl Progress {
    pub fn on_terminal() -> Self {
        Self::on(ProgressDrawTarget::stderr(), PATIENCE)
    }

    fn on(target: ProgressDrawTarget, patience: Duration) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self {
            bar,
            target: Mutex::new(Some(target)),
            shown: AtomicBool::new(false),
            began: Instant::now(),
            patience,
        }
    }

    /// Tells how much there is to do, when it is known.
    pub fn expect(&self, bytes: u64) {
        self.bar.set_length(bytes);
    }

    /// So many more bytes are copied.
    pub fn advance(&self, bytes: usize) {
        self.bar.inc(bytes as u64);
        if self.began.elapsed() >= self.patience && !self.shown.swap(true, Ordering::Relaxed) {
            self.show();
        }
    }

    fn show(&self) {
        let target = self.target.lock().unwrap_or_else(PoisonError::into_inner).take();
        let template = if self.bar.length().is_some() { BAR } else { COUNTER };
        // The templates are constants; one that cannot be read leaves the plain bar.
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("## ").with_key("left", write_left));
        }
        self.bar.set_draw_target(target.unwrap_or_else(ProgressDrawTarget::hidden));
        self.bar.tick();
    }

    /// Prints something while the bar is out of the way.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Takes the bar away: the copy has ended, well or not.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// Whole seconds, or minutes and seconds.
fn write_left(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    let seconds = state.eta().as_secs();
    // A bar that cannot be written is not drawn.
    let _ = if seconds < 60 {
        write!(out, "{seconds} s")
    } else {
        write!(out, "{}:{:02}", seconds / 60, seconds % 60)
    };
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use indicatif::TermLike;

    use super::*;

    /// A terminal that keeps what is written to it.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            100
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, line: &str) -> io::Result<()> {
            self.write_str(&format!("{line}\n"))
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            self.write_str("<cleared>")
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn progress(patience: Duration) -> (Progress, Screen) {
        let screen = Screen::default();
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        (Progress::on(target, patience), screen)
    }

    fn seen(screen: &Screen) -> String {
        screen.0.lock().unwrap().clone()
    }

    #[test]
    fn a_long_copy_shows_how_far_it_is() {
        let (progress, screen) = progress(Duration::ZERO);
        progress.expect(4096);
        progress.advance(2048);
        assert!(seen(&screen).contains("2.00 KiB of 4.00 KiB"), "{}", seen(&screen));
        progress.end();
        assert!(seen(&screen).ends_with("<cleared>"), "{}", seen(&screen));
    }

    #[test]
    fn without_a_known_end_bytes_are_counted() {
        let (progress, screen) = progress(Duration::ZERO);
        progress.advance(2048);
        assert!(seen(&screen).contains("2.00 KiB, "), "{}", seen(&screen));
        assert!(!seen(&screen).contains(" of "), "{}", seen(&screen));
    }

    #[test]
    fn a_short_copy_shows_nothing() {
        let (progress, screen) = progress(Duration::from_secs(3600));
        progress.expect(10);
        progress.advance(10);
        progress.end();
        assert_eq!(seen(&screen), "");
    }

    #[test]
    fn what_is_printed_meanwhile_stands_on_a_line_of_its_own() {
        let (progress, screen) = progress(Duration::ZERO);
        progress.advance(1);
        let terminal = screen.clone();
        progress.aside(|| terminal.write_str("[Copied a to b]").unwrap());
        assert!(seen(&screen).contains("<cleared>[Copied a to b]"), "{}", seen(&screen));
    }
}
