//! What `alluxio fs` and `alluxio fsadmin` have in common: a table of commands, how one is found and
//! called, how its failure is told, and what it works with.

mod help;
pub mod path;
mod session;

use alluxio_conf::{Configuration, Role};
use futures::future::LocalBoxFuture;

use crate::{
    absent::Absent,
    error::{CommandError, ExitStatus, SHELL_FAILURE, SUCCESS},
    generic_options::CommandLine,
    meant,
    options::{CommandSpec, Parsed},
    output::Output,
    process,
};

pub use help::help;
pub use session::Shell;

pub type Outcome = Result<ExitStatus, CommandError>;

/// One call of a command.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub shell: &'a Shell,
    pub given: &'a Parsed,
}

/// A command: its declaration, and what it does.
pub struct ShellCommand {
    pub spec: CommandSpec,
    pub run: for<'a> fn(Call<'a>) -> LocalBoxFuture<'a, Outcome>,
}

/// Commands that begin with one word, such as `journal`.
pub struct Group {
    pub name: &'static str,
    pub usage: &'static str,
    pub description: &'static str,
    pub commands: &'static [ShellCommand],
}

/// All that is known of one shell.
pub struct CommandSet {
    pub name: &'static str,
    pub commands: &'static [ShellCommand],
    pub groups: &'static [Group],
    /// Other names: what is typed, and the command that is meant.
    pub aliases: &'static [(&'static str, &'static str)],
    pub absent: &'static [Absent],
}

impl CommandSet {
    pub fn command(&self, name: &str) -> Option<&'static ShellCommand> {
        find(self.commands, name)
    }

    /// All commands in the order of their names, capital letters first as the original has them.
    pub fn sorted(&self) -> Vec<&'static ShellCommand> {
        let mut all: Vec<_> = self.commands.iter().collect();
        all.sort_by_key(|command| command.spec.name);
        all
    }

    /// The arguments of every command and group, in the order of their names.
    fn usages(&self) -> Vec<&'static str> {
        let commands = self.commands.iter().map(|command| (command.spec.name, command.spec.usage));
        let groups = self.groups.iter().map(|group| (group.name, group.usage));
        let mut all: Vec<_> = commands.chain(groups).collect();
        all.sort();
        all.into_iter().map(|(_, usage)| usage).collect()
    }
}

fn find(commands: &'static [ShellCommand], name: &str) -> Option<&'static ShellCommand> {
    commands.iter().find(|command| command.spec.name == name)
}

/// Runs one line of a shell as a process.
pub fn process(set: &'static CommandSet, line: CommandLine, out: Output) -> ExitStatus {
    process::run(line, out, Role::Client, async |conf, words, out| {
        run(set, &words, process::with_short_retries(conf), out).await
    })
}

/// Runs one line of the shell. Messages go to standard output, as scripts expect them.
pub async fn run(set: &'static CommandSet, words: &[String], conf: Configuration, out: Output) -> ExitStatus {
    let shell = Shell::new(set, conf, out);
    let outcome = run_line(set, words, &shell).await;
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

async fn run_line(set: &'static CommandSet, words: &[String], shell: &Shell) -> Outcome {
    let out = &shell.out;
    let Some((typed, rest)) = words.split_first() else {
        print_usage(set, out)?;
        return Ok(SHELL_FAILURE);
    };
    let meant = set.aliases.iter().find(|(other, _)| other == typed);
    let name = meant.map_or(typed.as_str(), |(_, name)| name);
    if let Some(command) = set.command(name) {
        return run_command(command, rest, shell).await;
    }
    if let Some(group) = set.groups.iter().find(|group| group.name == name) {
        return run_group(group, rest, shell).await;
    }
    if let Some(line) = Absent::told(set.absent, name) {
        out.line(line)?;
        return Ok(SHELL_FAILURE);
    }
    out.note(format_args!("{name} is an unknown command."));
    print_usage(set, out)?;
    let names =
        set.commands.iter().map(|command| command.spec.name).chain(set.groups.iter().map(|group| group.name));
    if let Some(hint) = meant::hint(name, names) {
        out.flush()?;
        out.note(hint);
    }
    Ok(SHELL_FAILURE)
}

async fn run_group(group: &'static Group, words: &[String], shell: &Shell) -> Outcome {
    let message = match words.split_first() {
        None => "No sub-command is specified".to_owned(),
        Some((name, rest)) => match find(group.commands, name) {
            Some(command) => return run_command(command, rest, shell).await,
            None => format!("Unknown sub-command: {name}"),
        },
    };
    print_wrong(&shell.out, &message, group.usage, group.description)?;
    Ok(SHELL_FAILURE)
}

async fn run_command(command: &'static ShellCommand, words: &[String], shell: &Shell) -> Outcome {
    let spec = &command.spec;
    let outcome = match spec.parse(words) {
        Ok(given) => (command.run)(Call { shell, given: &given }).await,
        Err(message) => Err(CommandError::Usage(message)),
    };
    // Whatever is told now stands where the bar was.
    shell.progress.end();
    match outcome {
        Err(error @ CommandError::Output(_)) => Err(error),
        Err(CommandError::Usage(message)) => {
            print_wrong(&shell.out, &message, spec.usage, spec.description)?;
            Ok(SHELL_FAILURE)
        }
        Err(error) => {
            shell.out.line(error)?;
            Ok(SHELL_FAILURE)
        }
        Ok(status) => Ok(status),
    }
}

fn print_wrong(out: &Output, message: &str, usage: &str, description: &str) -> std::io::Result<()> {
    out.line(format_args!("{message}\nUsage: {usage}\n{description}"))
}

fn print_usage(set: &CommandSet, out: &Output) -> std::io::Result<()> {
    out.line(format_args!("Usage: alluxio {} [generic options]", set.name))?;
    set.usages().iter().try_for_each(|usage| out.line(format_args!("{:<60}", format!("\t [{usage}]"))))
}

/// Runs a line against a master that is not there: its status, output and errors.
#[cfg(test)]
pub async fn without_a_master(set: &'static CommandSet, line: &str) -> (ExitStatus, String, String) {
    let conf = Configuration::defaults()
        .with(&[
            ("alluxio.master.hostname", "127.0.0.1"),
            ("alluxio.master.rpc.port", "1"),
            ("alluxio.user.rpc.retry.max.duration", "0"),
        ])
        .unwrap();
    let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
    let seen = crate::output::Captured::default();
    let status = run(set, &words, conf, seen.output()).await;
    (status, seen.text(), seen.errors())
}
