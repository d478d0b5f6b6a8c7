//! The commands of `alluxio` itself, and how the process ends.

use crate::{
    absent::{self, Absent},
    error::{ExitStatus, FAILURE, SUCCESS},
    generic_options::{self, CommandLine},
    meant,
    options::OptionSpec,
    output::Output,
    shell::CommandSet,
};

/// A command of the first level.
pub struct TopCommand {
    pub name: &'static str,
    /// Name and arguments as the usage shows them.
    pub shown: &'static str,
    pub summary: &'static str,
    /// What can follow the name.
    pub inside: Inside,
    pub run: fn(CommandLine, Output) -> ExitStatus,
}

/// What can follow a command's name, beside paths and other arguments.
#[derive(Clone, Copy)]
pub enum Inside {
    Nothing,
    Options(&'static [OptionSpec]),
    Words(&'static [&'static str]),
    Shell(&'static CommandSet),
}

pub const COMMANDS: &[TopCommand] = &[
    crate::cluster_marker::CLUSTER_MARKER,
    crate::completion::COMPLETION,
    crate::format::FORMAT,
    crate::format::FORMAT_MASTERS,
    crate::format::FORMAT_MASTER,
    crate::format::FORMAT_JOURNAL,
    crate::format::FORMAT_WORKER,
    crate::fs::FS,
    crate::fsadmin::FSADMIN,
    crate::get_conf::GET_CONF,
    crate::local::LOCAL,
    crate::log_level::LOG_LEVEL,
    crate::read_journal::READ_JOURNAL,
    crate::run_tests::RUN_TESTS,
    crate::run_tests::RUN_TEST,
    crate::version::VERSION,
];

/// Names that ask for help instead of running a command.
const HELP: [&str; 4] = ["help", "-help", "--help", "-h"];

/// Runs one command line (without the program's name).
pub fn run(arguments: impl IntoIterator<Item = String>) -> ExitStatus {
    let out = Output::standard();
    let mut line = match generic_options::split(arguments) {
        Ok(line) => line,
        Err(error) => {
            out.note(error);
            return FAILURE;
        }
    };
    if line.words.is_empty() {
        return print_usage(&out, FAILURE);
    }
    let name = line.words.remove(0);
    if HELP.contains(&name.as_str()) {
        return print_usage(&out, SUCCESS);
    }
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(line, out),
        None => match Absent::told(absent::ABSENT, &name) {
            Some(line) => {
                out.note(line);
                FAILURE
            }
            None => {
                out.note(format_args!("Unsupported command {name}"));
                let status = print_usage(&out, FAILURE);
                if let Some(hint) = meant::hint(&name, COMMANDS.iter().map(|command| command.name)) {
                    out.note(hint);
                }
                status
            }
        },
    }
}

fn print_usage(out: &Output, status: ExitStatus) -> ExitStatus {
    let widest = COMMANDS.iter().map(|command| command.shown.len()).max().unwrap_or_default();
    let mut text =
        "Usage: alluxio COMMAND [GENERIC_COMMAND_OPTIONS] [COMMAND_ARGS]\n\nCOMMAND is one of:\n".to_owned();
    for command in COMMANDS {
        text.push_str(&format!("  {:widest$}   {}\n", command.shown, command.summary));
    }
    text.push_str(
        "\nGENERIC_COMMAND_OPTIONS supports:\n  -D<property=value>   Use a value for a given Alluxio property\n\n\
         Commands print help when invoked without parameters.",
    );
    finish(out, out.line(text).map(|()| status).map_err(Into::into))
}

/// Prints what a command still has to say, and turns its outcome into the status of the process.
pub fn finish(out: &Output, outcome: Result<ExitStatus, crate::error::CommandError>) -> ExitStatus {
    let flushed = out.flush().map_err(crate::error::CommandError::Output);
    match outcome.and_then(|status| flushed.map(|()| status)) {
        Ok(status) => status,
        Err(error) if error.is_closed_pipe() => SUCCESS,
        Err(error) => {
            out.note(error);
            FAILURE
        }
    }
}
