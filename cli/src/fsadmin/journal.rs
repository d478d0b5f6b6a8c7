//! `fsadmin journal`: work on the journal of a running master.

use alluxio_client::MetaMasterClient;

use crate::{
    error::{SHELL_FAILURE, SUCCESS},
    options::{ArgumentCount, CommandSpec},
    shell::{Call, Group, Outcome, ShellCommand},
};

pub const GROUP: Group = Group {
    name: "journal",
    usage: "journal [checkpoint] [quorum]",
    description: "Works on the journal: checkpoint writes the present state, so that a start needs to read less.",
    commands: &[CHECKPOINT, QUORUM],
};

const CHECKPOINT: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "checkpoint",
        usage: "checkpoint",
        description: "Writes a checkpoint of the leading master's state into the journal folder.",
        options: &[],
        arguments: ArgumentCount::Exactly(0),
        words: &[],
    },
    run: |call| Box::pin(checkpoint(call)),
};

const QUORUM: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "quorum",
        usage: "quorum [info] [elect] [remove]",
        description: "Not in this version: masters share a journal folder and need no quorum.",
        options: &[],
        arguments: ArgumentCount::AtLeast(0),
        words: &[],
    },
    run: |call| Box::pin(quorum(call)),
};

async fn checkpoint(call: Call<'_>) -> Outcome {
    let host = MetaMasterClient::new(call.shell.fs().await?.cluster()).checkpoint().await?;
    call.shell.out.line(format_args!("Successfully took a checkpoint on master {host}"))?;
    Ok(SUCCESS)
}

async fn quorum(call: Call<'_>) -> Outcome {
    call.shell.out.line(
        "There is no quorum in this version: masters share a journal folder. `alluxio fs masterInfo` tells which leads.",
    )?;
    Ok(SHELL_FAILURE)
}
