//! From the threads that log to a slow output: a bounded queue and a thread that empties it.
//!
//! Logging never waits for the output. When the queue is full, lines are dropped and counted; the count is told in
//! the output as soon as there is room again. [`Sink::flush`] waits until all is written.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Bytes of lines that may wait.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// How often a broken output is complained about.
const COMPLAINT: Duration = Duration::from_secs(60);

/// An output. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(super) struct Sink(Arc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Arc<str>>,
    bytes: usize,
    dropped: u64,
    /// The thread has taken lines that are not written yet.
    writing: bool,
}

impl Sink {
    /// Starts a thread that writes to `output`, which is called `name` in messages.
    pub(super) fn start(name: String, output: impl Write + Send + 'static) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let sink = Self(queue.clone());
        // The thread lives as long as the process: lines may come until the very end.
        std::thread::Builder::new()
            .name(format!("log {name}"))
            .spawn(move || queue.write_all(&name, output))?;
        Ok(sink)
    }

    /// Adds a line, which ends with a line break.
    pub(super) fn push(&self, line: Arc<str>) {
        let mut waiting = self.0.waiting.lock();
        if waiting.bytes + line.len() > MOST_BYTES {
            waiting.dropped += 1;
            return;
        }
        waiting.bytes += line.len();
        waiting.lines.push_back(line);
        drop(waiting);
        self.0.filled.notify_one();
    }

    /// Waits until all lines so far are written, at most `patience`. False: they are not.
    pub(super) fn flush(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut waiting = self.0.waiting.lock();
        while waiting.writing || !waiting.lines.is_empty() || waiting.dropped > 0 {
            if self.0.emptied.wait_until(&mut waiting, until).timed_out() {
                return !waiting.writing && waiting.lines.is_empty();
            }
        }
        true
    }
}

impl Queue {
    fn write_all(&self, name: &str, mut output: impl Write) {
        let mut complained: Option<Instant> = None;
        loop {
            let (lines, dropped) = self.take();
            if let Err(error) = write_batch(&mut output, &lines, dropped)
                && complained.is_none_or(|last| last.elapsed() > COMPLAINT)
            {
                complained = Some(Instant::now());
                // To stderr, as the logs themselves do not work. If that is broken too, nobody is left to tell.
                let _ = writeln!(io::stderr(), "cannot write the log to {name}: {error}; its lines are lost");
            }
            let mut waiting = self.waiting.lock();
            waiting.writing = false;
            drop(waiting);
            self.emptied.notify_all();
        }
    }

    fn take(&self) -> (VecDeque<Arc<str>>, u64) {
        let mut waiting = self.waiting.lock();
        while waiting.lines.is_empty() && waiting.dropped == 0 {
            self.filled.wait(&mut waiting);
        }
        waiting.writing = true;
        waiting.bytes = 0;
        (std::mem::take(&mut waiting.lines), std::mem::take(&mut waiting.dropped))
    }
}

/// Writes each line by one call, as [`RotatingFile`](super::rotating::RotatingFile) wants it.
fn write_batch(output: &mut impl Write, lines: &VecDeque<Arc<str>>, dropped: u64) -> io::Result<()> {
    for line in lines {
        output.write_all(line.as_bytes())?;
    }
    if dropped > 0 {
        let now = jiff::Timestamp::now();
        let note = format!("{now:.3} WARN  alluxio_telemetry::logs: log lines dropped count={dropped}\n");
        output.write_all(note.as_bytes())?;
    }
    output.flush()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// An output that passes on what it gets, and waits for a word before each write.
    struct Slow {
        may_write: mpsc::Receiver<()>,
        written: Arc<Mutex<String>>,
    }

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            // An error means that the test let go of the sender: write on.
            let _ = self.may_write.recv();
            self.written.lock().push_str(std::str::from_utf8(line).unwrap());
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_blocked_output_blocks_nobody_and_drops_are_told() {
        let (word, may_write) = mpsc::channel();
        let written = Arc::new(Mutex::new(String::new()));
        let sink = Sink::start("test".into(), Slow { may_write, written: written.clone() }).unwrap();
        let line: Arc<str> = format!("{}\n", "x".repeat(1023)).into();
        let began = Instant::now();
        let pushed = 2 * MOST_BYTES / line.len() + 10_000;
        for _ in 0..pushed {
            sink.push(line.clone());
        }
        assert!(began.elapsed() < Duration::from_secs(5));
        assert!(sink.0.waiting.lock().bytes <= MOST_BYTES);
        assert!(!sink.flush(Duration::from_millis(20)), "nothing can be written yet");
        drop(word);
        assert!(sink.flush(Duration::from_secs(20)));
        let written = written.lock();
        // Told with each batch: a writer that begins late has two.
        let notes = written.lines().filter(|line| line.contains("log lines dropped"));
        let dropped: usize =
            notes.map(|note| note.rsplit_once("count=").unwrap().1.parse::<usize>().unwrap()).sum();
        let kept = written.lines().filter(|line| line.starts_with('x')).count();
        assert_eq!(kept + dropped, pushed);
        assert!(dropped > 0 && kept > 0);
    }

    #[test]
    fn flush_waits_for_the_last_line() {
        struct Lazy(Arc<Mutex<Vec<u8>>>);
        impl Write for Lazy {
            fn write(&mut self, line: &[u8]) -> io::Result<usize> {
                std::thread::sleep(Duration::from_millis(5));
                self.0.lock().extend_from_slice(line);
                Ok(line.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let written = Arc::new(Mutex::new(Vec::new()));
        let sink = Sink::start("test".into(), Lazy(written.clone())).unwrap();
        for number in 0..20 {
            sink.push(format!("{number}\n").into());
            if number % 7 == 0 {
                assert!(sink.flush(Duration::from_secs(10)));
                assert!(written.lock().ends_with(format!("{number}\n").as_bytes()));
            }
        }
        assert!(sink.flush(Duration::from_secs(10)));
        assert!(written.lock().ends_with(b"18\n19\n"));
    }
}
