//! What every command that needs configuration starts with: properties, log lines, a runtime.

use alluxio_conf::{Configuration, Role, Source};
use alluxio_telemetry::logs;
use tokio::runtime::{Builder, Runtime};

use crate::{
    error::{ExitStatus, FAILURE},
    generic_options::CommandLine,
    output::Output,
};

/// Loads the configuration as `role` sees it and runs `body` with it and the command's words.
pub fn run<F>(line: CommandLine, out: Output, role: Role, body: F) -> ExitStatus
where
    F: AsyncFnOnce(Configuration, Vec<String>, Output) -> ExitStatus,
{
    // Kept to the end: dropping it writes the last lines.
    let _logs = match log_to_stderr() {
        Ok(logs) => logs,
        Err(error) => {
            out.note(error);
            return FAILURE;
        }
    };
    let conf = match load(&line, role) {
        Ok(conf) => conf,
        Err(message) => {
            out.note(message);
            return FAILURE;
        }
    };
    match runtime() {
        Ok(runtime) => runtime.block_on(body(conf, line.words, out)),
        Err(error) => {
            out.note(format_args!("Cannot start: {error}"));
            FAILURE
        }
    }
}

/// What all work of a command runs on.
pub fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}

/// The configuration with the properties of the command line.
pub fn load(line: &CommandLine, role: Role) -> Result<Configuration, String> {
    let loaded =
        Configuration::load(role, line.properties.iter().cloned()).map_err(|error| error.to_string())?;
    for note in loaded.notes {
        tracing::info!("{note}");
    }
    Ok(loaded.conf)
}

/// Warnings, and what the environment asks for beyond them, go to standard error.
fn log_to_stderr() -> Result<logs::LogHandle, logs::LogError> {
    let level = std::env::var(logs::LEVEL_VARIABLE).ok();
    logs::init_with(logs::LogOptions { program: logs::Program::Command, folder: None, level })
}

/// How long commands of a person at a terminal try to reach a master. The original's shell lowers its
/// two minutes in the same way, unless the property is set.
const SHELL_RETRY: (&str, &str) = ("alluxio.user.rpc.retry.max.duration", "5s");

/// The configuration of a shell: it gives up sooner than a program does.
pub fn with_short_retries(conf: Configuration) -> Configuration {
    if conf.source_of(SHELL_RETRY.0) != Source::Default {
        return conf;
    }
    match conf.with(&[SHELL_RETRY]) {
        Ok(short) => short,
        Err(error) => {
            tracing::warn!(%error, "the retries of the shell stay long");
            conf
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use alluxio_conf::key;

    use super::*;

    #[test]
    fn the_shell_gives_up_early_unless_it_is_told_not_to() {
        let patience = |conf: &Configuration| conf.get(key::USER_RPC_RETRY_MAX_DURATION).duration();
        let short = with_short_retries(Configuration::defaults());
        assert_eq!(patience(&short), Some(Duration::from_secs(5)));
        let asked = Configuration::defaults().with(&[(SHELL_RETRY.0, "1min")]).unwrap();
        assert_eq!(patience(&with_short_retries(asked)), Some(Duration::from_secs(60)));
    }
}
