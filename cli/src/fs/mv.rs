//! `mv`: renames a file or directory.

use alluxio_proto::grpc::file::RenamePOptions;

use super::{Call, FsCommand, Outcome};
use crate::{
    error::SUCCESS,
    options::{ArgumentCount, CommandSpec},
};

pub const MV: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "mv",
        usage: "mv <src> <dst>",
        description: "Moves a file or directory to another path.",
        options: &[],
        arguments: ArgumentCount::Exactly(2),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let source = call.shell.path(&call.given.arguments[0])?;
    let target = call.shell.path(&call.given.arguments[1])?;
    call.shell.fs().await?.rename(&source.path, &target.path, RenamePOptions::default()).await?;
    call.shell.out.line(format_args!("Renamed {source} to {target}"))?;
    Ok(SUCCESS)
}
