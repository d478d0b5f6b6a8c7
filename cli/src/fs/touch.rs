//! `touch`: an empty file.

use alluxio_proto::grpc::file::CreateFilePOptions;

use super::{Call, FsCommand, Outcome};
use crate::{
    error::SUCCESS,
    options::{ArgumentCount, CommandSpec},
};

pub const TOUCH: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "touch",
        usage: "touch <path>",
        description: "Creates an empty file.",
        options: &[],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    call.shell
        .each_path(&call.given.arguments[0], async |path| {
            call.shell.fs().await?.create(&path.path, CreateFilePOptions::default()).await?.close().await?;
            Ok(call.shell.out.line(format_args!("{path} has been created"))?)
        })
        .await?;
    Ok(SUCCESS)
}
