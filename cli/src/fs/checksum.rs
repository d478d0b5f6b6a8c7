//! `checksum`: the MD5 of a file.

use alluxio_proto::grpc::file::{OpenFilePOptions, ReadPType};
use md5::{Digest, Md5};

use super::{Call, FsCommand, Outcome, path::ShellPath};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec},
};

pub const CHECKSUM: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "checksum",
        usage: "checksum <Alluxio path>",
        description: "Prints the MD5 checksum of a file.",
        options: &[],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    call.shell.each_path(&call.given.arguments[0], async |path| checksum(call, path).await).await?;
    Ok(SUCCESS)
}

async fn checksum(call: Call<'_>, path: &ShellPath) -> Result<(), CommandError> {
    call.shell.file_status(path).await?;
    // Reading for a checksum must not push out what is cached.
    let uncached =
        OpenFilePOptions { read_type: Some(ReadPType::NoCache as i32), ..OpenFilePOptions::default() };
    let mut reader = call.shell.fs().await?.open(&path.path, uncached).await?;
    let mut digest = Md5::new();
    while let Some(chunk) = reader.read().await? {
        digest.update(&chunk);
    }
    Ok(call.shell.out.line(format_args!("md5sum: {:x}\n", digest.finalize()))?)
}
