//! `cat`: prints what is in a file.

use alluxio_proto::grpc::file::OpenFilePOptions;

use super::{Call, FsCommand, Outcome, path::ShellPath};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec},
};

pub const CAT: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "cat",
        usage: "cat <path>",
        description: "Prints what is in a file.",
        options: &[],
        arguments: ArgumentCount::AtLeast(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    call.shell.each_path(&call.given.arguments[0], async |path| cat(call, path).await).await?;
    Ok(SUCCESS)
}

async fn cat(call: Call<'_>, path: &ShellPath) -> Result<(), CommandError> {
    call.shell.file_status(path).await?;
    let mut reader = call.shell.fs().await?.open(&path.path, OpenFilePOptions::default()).await?;
    while let Some(chunk) = reader.read().await? {
        call.shell.out.bytes(&chunk)?;
    }
    Ok(())
}
