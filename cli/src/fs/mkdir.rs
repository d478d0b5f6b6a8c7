//! `mkdir`: directories, with the parents they need.

use alluxio_proto::grpc::file::CreateDirectoryPOptions;

use super::{Call, FsCommand, Outcome};
use crate::{
    error::SUCCESS,
    options::{ArgumentCount, CommandSpec},
};

pub const MKDIR: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "mkdir",
        usage: "mkdir <path1> [path2] ... [pathn]",
        description: "Creates directories, and the parent directories that are missing.",
        options: &[],
        arguments: ArgumentCount::AtLeast(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    for text in &call.given.arguments {
        let path = call.shell.path(text)?;
        let options = CreateDirectoryPOptions { recursive: Some(true), ..CreateDirectoryPOptions::default() };
        call.shell.fs().await?.create_directory(&path.path, options).await?;
        call.shell.out.line(format_args!("Successfully created directory {path}"))?;
    }
    Ok(SUCCESS)
}
