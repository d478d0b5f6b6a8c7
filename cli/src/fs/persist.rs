//! `persist`: writes files that are only in Alluxio to the under storage.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::{ListStatusPOptions, ScheduleAsyncPersistencePOptions};
use futures::{StreamExt, stream};
use tokio::time::{Instant, sleep};

use super::{Call, FsCommand, Outcome};
use crate::{
    error::{CommandError, SHELL_FAILURE, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec, Parsed},
};

const DEFAULT_PARALLELISM: usize = 4;
const DEFAULT_TIMEOUT_MS: i64 = 20 * 60 * 1000;
/// Pause between two looks at a file.
const POLL: Duration = Duration::from_millis(100);

pub const PERSIST: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "persist",
        usage: "persist [-p|--parallelism <#>] [-t|--timeout <milliseconds>] [-w|--wait <milliseconds>] <path> [<path> ...]",
        description: "Writes files that are only in Alluxio to the under storage, and waits until they are there.",
        options: &[
            OptionSpec::both("p", "parallelism", "how many files at a time (4)")
                .with_value("# concurrent operations"),
            OptionSpec::both("t", "timeout", "how long to wait for one file (20 minutes); -1 waits for ever")
                .with_value("timeout in milliseconds"),
            OptionSpec::both("w", "wait", "how long the masters shall wait before they begin (0)")
                .with_value("the initial persistence wait time"),
        ],
        arguments: ArgumentCount::AtLeast(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let out = &call.shell.out;
    let parallelism = match call.given.value("p") {
        None => DEFAULT_PARALLELISM,
        Some(text) => text.parse().ok().filter(|&number| number > 0).ok_or_else(|| {
            CommandError::failed(format!("-p {text}: how many files at a time must be a number above 0"))
        })?,
    };
    let timeout = ms(call.given, "t", DEFAULT_TIMEOUT_MS)?;
    let wait = ms(call.given, "w", 0)?;
    if wait < 0 || (timeout != -1 && wait > timeout) {
        out.line("The time of -w must not be below 0, nor above the timeout of -t")?;
        return Ok(SHELL_FAILURE);
    }
    let files = files_to_persist(call).await?;
    out.line(format_args!("Found {} files to persist.", files.len()))?;
    let done = AtomicUsize::new(0);
    let (done, total) = (&done, files.len());
    let mut work = stream::iter(files)
        .map(|path| async move {
            let line = match persist(call, &path, wait, timeout).await {
                Ok(true) => {
                    let number = done.fetch_add(1, Ordering::Relaxed) + 1;
                    format!("({number}/{total}) Successfully persisted file: {path}")
                }
                Ok(false) => format!("Timed out waiting for file to be persisted: {path}"),
                Err(error) => format!("Failed to persist file {path}: {error}"),
            };
            out.line(line)?;
            out.flush()
        })
        .buffer_unordered(parallelism);
    while let Some(printed) = work.next().await {
        printed?;
    }
    Ok(SUCCESS)
}

fn ms(given: &Parsed, name: &str, default: i64) -> Result<i64, CommandError> {
    match given.value(name) {
        None => Ok(default),
        Some(text) => alluxio_conf::parse::span(text).map(|span| span.ms()).map_err(|_| {
            CommandError::failed(format!("-{name} {text} is not a time: write 500ms, 30s or 10m"))
        }),
    }
}

/// The files at and below the paths of the call that are not in the under storage.
async fn files_to_persist(call: Call<'_>) -> Result<Vec<AlluxioPath>, CommandError> {
    let mut files = Vec::new();
    for text in &call.given.arguments {
        for path in call.shell.expand(text).await? {
            let info = call.shell.status(&path.path).await?;
            if !info.folder() {
                if !info.persisted() {
                    files.push(path.path);
                }
                continue;
            }
            let options = ListStatusPOptions { recursive: Some(true), ..ListStatusPOptions::default() };
            call.shell
                .list_parts(&path.path, options, |part| {
                    for info in part.iter().filter(|info| !info.folder() && !info.persisted()) {
                        files.push(AlluxioPath::parse(info.path())?);
                    }
                    Ok(())
                })
                .await?;
        }
    }
    Ok(files)
}

/// Asks for one file and waits for it; false when it took too long.
async fn persist(call: Call<'_>, path: &AlluxioPath, wait: i64, timeout: i64) -> Result<bool, CommandError> {
    let until = u64::try_from(timeout).ok().map(|ms| Instant::now() + Duration::from_millis(ms));
    let options =
        ScheduleAsyncPersistencePOptions { persistence_wait_time: Some(wait), ..Default::default() };
    call.shell.fs().await?.schedule_async_persistence(path, options).await?;
    while !call.shell.status(path).await?.persisted() {
        if until.is_some_and(|until| Instant::now() >= until) {
            return Ok(false);
        }
        sleep(POLL).await;
    }
    Ok(true)
}
