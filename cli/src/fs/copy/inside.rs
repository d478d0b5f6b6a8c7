//! Copies inside Alluxio.

use alluxio_fs::{AccessControlList, Mode};
use alluxio_proto::grpc::file::{
    CreateDirectoryPOptions, CreateFilePOptions, DeletePOptions, FileInfo, ListStatusPOptions,
    OpenFilePOptions, SetAclAction, SetAttributePOptions,
};

use super::{Call, Manner, ShellPath, copied, expect_file, file_target, not_a_directory};
use crate::error::CommandError;

pub async fn copy(
    call: Call<'_>,
    source: &str,
    target: &ShellPath,
    manner: Manner,
) -> Result<(), CommandError> {
    let paths = call.shell.expand(source).await?;
    if !call.shell.path(source)?.has_wildcard() {
        return call
            .shell
            .each_of(&paths, async |path| copy_tree(call, path, target, manner, true).await)
            .await;
    }
    match call.shell.status_if_any(&target.path).await? {
        Some(info) if !info.folder() => return Err(not_a_directory(target)),
        Some(_) => {}
        None => make_directory(call, target).await?,
    }
    call.shell
        .each_of(&paths, async |path| {
            copy_tree(call, path, &target.child(path.path.name()), manner, false).await
        })
        .await
}

/// Copies a file or, when asked to, a directory with all that is in it. A directory copied to one
/// that is there becomes a subdirectory of it.
async fn copy_tree(
    call: Call<'_>,
    source: &ShellPath,
    target: &ShellPath,
    manner: Manner,
    alone: bool,
) -> Result<(), CommandError> {
    let info = call.shell.status(&source.path).await?;
    if alone {
        expect_file(call, &info);
    }
    if !info.folder() {
        let target = file_target(call, target, source.path.name()).await?;
        return copy_file(call, source, &info, &target, manner).await;
    }
    if !manner.recursive {
        return Err(CommandError::failed(format!(
            "{} is a directory, to copy it please use \"cp -R/-r/--recursive <src> <dst>\"",
            source.path
        )));
    }
    let target = match call.shell.status_if_any(&target.path).await? {
        Some(there) if !there.folder() => return Err(not_a_directory(target)),
        Some(_) => target.child(source.path.name()),
        None => target.clone(),
    };
    // A copy into itself would find its own files for ever.
    if target.path.starts_with(&source.path) {
        return Err(CommandError::failed(format!(
            "{} cannot be copied into itself, to {target}",
            source.path
        )));
    }
    let mut jobs = vec![(source.clone(), info, target)];
    let mut failures = Vec::new();
    while let Some((source, info, target)) = jobs.pop() {
        let done = if info.folder() {
            async {
                make_directory(call, &target).await?;
                preserve(call, &info, &target, manner).await?;
                let mut all = call.shell.list(&source.path, ListStatusPOptions::default()).await?;
                // Taken from the end, so that files are copied in the order of their names.
                all.sort_by(|a, b| b.name().cmp(a.name()));
                jobs.extend(all.into_iter().map(|info| {
                    let name = info.name().to_owned();
                    (source.child(&name), info, target.child(&name))
                }));
                Ok(())
            }
            .await
        } else {
            copy_file(call, &source, &info, &target, manner).await
        };
        match done {
            Err(error @ CommandError::Output(_)) => return Err(error),
            Err(error) => failures.push(error.to_string()),
            Ok(()) => {}
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(CommandError::failed(failures.join("\n"))) }
}

async fn make_directory(call: Call<'_>, target: &ShellPath) -> Result<(), CommandError> {
    call.shell.fs().await?.create_directory(&target.path, CreateDirectoryPOptions::default()).await?;
    Ok(call.shell.tell(format_args!("Created directory: {target}"))?)
}

async fn copy_file(
    call: Call<'_>,
    source: &ShellPath,
    info: &FileInfo,
    target: &ShellPath,
    manner: Manner,
) -> Result<(), CommandError> {
    let fs = call.shell.fs().await?;
    let mut reader = fs.open(&source.path, OpenFilePOptions::default()).await?;
    let mut writer = fs.create(&target.path, CreateFilePOptions::default()).await?;
    let written: Result<(), CommandError> = async {
        while let Some(chunk) = reader.read().await? {
            let bytes = chunk.len();
            writer.write(chunk).await?;
            call.shell.progress.advance(bytes);
        }
        Ok(())
    }
    .await;
    if let Err(error) = written {
        writer.cancel();
        let unchecked = DeletePOptions { unchecked: Some(true), ..DeletePOptions::default() };
        // Half a file must not stay; when even this fails the copy's own error says more.
        if let Err(left) = fs.delete(&target.path, unchecked).await {
            tracing::debug!(%target, %left, "the incomplete copy could not be removed");
        }
        return Err(error);
    }
    writer.close().await?;
    call.shell.tell(copied(source, target))?;
    preserve(call, info, target, manner).await
}

/// Gives the copy the source's owner, group, permissions and access control list, with `-p`.
async fn preserve(
    call: Call<'_>,
    info: &FileInfo,
    target: &ShellPath,
    manner: Manner,
) -> Result<(), CommandError> {
    if !manner.preserve {
        return Ok(());
    }
    let fs = call.shell.fs().await?;
    let attributes = SetAttributePOptions {
        owner: Some(info.owner().to_owned()),
        group: Some(info.group().to_owned()),
        mode: Some(Mode::new(info.mode() as u16).to_wire()),
        ..SetAttributePOptions::default()
    };
    fs.set_attribute(&target.path, attributes).await?;
    if let Some(acl) = &info.acl {
        let entries = AccessControlList::from_wire(acl).entries(false);
        fs.set_acl(&target.path, SetAclAction::Replace, &entries, Default::default()).await?;
    }
    Ok(())
}
