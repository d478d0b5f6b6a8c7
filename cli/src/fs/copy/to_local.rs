//! Copies to this machine. A file is written under another name first, so that a copy that breaks off
//! leaves no half file behind.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alluxio_proto::grpc::file::{ListStatusPOptions, OpenFilePOptions};
use tokio::{fs::File, io::AsyncWriteExt};

use super::{Call, LocalPath, ShellPath, copied, expect_file, not_a_directory};
use crate::error::CommandError;

pub async fn copy(call: Call<'_>, source: &str, target: &LocalPath) -> Result<(), CommandError> {
    let path = call.shell.path(source)?;
    if !path.has_wildcard() {
        return copy_tree(call, path, target.0.clone(), true).await;
    }
    let paths = call.shell.expand(source).await?;
    if target.0.exists() && !target.0.is_dir() {
        return Err(not_a_directory(target));
    }
    make_directory(call, &target.0)?;
    call.shell
        .each_of(&paths, async |path| {
            copy_tree(call, path.clone(), target.0.join(path.path.name()), false).await
        })
        .await
}

/// Copies a file, or a directory with all that is in it. What fails is told at the end.
async fn copy_tree(
    call: Call<'_>,
    source: ShellPath,
    target: PathBuf,
    alone: bool,
) -> Result<(), CommandError> {
    let info = call.shell.status(&source.path).await?;
    if alone {
        expect_file(call, &info);
    }
    let mut jobs = vec![(source, target, info.folder())];
    let mut failures = Vec::new();
    while let Some((source, target, folder)) = jobs.pop() {
        let done = if folder {
            async {
                make_directory(call, &target)?;
                let mut all = call.shell.list(&source.path, ListStatusPOptions::default()).await?;
                // Taken from the end, so that files are copied in the order of their names.
                all.sort_by(|a, b| b.name().cmp(a.name()));
                jobs.extend(
                    all.iter()
                        .map(|info| (source.child(info.name()), target.join(info.name()), info.folder())),
                );
                Ok(())
            }
            .await
        } else {
            copy_file(call, &source, &target).await
        };
        match done {
            Err(error @ CommandError::Output(_)) => return Err(error),
            Err(error) => failures.push(error.to_string()),
            Ok(()) => {}
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(CommandError::failed(failures.join("\n"))) }
}

fn make_directory(call: Call<'_>, path: &Path) -> Result<(), CommandError> {
    if path.exists() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(|error| CommandError::local(path, error))?;
    Ok(call.shell.tell(format_args!("Create directory: file://{}", path.display()))?)
}

async fn copy_file(call: Call<'_>, source: &ShellPath, target: &Path) -> Result<(), CommandError> {
    let target = if target.is_dir() { target.join(source.path.name()) } else { target.to_owned() };
    let partial = PartialFile::beside(&target);
    write(call, source, &partial.0).await?;
    fs::rename(&partial.0, &target).map_err(|error| CommandError::local(&target, error))?;
    Ok(call.shell.tell(copied(source, &LocalPath(target)))?)
}

async fn write(call: Call<'_>, source: &ShellPath, target: &Path) -> Result<(), CommandError> {
    let local = |error| CommandError::local(target, error);
    let mut reader = call.shell.fs().await?.open(&source.path, OpenFilePOptions::default()).await?;
    let mut file = File::create(target).await.map_err(local)?;
    while let Some(chunk) = reader.read().await? {
        file.write_all(&chunk).await.map_err(local)?;
        call.shell.progress.advance(chunk.len());
    }
    file.flush().await.map_err(local)
}

/// The file of a copy that is under way; it is removed unless it was renamed.
struct PartialFile(PathBuf);

impl PartialFile {
    fn beside(target: &Path) -> Self {
        let mut name = target.as_os_str().to_owned();
        name.push(format!(".{}_copyToLocal_", std::process::id()));
        Self(PathBuf::from(name))
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // After the rename there is nothing to remove, and an error of the copy is already told.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_file_goes_when_the_copy_breaks_off() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("f");
        let partial = PartialFile::beside(&target);
        fs::write(&partial.0, "half").unwrap();
        assert_eq!(partial.0.parent(), target.parent());
        drop(partial);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
