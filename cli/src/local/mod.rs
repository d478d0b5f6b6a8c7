//! `alluxio local`: a whole cluster in this process, to try things out. Master, worker, journal, under
//! storage and logs live in one folder, which is made on first use and found again the next time.

mod guide;
mod servers;
mod settings;

use std::path::PathBuf;

use alluxio_conf::{Configuration, Role};
use alluxio_telemetry::logs::{self, LogHandle};
use tokio::signal::unix::{SignalKind, signal};

use self::{servers::Servers, settings::Settings};
use crate::{
    error::{CommandError, ExitStatus, FAILURE, SUCCESS},
    generic_options::CommandLine,
    options::{self, OptionSpec},
    output::{self, Output},
    process, run_tests,
    top::{Inside, TopCommand, finish},
};

pub const LOCAL: TopCommand = TopCommand {
    name: "local",
    shown: "local [--base-dir DIR] [--once]",
    summary: "Run a small cluster on this machine, to try things out",
    inside: Inside::Options(OPTIONS),
    run: command,
};

const DEFAULT_BASE: &str = "alluxio-local";

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::long("base-dir", "the folder that keeps everything (./alluxio-local)").with_value("dir"),
    OptionSpec::long(
        "once",
        "stop after the sample program; the status is the number of its tests that failed",
    ),
    OptionSpec::both("h", "help", "print this text"),
];

/// What the command line asks for.
#[derive(Debug)]
struct Asked {
    base: PathBuf,
    once: bool,
}

/// What to do; none when help is asked for.
fn asked(words: &[String]) -> Result<Option<Asked>, String> {
    let given = options::parse(OPTIONS, words).map_err(|error| error.to_string())?;
    if given.has("help") {
        return Ok(None);
    }
    if let Some(word) = given.arguments.first() {
        return Err(format!("{word} is not an option of local"));
    }
    let base = given.value("base-dir").unwrap_or(DEFAULT_BASE);
    let base = std::path::absolute(base).map_err(|error| format!("--base-dir {base}: {error}"))?;
    Ok(Some(Asked { base, once: given.has("once") }))
}

fn command(line: CommandLine, out: Output) -> ExitStatus {
    let help = |status| {
        let width = output::width();
        let text = options::usage_line(width, "local [options] [-Dproperty=value ...]")
            + &options::options_table(width, OPTIONS);
        finish(&out, out.text(text).map(|()| status).map_err(Into::into))
    };
    let asked = match asked(&line.words) {
        Ok(Some(asked)) => asked,
        Ok(None) => return help(SUCCESS),
        Err(message) => {
            out.note(message);
            return help(FAILURE);
        }
    };
    let outcome = prepare(&line, &asked).and_then(|settings| {
        servers::check_ports(&settings)?;
        let logs = logs(&settings)?;
        let runtime =
            process::runtime().map_err(|error| CommandError::failed(format!("Cannot start: {error}")))?;
        runtime.block_on(until_stopped(&settings, &asked, &logs, &out))
    });
    finish(&out, outcome)
}

fn prepare(line: &CommandLine, asked: &Asked) -> Result<Settings, CommandError> {
    let load = |role| process::load(line, role).map_err(CommandError::Failed);
    Settings::new(&asked.base, [load(Role::Master)?, load(Role::Worker)?, load(Role::Client)?])
}

/// Server logs go to a file in the base folder; the terminal is for what a person should read, so only
/// warnings appear on it unless the environment asks for more.
fn logs(settings: &Settings) -> Result<LogHandle, CommandError> {
    let level = std::env::var(logs::LEVEL_VARIABLE).unwrap_or_else(|_| "warn".to_owned());
    logs::init_with(logs::LogOptions {
        program: logs::Program::Local,
        folder: Some(settings.logs()),
        level: Some(level),
    })
    .map_err(|error| CommandError::failed(error.to_string()))
}

async fn until_stopped(
    settings: &Settings,
    asked: &Asked,
    logs: &LogHandle,
    out: &Output,
) -> Result<ExitStatus, CommandError> {
    let mut stopped = std::pin::pin!(stop_signal()?);
    let servers = tokio::select! {
        servers = Servers::start(settings, logs, out) => servers?,
        // Nothing was promised to anybody yet: the start may be cut short anywhere.
        () = &mut stopped => return Ok(SUCCESS),
    };
    let outcome = tokio::select! {
        outcome = show_and_serve(&servers, settings, asked, out) => outcome,
        error = servers.failed() => Err(error),
        () = &mut stopped => Ok(SUCCESS),
    };
    if !asked.once {
        out.line("\nStopping ...")?;
        out.flush()?;
    }
    servers.stop().await;
    outcome
}

/// Runs the sample program, says what can be done now, and serves; ends only with `--once`.
async fn show_and_serve(
    servers: &Servers,
    settings: &Settings,
    asked: &Asked,
    out: &Output,
) -> Result<ExitStatus, CommandError> {
    let conf: &Configuration = servers.client_conf();
    servers.ready().await?;
    out.line("Running the sample program (alluxio runTests):")?;
    let failed = run_tests::run(&run_tests::Plan::full(), conf, out).await?;
    if failed == 0 {
        out.line("\nAll tests of the sample program passed.")?;
    }
    if asked.once {
        return Ok(failed);
    }
    out.line(guide::text(servers, settings))?;
    out.flush()?;
    std::future::pending().await
}

/// Ends with Ctrl-C or SIGTERM.
fn stop_signal() -> Result<impl Future<Output = ()>, CommandError> {
    let listen = |kind| {
        signal(kind).map_err(|error| CommandError::failed(format!("Cannot listen for signals: {error}")))
    };
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Option<Asked>, String> {
        asked(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options() {
        let usual = of("").unwrap().unwrap();
        assert_eq!(usual.base, std::env::current_dir().unwrap().join("alluxio-local"));
        assert!(!usual.once);
        let other = of("--once --base-dir /tmp/x").unwrap().unwrap();
        assert_eq!((other.base, other.once), (PathBuf::from("/tmp/x"), true));
        assert!(of("--help").unwrap().is_none());
        assert!(of("now").unwrap_err().starts_with("now"));
    }
}
