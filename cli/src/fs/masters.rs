//! `leader` and `masterInfo`: which masters there are, and which of them serves.

use alluxio_client::MasterAddress;

use super::{Call, FsCommand, Outcome};
use crate::{
    error::SUCCESS,
    options::{ArgumentCount, CommandSpec},
};

pub const LEADER: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "leader",
        usage: "leader",
        description: "Prints the host name of the master that serves. Use masterInfo in new scripts.",
        options: &[],
        arguments: ArgumentCount::Exactly(0),
        words: &[],
    },
    run: |call| Box::pin(leader(call)),
};

pub const INFO: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "masterInfo",
        usage: "masterInfo",
        description: "Prints the address of the master that serves, and those of all masters.",
        options: &[],
        arguments: ArgumentCount::Exactly(0),
        words: &[],
    },
    run: |call| Box::pin(info(call)),
};

/// Two lines, the second with the host name alone: `tail -1` is how scripts read it. The status is 0
/// even without a leader, as it is in the original.
async fn leader(call: Call<'_>) -> Outcome {
    let (shell, out) = (call.shell, &call.shell.out);
    out.line("This command will be deprecated as of v3.0, please use masterInfo command")?;
    match shell.cluster()?.leader().await {
        Ok(leader) => out.line(leader.host)?,
        Err(error) => {
            out.note("Failed to get the leader master.");
            out.note(error);
            return Ok(SUCCESS);
        }
    }
    // Of one master everybody knows that it leads; whether it serves is another question.
    if let Err(error) = shell.fs().await {
        out.note("The leader is not currently serving requests.");
        out.note(error);
    }
    Ok(SUCCESS)
}

async fn info(call: Call<'_>) -> Outcome {
    let out = &call.shell.out;
    let cluster = call.shell.cluster()?;
    match cluster.leader().await {
        Ok(leader) => out.line(format_args!("Current leader master: {leader}"))?,
        Err(error) => {
            out.line("Failed to find leader master")?;
            out.note(error);
        }
    }
    let masters = match cluster.masters().await {
        Ok(masters) => masters,
        Err(error) => {
            out.note(error);
            Vec::new()
        }
    };
    let masters: Vec<_> = masters.iter().map(MasterAddress::to_string).collect();
    out.line(format_args!("All masters: [{}]", masters.join(", ")))?;
    Ok(SUCCESS)
}
