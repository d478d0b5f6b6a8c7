//! Standard output and standard error of a command.

use std::{
    fmt::Display,
    io::{self, BufWriter, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Room for a good part of a listing between two writes.
const BUFFER: usize = 64 * 1024;

/// Where a command prints. Lines are buffered: a command that streams flushes after each part, and
/// the shell flushes at the end.
pub struct Output {
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
}

impl Output {
    pub fn standard() -> Self {
        let out = BufWriter::with_capacity(BUFFER, io::stdout());
        Self { out: Mutex::new(Box::new(out)), err: Mutex::new(Box::new(io::stderr())) }
    }

    pub fn line(&self, line: impl Display) -> io::Result<()> {
        writeln!(self.out(), "{line}")
    }

    pub fn text(&self, text: impl Display) -> io::Result<()> {
        write!(self.out(), "{text}")
    }

    pub fn bytes(&self, bytes: &[u8]) -> io::Result<()> {
        self.out().write_all(bytes)
    }

    pub fn flush(&self) -> io::Result<()> {
        self.out().flush()
    }

    /// A line on standard error.
    pub fn note(&self, line: impl Display) {
        let mut err = self.err.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody is left to be told when standard error is gone.
        let _ = writeln!(err, "{line}");
    }

    /// A writer that panicked half-way leaves a cut line, which is all that can go wrong here.
    fn out(&self) -> MutexGuard<'_, Box<dyn Write + Send>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a command printed, for tests.
#[cfg(test)]
#[derive(Clone, Default)]
pub struct Captured {
    out: Sink,
    err: Sink,
}

#[cfg(test)]
#[derive(Clone, Default)]
struct Sink(std::sync::Arc<Mutex<Vec<u8>>>);

#[cfg(test)]
impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[cfg(test)]
impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
impl Captured {
    pub fn output(&self) -> Output {
        Output { out: Mutex::new(Box::new(self.out.clone())), err: Mutex::new(Box::new(self.err.clone())) }
    }

    pub fn text(&self) -> String {
        self.out.text()
    }

    pub fn errors(&self) -> String {
        self.err.text()
    }
}
