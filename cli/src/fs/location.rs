//! `location`: which workers hold a file.

use super::{Call, FsCommand, Outcome, path::ShellPath};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec},
};

pub const LOCATION: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "location",
        usage: "location <path>",
        description: "Prints the hosts of the workers that hold the blocks of a file.",
        options: &[],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    call.shell.each_path(&call.given.arguments[0], async |path| location(call, path).await).await?;
    Ok(SUCCESS)
}

async fn location(call: Call<'_>, path: &ShellPath) -> Result<(), CommandError> {
    let out = &call.shell.out;
    let info = call.shell.status(&path.path).await?;
    out.line(format_args!("{path} with file id {} is on nodes: ", info.file_id()))?;
    for id in &info.block_ids {
        let block = call.shell.blocks().await?.get_block_info(*id).await?;
        for address in block.locations.iter().filter_map(|location| location.worker_address.as_ref()) {
            out.line(address.host())?;
        }
    }
    Ok(())
}
