//! `rm`: removes files and directories, here and in the under storage.

use alluxio_fs::FsError;
use alluxio_proto::grpc::file::{DeletePOptions, ExistsPOptions};

use super::{Call, FsCommand, Outcome, path::ShellPath};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
};

pub const RM: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "rm",
        usage: "rm [-R/-r/--recursive] [-U] [--alluxioOnly] [-m/--deleteMountPoint] <path>",
        description: "Removes a file, or with -R a directory and all in it, from Alluxio and from the under \
            storage. With --alluxioOnly the under storage is left as it is; -U skips the check that a directory \
            of the under storage holds nothing that Alluxio does not know; -m allows mount points to go.",
        options: &[
            OptionSpec::both("R", "recursive", "remove directories with all that is in them"),
            OptionSpec::short("r", "the same as -R"),
            OptionSpec::short("U", "do not check that the under storage holds nothing else"),
            OptionSpec::long("alluxioOnly", "leave the under storage as it is"),
            OptionSpec::both("m", "deleteMountPoint", "remove mount points, too"),
            OptionSpec::both(
                "s",
                "syncParentNextTime",
                "whether the next access to the parent looks into the under storage (true or false)",
            )
            .with_value("arg"),
        ],
        arguments: ArgumentCount::AtLeast(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    call.shell.each_path(&call.given.arguments[0], async |path| remove(call, path).await).await?;
    Ok(SUCCESS)
}

async fn remove(call: Call<'_>, path: &ShellPath) -> Result<(), CommandError> {
    let given = call.given;
    let fs = call.shell.fs().await?;
    let recursive = given.has("R") || given.has("r");
    if !fs.exists(&path.path, ExistsPOptions::default()).await? {
        return Err(FsError::path_does_not_exist(path).into());
    }
    if !recursive && call.shell.status(&path.path).await?.folder() {
        return Err(CommandError::failed(format!(
            "{} is a directory, to remove it, please use \"rm -R/-r/--recursive <path>\"",
            path.path
        )));
    }
    let alluxio_only = given.has("alluxioOnly");
    let options = DeletePOptions {
        recursive: Some(recursive),
        alluxio_only: Some(alluxio_only),
        unchecked: Some(given.has("U")),
        delete_mount_point: Some(given.has("m")),
        sync_parent_next_time: Some(given.value("s").is_some_and(|value| value.eq_ignore_ascii_case("true"))),
        ..DeletePOptions::default()
    };
    fs.delete(&path.path, options).await?;
    let only = if alluxio_only { " only from Alluxio space" } else { "" };
    call.shell.out.line(format_args!("{path} has been removed{only}"))?;
    Ok(())
}
