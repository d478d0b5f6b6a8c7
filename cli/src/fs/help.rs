//! `help`: what the commands do, from their declarations.

use super::{Call, FsCommand, Outcome, command, sorted};
use crate::{
    error::{SHELL_FAILURE, SUCCESS},
    options::{ArgumentCount, CommandSpec},
    output,
};

pub const HELP: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "help",
        usage: "help [<command>]",
        description: "Explains one command, or all of them when none is named.",
        options: &[],
        arguments: ArgumentCount::AtMost(1),
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let out = &call.shell.out;
    let width = output::width();
    let Some(name) = call.given.arguments.first() else {
        for command in sorted() {
            out.line(command.spec.help(width))?;
        }
        return Ok(SUCCESS);
    };
    match command(name) {
        Some(command) => {
            out.text(command.spec.help(width))?;
            Ok(SUCCESS)
        }
        None => {
            out.line(format_args!("{name} is an unknown command."))?;
            Ok(SHELL_FAILURE)
        }
    }
}
