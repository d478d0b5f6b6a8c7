//! `getCapacityBytes` and `getUsedBytes`: the room on all workers together.

use super::{Call, FsCommand, Outcome};
use crate::{
    error::SUCCESS,
    options::{ArgumentCount, CommandSpec},
};

pub const CAPACITY: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "getCapacityBytes",
        usage: "getCapacityBytes",
        description: "Prints how many bytes all workers together can hold.",
        options: &[],
        arguments: ArgumentCount::Exactly(0),
        words: &[],
    },
    run: |call| Box::pin(capacity(call)),
};

pub const USED: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "getUsedBytes",
        usage: "getUsedBytes",
        description: "Prints how many bytes all workers together hold.",
        options: &[],
        arguments: ArgumentCount::Exactly(0),
        words: &[],
    },
    run: |call| Box::pin(used(call)),
};

async fn capacity(call: Call<'_>) -> Outcome {
    let bytes = call.shell.blocks().await?.get_capacity_bytes().await?;
    call.shell.out.line(format_args!("Capacity Bytes: {bytes}"))?;
    Ok(SUCCESS)
}

async fn used(call: Call<'_>) -> Outcome {
    let bytes = call.shell.blocks().await?.get_used_bytes().await?;
    call.shell.out.line(format_args!("Used Bytes: {bytes}"))?;
    Ok(SUCCESS)
}
