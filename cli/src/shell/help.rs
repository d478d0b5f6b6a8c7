//! `help`: what the commands of a shell do, from their declarations.

use super::{Call, Outcome};
use crate::{
    error::{SHELL_FAILURE, SUCCESS},
    output,
};

/// Explains the command that is named, or all of them.
pub async fn help(call: Call<'_>) -> Outcome {
    let (out, set) = (&call.shell.out, call.shell.set());
    let width = output::width();
    let Some(name) = call.given.arguments.first() else {
        for command in set.sorted() {
            out.line(command.spec.help(width))?;
        }
        return Ok(SUCCESS);
    };
    match set.command(name) {
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
