//! Copies from this machine. A directory is copied with all that is in it, several files at a time;
//! what fails is told at once and again at the end, and the other files are copied all the same.

use std::path::{Path, PathBuf};

use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::file::{CreateDirectoryPOptions, CreateFilePOptions, DeletePOptions};
use bytes::BytesMut;
use futures::{Stream, StreamExt, stream};
use tokio::{fs::File, io::AsyncReadExt};

use super::{Call, LocalPath, Manner, ShellPath, copied, file_target, not_a_directory};
use crate::{error::CommandError, glob};

pub async fn copy(
    call: Call<'_>,
    source: &LocalPath,
    target: &ShellPath,
    manner: Manner,
) -> Result<(), CommandError> {
    let pattern = source.0.to_string_lossy();
    let sources = glob::local_files(&pattern).map_err(|error| CommandError::local(&source.0, error))?;
    match &sources[..] {
        [] => return Err(CommandError::failed(format!("Path \"{source}\" does not exist."))),
        [file] if !file.is_dir() => {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let into = file_target(call, target, &name).await?;
            if let Ok(found) = file.metadata() {
                call.shell.progress.expect(found.len());
            }
            copy_file(call, file, &into, manner).await?;
        }
        // A directory gives its entries to the target; of several matches each goes in itself.
        [directory] if *directory == source.0 => {
            copy_all(call, entries(directory)?, target, manner).await?;
        }
        _ => copy_all(call, sources, target, manner).await?,
    }
    Ok(call.shell.out.line(copied(source, target))?)
}

async fn copy_all(
    call: Call<'_>,
    sources: Vec<PathBuf>,
    target: &ShellPath,
    manner: Manner,
) -> Result<(), CommandError> {
    make_directory(call, target).await?;
    let mut failures = Vec::new();
    let jobs = sources.into_iter().map(|path| Job::below(path, target)).collect();
    let mut results = std::pin::pin!(
        walk(call, jobs)
            .map(|found| async move {
                let job = found?;
                let done = copy_file(call, &job.source, &job.target, manner).await;
                done.map(|()| copied(&LocalPath(job.source.clone()), &job.target))
                    .map_err(|error| job.failed(&error))
            })
            .buffer_unordered(manner.parallelism)
    );
    while let Some(result) = results.next().await {
        match result {
            Ok(line) => call.shell.tell(line)?,
            Err(failure) => {
                call.shell.progress.aside(|| call.shell.out.note(&failure));
                failures.push(failure);
            }
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    Err(CommandError::failed(format!("ERRORS:\n{}", failures.join("\n"))))
}

/// A file or directory and where it goes.
struct Job {
    source: PathBuf,
    target: ShellPath,
}

impl Job {
    fn below(source: PathBuf, target: &ShellPath) -> Self {
        let target = target.child(&source.file_name().unwrap_or_default().to_string_lossy());
        Self { source, target }
    }

    fn failed(&self, error: &CommandError) -> String {
        format!("Failed to copy file://{} to {}: {error}", self.source.display(), self.target)
    }
}

/// The files of the jobs and of all directories below them; each directory is made before what is in
/// it. Directories are read when the walk comes to them, so no more than one path per level and entry
/// is held.
fn walk<'a>(call: Call<'a>, jobs: Vec<Job>) -> impl Stream<Item = Result<Job, String>> + 'a {
    stream::unfold(jobs, move |mut jobs| async move {
        loop {
            let job = jobs.pop()?;
            if !job.source.is_dir() {
                return Some((Ok(job), jobs));
            }
            let made = match entries(&job.source) {
                Ok(found) => make_directory(call, &job.target).await.map(|()| found),
                Err(error) => Err(error),
            };
            match made {
                Ok(found) => jobs.extend(found.into_iter().map(|path| Job::below(path, &job.target))),
                Err(error) => return Some((Err(job.failed(&error)), jobs)),
            }
        }
    })
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let failed = |error| CommandError::local(directory, error);
    let mut found = std::fs::read_dir(directory)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    found.sort();
    Ok(found)
}

/// Makes a directory in Alluxio; one that is there is taken as it is.
async fn make_directory(call: Call<'_>, target: &ShellPath) -> Result<(), CommandError> {
    let made =
        call.shell.fs().await?.create_directory(&target.path, CreateDirectoryPOptions::default()).await;
    match made {
        Ok(()) => Ok(()),
        Err(error) if error.kind == ErrorKind::AlreadyExists => {
            if call.shell.status(&target.path).await?.folder() {
                Ok(())
            } else {
                Err(not_a_directory(target))
            }
        }
        Err(error) => Err(error.into()),
    }
}

async fn copy_file(
    call: Call<'_>,
    source: &Path,
    target: &ShellPath,
    manner: Manner,
) -> Result<(), CommandError> {
    let local = |error| CommandError::local(source, error);
    // Opened first: nothing is made in Alluxio for a file that cannot be read.
    let mut file = File::open(source).await.map_err(local)?;
    let fs = call.shell.fs().await?;
    let mut writer = fs.create(&target.path, CreateFilePOptions::default()).await?;
    let copied: Result<(), CommandError> = async {
        loop {
            let mut buffer = BytesMut::with_capacity(manner.buffer);
            while buffer.len() < manner.buffer {
                if file.read_buf(&mut buffer).await.map_err(local)? == 0 {
                    break;
                }
            }
            if buffer.is_empty() {
                return Ok(());
            }
            let bytes = buffer.len();
            writer.write(buffer.freeze()).await?;
            call.shell.progress.advance(bytes);
        }
    }
    .await;
    match copied {
        Ok(()) => Ok(writer.close().await?),
        Err(error) => {
            writer.cancel();
            // Half a file must not stay; when even this fails the copy's own error says more.
            if let Err(left) = fs.delete(&target.path, DeletePOptions::default()).await {
                tracing::debug!(%target, %left, "the incomplete copy could not be removed");
            }
            Err(error)
        }
    }
}
