//! Logs: one line per event on stdout and, when a folder is set, in a file that is rotated.
//!
//! The level comes from the environment variable `ALLUXIO_LOG_LEVEL` (`debug`, or in RUST_LOG's form
//! `info,alluxio_master::journal=debug`) and can be changed at run time through the [`LogHandle`].

mod filter;
mod level;
mod line;
mod rotating;
mod sink;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alluxio_conf::{Configuration, KeyName, Source, key};
use parking_lot::Mutex;
use tracing::Subscriber;
use tracing::dispatcher::SetGlobalDefaultError;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Registry, reload};

use filter::Filter;
pub use level::LogLevel;
use line::Lines;
use rotating::{RotatingFile, Rotation};
use sink::Sink;

/// Names the level and exceptions from it.
pub const LEVEL_VARIABLE: &str = "ALLUXIO_LOG_LEVEL";
/// The folder for log files, by which the original's scripts set `alluxio.logs.dir`.
pub const FOLDER_VARIABLE: &str = "ALLUXIO_LOGS_DIR";
/// How long a blocked output may hold up the end of the process.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which program logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// A master: `master.log`.
    Master,
    /// A worker: `worker.log`.
    Worker,
    /// Master and worker in one process: `local.log`.
    Local,
    /// The operator: `operator.log`.
    Operator,
    /// A command whose stdout is its result: warnings and errors to stderr, no file.
    Command,
}

impl Program {
    fn file_name(self) -> Option<&'static str> {
        match self {
            Self::Master => Some("master.log"),
            Self::Worker => Some("worker.log"),
            Self::Local => Some("local.log"),
            Self::Operator => Some("operator.log"),
            Self::Command => None,
        }
    }
}

/// Logs could not be set up, or a level not be set.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Not a level.
    #[error("'{given}' is not a log level; use OFF, ERROR, WARN, INFO, DEBUG or TRACE")]
    Level {
        /// What was given.
        given: String,
    },
    /// The environment variable cannot be used.
    #[error("the environment variable {LEVEL_VARIABLE} is '{value}': {source}")]
    Variable {
        /// What it is set to.
        value: String,
        /// What is wrong with it.
        source: Box<LogError>,
    },
    /// Too many parts have their own level.
    #[error("{most} loggers have a level of their own already; set one of those or the root logger")]
    TooManyTargets {
        /// The most.
        most: usize,
    },
    /// A thread could not be started.
    #[error("the log thread cannot be started: {0}")]
    Thread(#[source] io::Error),
    /// Logs are set up once in a process.
    #[error("logs are set up already")]
    Twice(#[from] SetGlobalDefaultError),
    /// The levels are gone: logs were never installed.
    #[error("the log level cannot be changed: {0}")]
    Reload(#[from] reload::Error),
}

/// What [`init`] needs to know.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// Which program logs.
    pub program: Program,
    /// Where the log file goes; none: no file.
    pub folder: Option<PathBuf>,
    /// The value of [`LEVEL_VARIABLE`].
    pub level: Option<String>,
}

impl LogOptions {
    /// A log file is written where `alluxio.logs.dir` says when somebody set it, else where `ALLUXIO_LOGS_DIR`
    /// says: the property's default alone makes none, so that containers need no writable folder.
    pub fn new(program: Program, conf: &Configuration) -> Self {
        Self::with_variables(program, conf, |name| std::env::var(name).ok())
    }

    fn with_variables(
        program: Program,
        conf: &Configuration,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let set = conf.source_of(key::LOGS_DIR.name()) != Source::Default;
        let folder = match set {
            true => Some(conf.get(key::LOGS_DIR)),
            false => variable(FOLDER_VARIABLE).filter(|folder| !folder.trim().is_empty()),
        };
        Self { program, folder: folder.map(PathBuf::from), level: variable(LEVEL_VARIABLE) }
    }
}

/// Changes levels and waits for lines to be written. Keep it until the end of `main`: when the last clone is
/// dropped it waits (at most 5 s) until the last lines are out.
#[derive(Clone, Debug)]
#[must_use = "dropped at once, the last lines of the process may be lost"]
pub struct LogHandle(Arc<Installed>);

#[derive(Debug)]
struct Installed {
    filter: Mutex<Filter>,
    active: reload::Handle<Targets, Registry>,
    sinks: Vec<Sink>,
    folder: Option<PathBuf>,
}

impl LogHandle {
    /// Sets the level of a target and all below it: one of our module paths (`alluxio_master::journal`), a Java
    /// logger's name (`alluxio.master`), or `root`.
    pub fn set_level(&self, target: &str, level: LogLevel) -> Result<(), LogError> {
        let mut filter = self.0.filter.lock();
        let mut changed = filter.clone();
        changed.set(target, level)?;
        self.0.active.reload(changed.targets())?;
        *filter = changed;
        Ok(())
    }

    /// The level that applies to a target.
    pub fn get_level(&self, target: &str) -> LogLevel {
        self.0.filter.lock().level(target)
    }

    /// The folder of the log file, when there is one.
    pub fn folder(&self) -> Option<&Path> {
        self.0.folder.as_deref()
    }

    /// Waits until all lines so far are written, at most `patience`. False: they are not.
    pub fn flush(&self, patience: Duration) -> bool {
        self.0.sinks.iter().all(|sink| sink.flush(patience))
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        for sink in &self.sinks {
            // A blocked output must not keep the process from ending; its lines are lost with it.
            sink.flush(PATIENCE);
        }
    }
}

/// Sets up the logs of this process as configuration and environment say. Call it once, early in `main`:
///
/// ```no_run
/// # fn main() -> Result<(), alluxio_telemetry::logs::LogError> {
/// # let conf = alluxio_conf::Configuration::defaults();
/// use alluxio_telemetry::logs::{self, Program};
///
/// let logs = logs::init(Program::Master, &conf)?;
/// tracing::info!(port = 19998, "serving");
/// // At the very end: waits for the last lines.
/// drop(logs);
/// # Ok(())
/// # }
/// ```
pub fn init(program: Program, conf: &Configuration) -> Result<LogHandle, LogError> {
    init_with(LogOptions::new(program, conf))
}

/// Sets up the logs of this process.
pub fn init_with(options: LogOptions) -> Result<LogHandle, LogError> {
    let (subscriber, handle, trouble) = build(options)?;
    tracing::subscriber::set_global_default(subscriber)?;
    if let Some(trouble) = trouble {
        tracing::error!("{trouble}");
    }
    log_panics(handle.0.sinks.clone());
    Ok(handle)
}

/// The subscriber, its handle, and what went wrong with the log file: that stops no server, stdout goes on.
fn build(
    options: LogOptions,
) -> Result<(impl Subscriber + Send + Sync, LogHandle, Option<String>), LogError> {
    let LogOptions { program, folder, level } = options;
    let filter = match level.filter(|level| !level.trim().is_empty()) {
        Some(value) => value
            .parse::<Filter>()
            .map_err(|source| LogError::Variable { value, source: Box::new(source) })?,
        None if program == Program::Command => Filter::new(LogLevel::Warn),
        None => Filter::new(LogLevel::Info),
    };
    let console = match program {
        Program::Command => Sink::start("stderr".into(), io::stderr()),
        _ => Sink::start("stdout".into(), io::stdout()),
    };
    let mut sinks = vec![console.map_err(LogError::Thread)?];
    let mut trouble = None;
    let path = folder.zip(program.file_name()).map(|(folder, name)| folder.join(name));
    let mut folder = None;
    if let Some(path) = path {
        let name = path.display().to_string();
        match RotatingFile::open(path.clone(), Rotation::default()) {
            Ok(file) => {
                sinks.push(Sink::start(name, file).map_err(LogError::Thread)?);
                folder = path.parent().map(Path::to_owned);
            }
            Err(error) => {
                trouble = Some(format!("cannot write the log file {name}: {error}; logs go to stdout only"));
            }
        }
    }
    let (active, reload) = reload::Layer::new(filter.targets());
    let subscriber = Registry::default().with(active).with(Lines::new(sinks.clone()));
    let installed = Installed { filter: Mutex::new(filter), active: reload, sinks, folder };
    Ok((subscriber, LogHandle(Arc::new(installed)), trouble))
}

/// A panic becomes one line of the log, written before the process may end.
fn log_panics(sinks: Vec<Sink>) {
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        let message = panic.payload_as_str().unwrap_or("no message");
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(target: "panic", thread = thread.name().unwrap_or("?"), location, "{message}");
        for sink in &sinks {
            // Nothing to be done when the output is blocked.
            sink.flush(Duration::from_secs(1));
        }
    }));
}

#[cfg(test)]
#[path = "logs_tests.rs"]
mod tests;
