//! `help`: what the commands of `fs` do.

use super::FsCommand;
use crate::{
    options::{ArgumentCount, CommandSpec},
    shell,
};

pub const HELP: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "help",
        usage: "help [<command>]",
        description: "Explains one command, or all of them when none is named.",
        options: &[],
        arguments: ArgumentCount::AtMost(1),
        words: &[],
    },
    run: |call| Box::pin(shell::help(call)),
};
