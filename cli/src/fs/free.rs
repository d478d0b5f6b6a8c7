//! `free`: takes files out of Alluxio and leaves them in the under storage.

use std::time::Duration;

use alluxio_conf::key;
use alluxio_proto::grpc::file::FreePOptions;
use tokio::time::Instant;

use super::{Call, FsCommand, Outcome, path::ShellPath};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
};

/// Workers free blocks on their heartbeats, so that many of them are waited for.
const HEARTBEATS: u32 = 10;

pub const FREE: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "free",
        usage: "free [-f] <path>",
        description: "Takes a file, or all files in a directory, out of the workers. The under storage keeps them.",
        options: &[OptionSpec::short("f", "free pinned files, too")],
        arguments: ArgumentCount::AtLeast(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    call.shell.each_path(&call.given.arguments[0], async |path| free(call, path).await).await?;
    Ok(SUCCESS)
}

async fn free(call: Call<'_>, path: &ShellPath) -> Result<(), CommandError> {
    let options =
        FreePOptions { recursive: Some(true), forced: Some(call.given.has("f")), ..FreePOptions::default() };
    let fs = call.shell.fs().await?;
    fs.free(&path.path, options).await?;
    let heartbeat = call.shell.conf().get(key::WORKER_BLOCK_HEARTBEAT_INTERVAL).duration();
    let heartbeat = heartbeat.unwrap_or(Duration::from_secs(1));
    let until = Instant::now() + heartbeat * HEARTBEATS;
    loop {
        let info = call.shell.status(&path.path).await?;
        // An empty file is always wholly in Alluxio.
        let empty_file = !info.folder() && info.length() == 0;
        if empty_file || info.in_alluxio_percentage() == 0 {
            break;
        }
        if Instant::now() >= until {
            return Err(CommandError::failed(format!(
                "{path}: {}% are still in Alluxio after {:?}; somebody may be reading it just now",
                info.in_alluxio_percentage(),
                heartbeat * HEARTBEATS
            )));
        }
        // Blocks that came back meanwhile are freed again.
        fs.free(&path.path, options).await?;
        tokio::time::sleep(heartbeat).await;
    }
    Ok(call.shell.out.line(format_args!("{path} was successfully freed from Alluxio space."))?)
}
