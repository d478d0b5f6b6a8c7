//! `pin` and `unpin`: files that stay in Alluxio.

use alluxio_conf::key;
use alluxio_proto::grpc::file::SetAttributePOptions;

use super::{Call, FsCommand, Outcome};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec},
};

pub const PIN: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "pin",
        usage: "pin <path> media1 media2 media3 ...",
        description: "Keeps a file, or all files in a directory, in Alluxio: pinned files are not evicted. When \
            storage media are named (MEM, SSD, HDD), the file is kept on one of these.",
        options: &[],
        arguments: ArgumentCount::AtLeast(1),
        words: &[],
    },
    run: |call| Box::pin(pin(call)),
};

pub const UNPIN: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "unpin",
        usage: "unpin <path>",
        description: "Lets a pinned file, or all files in a directory, be evicted again.",
        options: &[],
        arguments: ArgumentCount::AtLeast(1),
        words: &[],
    },
    run: |call| Box::pin(unpin(call)),
};

async fn pin(call: Call<'_>) -> Outcome {
    let media = &call.given.arguments[1..];
    call.shell.path(&call.given.arguments[0])?;
    // Which media there are is told by the cluster.
    call.shell.fs().await?;
    let known = call.shell.conf().get(key::MASTER_TIEREDSTORE_GLOBAL_MEDIUMTYPE);
    if let Some(unknown) = media.iter().find(|medium| !known.contains(medium)) {
        return Err(CommandError::failed(format!(
            "{unknown} is not a storage medium of this cluster; it has {}",
            known.join(", ")
        )));
    }
    set(call, true, media, "pinned").await
}

async fn unpin(call: Call<'_>) -> Outcome {
    set(call, false, &[], "unpinned").await
}

async fn set(call: Call<'_>, pinned: bool, media: &[String], done: &str) -> Outcome {
    call.shell
        .each_path(&call.given.arguments[0], async |path| {
            let options = SetAttributePOptions {
                pinned: Some(pinned),
                pinned_media: media.to_vec(),
                ..SetAttributePOptions::default()
            };
            call.shell.fs().await?.set_attribute(&path.path, options).await?;
            Ok(call.shell.out.line(format_args!("File '{path}' was successfully {done}."))?)
        })
        .await?;
    Ok(SUCCESS)
}
