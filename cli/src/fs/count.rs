//! `count`: how much is below a path.

use alluxio_proto::grpc::file::ListStatusPOptions;

use super::{Call, FsCommand, Outcome};
use crate::{
    error::SUCCESS,
    options::{ArgumentCount, CommandSpec, OptionSpec},
    output::columns,
};

pub const COUNT: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "count",
        usage: "count [-h] <path>",
        description: "Counts the files and directories below a path, and the bytes of the files.",
        options: &[OptionSpec::short("h", "print the size with a unit (1.00MB)")],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let path = call.shell.path(&call.given.arguments[0])?;
    let (mut files, mut folders, mut bytes) = (0u64, 0u64, 0i64);
    let options = ListStatusPOptions { recursive: Some(true), ..ListStatusPOptions::default() };
    call.shell
        .list_parts(&path.path, options, |part| {
            for info in part {
                if info.folder() {
                    folders += 1;
                } else {
                    files += 1;
                    bytes = bytes.saturating_add(info.length());
                }
            }
            Ok(())
        })
        .await?;
    let out = &call.shell.out;
    out.line(columns::count("File Count", "Folder Count", "Folder Size"))?;
    let size = columns::bytes(call.given.has("h"), bytes);
    out.line(columns::count(&files.to_string(), &folders.to_string(), &size))?;
    Ok(SUCCESS)
}
