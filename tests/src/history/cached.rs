//! Files whose only copy is a worker's. A client of its own writes, reads and deletes them one call after the other, so
//! what each read must say is known: the same bytes for as long as the file is not deleted. An answer that the data
//! is lost would be false: the workers live on.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use alluxio_client::{Cluster, FileSystem};
use alluxio_conf::Configuration;
use alluxio_fs::{AlluxioPath, ErrorKind, FsError, FsResult};
use alluxio_proto::grpc::file::{DeletePOptions, WritePType};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use tokio::time::{Instant, sleep, timeout};

use super::{
    client::{LONGEST_PAUSE, SETTINGS, TRY, may_pass},
    workload::Shared,
};
use crate::client::{read, write};

/// Files at the same time.
const FILES: usize = 12;
/// Between two calls, at most.
const THINKING: Duration = Duration::from_millis(50);

struct Client {
    conf: Configuration,
    fs: FileSystem,
    root: String,
    patience: Duration,
}

/// Works until the workload stops, and then reads everything once more.
pub(super) async fn keep_cached(
    shared: Arc<Shared>,
    conf: Configuration,
    mut random: StdRng,
    patience: Duration,
) -> Result<()> {
    let conf = conf.with(&SETTINGS)?;
    let fs = FileSystem::new(Cluster::without_defaults(&conf)?);
    let mut client = Client { conf, fs, root: format!("{}/cached", shared.root), patience };
    let (mut files, mut next) = (Vec::new(), 0);
    while !shared.stopping.load(Ordering::Relaxed) {
        match random.random_range(0..4) {
            0 if files.len() < FILES => {
                if client.write(next).await? {
                    files.push(next);
                }
                next += 1;
            }
            1 if files.len() == FILES => {
                client.delete(files.swap_remove(random.random_range(0..FILES))).await?;
            }
            _ => {
                if let Some(file) = files.choose(&mut random) {
                    client.read(*file).await?;
                    shared.cached_reads.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        sleep(THINKING.mul_f64(random.random())).await;
    }
    for file in files {
        client.read(file).await.context("after the faults")?;
        shared.cached_reads.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

impl Client {
    fn path(&self, file: usize) -> String {
        format!("{}/{file}", self.root)
    }

    /// Longer than one packet, and different for each file.
    fn content(file: usize) -> Bytes {
        format!("{file} ").repeat(1000).into()
    }

    /// Whether it is known to be there. One that was tried is not used again: what became of it is not known.
    async fn write(&mut self, file: usize) -> Result<bool> {
        let path = self.path(file);
        let written = write(&self.fs, &path, Self::content(file), WritePType::MustCache);
        match timeout(TRY, written).await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(error)) => {
                ensure!(may_pass(error.kind), "writing {path}: {:?}: {error}", error.kind);
                Ok(false)
            }
            Err(_) => self.begin_anew().map(|()| false),
        }
    }

    async fn read(&mut self, file: usize) -> Result<()> {
        let path = self.path(file);
        let found = self.until_answered(&path, async |fs, path| read(fs, path).await).await?;
        let found = found.with_context(|| format!("{path} was written, and no worker has failed"))?;
        ensure!(found == Self::content(file), "{path} has other data");
        Ok(())
    }

    async fn delete(&mut self, file: usize) -> Result<()> {
        let path = self.path(file);
        let delete = async |fs: &FileSystem, path: &str| {
            fs.delete(&AlluxioPath::parse(path)?, DeletePOptions::default()).await
        };
        let deleted = self.until_answered(&path, delete).await?;
        // A former try may have been carried out.
        let deleted =
            deleted.or_else(|error| if error.kind == ErrorKind::NotFound { Ok(()) } else { Err(error) });
        deleted.with_context(|| format!("deleting {path}"))?;
        let found = self.until_answered(&path, async |fs, path| read(fs, path).await).await?;
        ensure!(
            found.as_ref().is_err_and(|error| error.kind == ErrorKind::NotFound),
            "{path} was deleted: {found:?}"
        );
        Ok(())
    }

    /// Tries again until there is an answer that another try would not change.
    async fn until_answered<T>(
        &mut self,
        path: &str,
        call: impl AsyncFn(&FileSystem, &str) -> FsResult<T>,
    ) -> Result<FsResult<T>> {
        let began = Instant::now();
        loop {
            let error = match timeout(TRY, call(&self.fs, path)).await {
                Ok(Err(error)) if may_pass(error.kind) => error,
                Ok(answer) => return Ok(answer),
                Err(_) => {
                    self.begin_anew()?;
                    FsError::deadline_exceeded("no answer")
                }
            };
            ensure!(
                began.elapsed() < self.patience,
                "{path} has no answer after {:?}: {error}",
                self.patience
            );
            sleep(LONGEST_PAUSE).await;
        }
    }

    fn begin_anew(&mut self) -> Result<()> {
        self.fs = FileSystem::new(Cluster::without_defaults(&self.conf)?);
        Ok(())
    }
}
