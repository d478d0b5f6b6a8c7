//! `loadMetadata`, `needsSync` and `getSyncPathList`: what Alluxio knows of the under storage.

use std::time::Instant;

use alluxio_proto::grpc::file::{FileSystemMasterCommonPOptions, ListStatusPOptions, LoadMetadataPType};

use super::{Call, FsCommand, Outcome, path::ShellPath, sync_task};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
};

pub const LOAD_METADATA: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "loadMetadata",
        usage: "loadMetadata [-R] [-F] [-v2] [-a/--async] [-o/--operation <operation>] [-d <type>] \
            [-p <polling interval ms>] <path>",
        description: "Looks into the under storage for files below a path that Alluxio does not know yet. With -v2 the \
            master does it as a task, and looks at what is known, too; -a does not wait for it, -o get tells how far it is.",
        options: &[
            OptionSpec::short("R", "look into subdirectories, too"),
            OptionSpec::short("F", "also look again at the files that are known"),
            OptionSpec::both("a", "async", "for -v2: tell how far the task is until it is over"),
            OptionSpec::short("d", "for -v2: SINGLE_LISTING, BFS or DFS; no difference here")
                .with_value("arg"),
            OptionSpec::short("v2", "have the master do it as a task"),
            OptionSpec::both("o", "option", "load; for tasks also get and cancel").with_value("arg"),
            OptionSpec::both("p", "polling", "for -a: the pause between two looks, in milliseconds")
                .with_value("arg"),
            OptionSpec::short("id", "for -o get and cancel: the number of the task").with_value("arg"),
        ],
        arguments: ArgumentCount::AtLeast(0),
        words: &[],
    },
    run: |call| Box::pin(load_metadata(call)),
};

pub const NEEDS_SYNC: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "needsSync",
        usage: "needsSync <path>",
        description: "Has the next access to a path, or to what is below it, look into the under storage.",
        options: &[],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(needs_sync(call)),
};

pub const SYNC_PATHS: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "getSyncPathList",
        usage: "getSyncPathList",
        description: "Lists the paths that follow the under storage by themselves.",
        options: &[],
        arguments: ArgumentCount::AtLeast(0),
        words: &[],
    },
    run: |call| Box::pin(sync_paths(call)),
};

async fn load_metadata(call: Call<'_>) -> Outcome {
    let given = call.given;
    let operation = given.value("o").unwrap_or("load");
    let wrong = |message: &str| Err(CommandError::Usage(message.to_owned()));
    match operation {
        "load" => ArgumentCount::AtLeast(1)
            .check("loadMetadata", given.arguments.len())
            .map_err(CommandError::Usage)?,
        "get" | "cancel" => {
            ArgumentCount::AtMost(0)
                .check("loadMetadata", given.arguments.len())
                .map_err(CommandError::Usage)?;
            if ["F", "a", "d"].iter().any(|option| given.has(option)) {
                return wrong("-o load/cancel only supports -id option");
            }
            return sync_task::look(call, operation).await;
        }
        other => {
            return wrong(&format!("Operation value {other} invalid. Possible values: load/cancel/get"));
        }
    }
    if given.has("F") && given.has("v2") {
        return wrong("LoadMetadata v2 does not support -F option.");
    }
    if given.has("a") && !given.has("v2") {
        return wrong("LoadMetadata v1 does not support -a/--async option.");
    }
    if given.has("id") {
        return wrong("-id option only works with get and cancel operation type");
    }
    if given.has("v2") {
        return sync_task::load(call).await;
    }
    call.shell.each_path(&given.arguments[0], async |path| load_one(call, path).await).await?;
    Ok(SUCCESS)
}

async fn load_one(call: Call<'_>, path: &ShellPath) -> Result<(), CommandError> {
    let again = call.given.has("F");
    let options = ListStatusPOptions {
        recursive: Some(call.given.has("R")),
        load_metadata_only: Some(true),
        load_metadata_type: Some(LoadMetadataPType::Always as i32),
        common_options: again.then(|| FileSystemMasterCommonPOptions {
            sync_interval_ms: Some(0),
            ..FileSystemMasterCommonPOptions::default()
        }),
        ..ListStatusPOptions::default()
    };
    let began = Instant::now();
    call.shell.list_parts(&path.path, options, |_| Ok(())).await?;
    Ok(call.shell.out.line(format_args!("Time elapsed {}", began.elapsed().as_millis()))?)
}

async fn needs_sync(call: Call<'_>) -> Outcome {
    call.shell
        .each_path(&call.given.arguments[0], async |path| {
            Ok(call.shell.fs().await?.needs_sync(&path.path).await?)
        })
        .await?;
    Ok(SUCCESS)
}

async fn sync_paths(call: Call<'_>) -> Outcome {
    let points = call.shell.fs().await?.get_sync_path_list().await?;
    call.shell.out.line("The following paths are under active sync")?;
    for point in points {
        call.shell.out.line(point.sync_point_uri())?;
    }
    Ok(SUCCESS)
}
