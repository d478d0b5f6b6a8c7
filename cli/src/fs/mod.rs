//! `alluxio fs`: the file system shell. Each command declares itself in its own file; the table here
//! is all that knows them.

mod capacity;
mod cat;
mod checksum;
mod chmod;
mod copy;
mod count;
mod du;
mod facl;
mod free;
mod head_tail;
mod help;
mod location;
mod ls;
mod masters;
mod mkdir;
mod mv;
mod ownership;
pub mod path;
mod persist;
mod pin;
mod rm;
mod shell;
mod stat;
mod test;
mod touch;
mod ttl;

use alluxio_conf::{Configuration, Role};
use futures::future::LocalBoxFuture;

use crate::{
    error::{CommandError, ExitStatus, SHELL_FAILURE, SUCCESS},
    options::{CommandSpec, Parsed},
    output::Output,
    process,
    top::TopCommand,
};

pub use shell::Shell;

type Outcome = Result<ExitStatus, CommandError>;

/// One call of a command.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    shell: &'a Shell,
    given: &'a Parsed,
}

/// A command of the shell: its declaration, and what it does.
pub struct FsCommand {
    spec: CommandSpec,
    run: for<'a> fn(Call<'a>) -> LocalBoxFuture<'a, Outcome>,
}

pub const FS: TopCommand = TopCommand {
    name: "fs",
    shown: "fs",
    summary: "Work with files and directories",
    run: |line, out| {
        process::run(line, out, Role::Client, async |conf, words, out| {
            run(&words, process::with_short_retries(conf), out).await
        })
    },
};

const COMMANDS: &[FsCommand] = &[
    chmod::CHMOD,
    capacity::CAPACITY,
    capacity::USED,
    cat::CAT,
    checksum::CHECKSUM,
    copy::COPY,
    copy::FROM_LOCAL,
    copy::TO_LOCAL,
    count::COUNT,
    du::DU,
    facl::GET,
    facl::SET,
    free::FREE,
    head_tail::HEAD,
    head_tail::TAIL,
    help::HELP,
    location::LOCATION,
    ls::LS,
    masters::INFO,
    masters::LEADER,
    mkdir::MKDIR,
    mv::MV,
    ownership::CHGRP,
    ownership::CHOWN,
    persist::PERSIST,
    pin::PIN,
    pin::UNPIN,
    rm::RM,
    stat::STAT,
    test::TEST,
    touch::TOUCH,
    ttl::SET,
    ttl::UNSET,
];

fn command(name: &str) -> Option<&'static FsCommand> {
    COMMANDS.iter().find(|command| command.spec.name == name)
}

/// All commands in the order of their names, capital letters first as the original has them.
fn sorted() -> Vec<&'static FsCommand> {
    let mut all: Vec<_> = COMMANDS.iter().collect();
    all.sort_by_key(|command| command.spec.name);
    all
}

/// Runs one line of the shell. Messages go to standard output, as scripts expect them.
pub async fn run(words: &[String], conf: Configuration, out: Output) -> ExitStatus {
    let shell = Shell::new(conf, out);
    let outcome = run_line(words, &shell).await;
    let flushed = shell.out.flush().map_err(CommandError::Output);
    match outcome.and_then(|status| flushed.map(|()| status)) {
        Ok(status) => status,
        Err(error) if error.is_closed_pipe() => SUCCESS,
        Err(error) => {
            shell.out.note(error);
            SHELL_FAILURE
        }
    }
}

async fn run_line(words: &[String], shell: &Shell) -> Outcome {
    let Some((name, rest)) = words.split_first() else {
        print_usage(&shell.out)?;
        return Ok(SHELL_FAILURE);
    };
    let Some(command) = command(name) else {
        shell.out.note(format_args!("{name} is an unknown command."));
        print_usage(&shell.out)?;
        return Ok(SHELL_FAILURE);
    };
    let outcome = match command.spec.parse(rest) {
        Ok(given) => (command.run)(Call { shell, given: &given }).await,
        Err(message) => Err(CommandError::Usage(message)),
    };
    match outcome {
        Err(error @ CommandError::Output(_)) => Err(error),
        Err(CommandError::Usage(message)) => {
            let spec = &command.spec;
            shell.out.line(format_args!("{message}\nUsage: {}\n{}", spec.usage, spec.description))?;
            Ok(SHELL_FAILURE)
        }
        Err(error) => {
            shell.out.line(error)?;
            Ok(SHELL_FAILURE)
        }
        Ok(status) => Ok(status),
    }
}

fn print_usage(out: &Output) -> Result<(), CommandError> {
    out.line("Usage: alluxio fs [generic options]")?;
    for command in sorted() {
        out.line(format_args!("{:<60}", format!("\t [{}]", command.spec.usage)))?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
