//! Finding DataNodes that take a new file's bytes.
//!
//! The library writes to whatever DataNodes the NameNode names, and the NameNode goes on naming one that has died
//! until it has missed it for minutes. So a file begins with a trial: its first bytes are synced, and when that fails
//! the file is created anew, in the end with a copy less, which is made up for when the file is closed. What becomes of
//! a DataNode that dies later is the writer's to see (decision 18).

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::client::{Create, Hdfs};
use crate::writer::Writer;

/// What is taken when there are always dead ones among all copies; never one alone where more are wanted.
const REDUCED_COPIES: u32 = 2;
/// How long after that new files begin with the lower number.
const REDUCED_FOR: Duration = Duration::from_secs(60);

/// How long DataNodes are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Trials {
    /// For one of the first trials, where HDFS is quick. Where a DataNode of the pipeline is dead, the library waits for
    /// ever.
    pub limit: Duration,
    /// After so many trials the limit has grown by once its first value: slow disks are no dead DataNode.
    pub per_step: u32,
    /// Further ones with all copies.
    pub full: usize,
    /// Further ones with fewer: with one DataNode of three dead, a trial with two copies succeeds once in three times.
    pub reduced: usize,
    /// For all of them.
    pub in_all: Duration,
    /// Files that can't be synced (they are erasure-coded) are refused.
    pub must_sync: bool,
}

/// Begins files, and remembers how many copies can be had.
#[derive(Debug)]
pub struct Beginner {
    /// None: as many as HDFS is set to.
    wanted: Option<u32>,
    trials: Trials,
    reduced: Mutex<Option<Reduced>>,
    /// How long the last trial took that succeeded.
    took: Mutex<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Reduced {
    since: Instant,
    /// What a whole file has.
    all: u32,
}

/// A file that was created and has no bytes yet.
pub struct NewFile {
    writer: Writer,
    path: String,
    create: Create,
    /// How many copies it is to have when it is whole, where it begins with fewer.
    reduced_from: Option<u32>,
}

impl NewFile {
    /// For a file that stays empty.
    pub fn into_writer(self) -> Writer {
        self.writer
    }
}

impl Beginner {
    /// For files with so many copies; None: as many as HDFS is set to.
    pub fn new(wanted: Option<u32>, trials: Trials) -> Self {
        Self { wanted, trials, reduced: Mutex::new(None), took: Mutex::default() }
    }

    /// Creates a file that must not be there. The number of copies is chosen here.
    pub async fn create(&self, hdfs: &Hdfs, path: &str, create: Create) -> io::Result<NewFile> {
        let (replication, reduced_from) = self.first();
        let create = Create { replication, ..create };
        let writer = hdfs.create(path, create).await?;
        Ok(NewFile { writer, path: path.to_owned(), create, reduced_from })
    }

    /// Puts the first bytes into the file, or into another one of its name. They are on disks then.
    pub async fn write(&self, hdfs: &Hdfs, file: NewFile, data: &Bytes) -> io::Result<Writer> {
        let until = Instant::now() + self.trials.in_all;
        let NewFile { writer, path, create, reduced_from } = file;
        let mut failed = match self.tried(writer, data, 0).await {
            Ok(writer) => return self.begun(hdfs, &path, writer, reduced_from).await,
            Err(error) => error,
        };
        let all = match reduced_from.or(self.wanted) {
            Some(all) => all,
            None => hdfs.status(&path).await?.and_then(|made| made.replication).unwrap_or(1),
        };
        let fewer = all.min(REDUCED_COPIES);
        let full = if reduced_from.is_some() { 0 } else { self.trials.full };
        let more = std::iter::repeat_n(all, full).chain(std::iter::repeat_n(fewer, self.trials.reduced));
        for (trial, copies) in (1..).zip(more) {
            if !may_be_a_datanode(&failed) || Instant::now() >= until {
                return Err(failed);
            }
            tracing::debug!(error = %failed, path, copies, "begun again on other DataNodes");
            hdfs.remove_one(&path).await?;
            let writer = hdfs.create(&path, Create { replication: Some(copies), ..create }).await?;
            match self.tried(writer, data, trial).await {
                Ok(writer) => return self.begun(hdfs, &path, writer, (copies < all).then_some(all)).await,
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// How many copies a file begins with, and how many it is to have in the end, where these are more.
    fn first(&self) -> (Option<u32>, Option<u32>) {
        match self.reduced.lock().filter(|reduced| reduced.since.elapsed() < REDUCED_FOR) {
            Some(Reduced { all, .. }) => (Some(REDUCED_COPIES), Some(all)),
            None => (self.wanted, None),
        }
    }

    /// For the trial of this number, from 0.
    fn limit(&self, trial: u32) -> Duration {
        self.trials.limit.max(*self.took.lock() * 3) * (1 + trial / self.trials.per_step)
    }

    async fn tried(&self, mut file: Writer, data: &Bytes, trial: u32) -> io::Result<Writer> {
        let limit = self.limit(trial);
        let began = Instant::now();
        let attempt = async {
            file.append(data.clone()).await?;
            if self.trials.must_sync { file.sync().await } else { file.sync_if_it_can().await }
        };
        match tokio::time::timeout(limit, attempt).await {
            Ok(done) => done?,
            Err(_) => {
                let reason = format!("no answer from the DataNodes within {limit:?}");
                return Err(io::Error::new(ErrorKind::TimedOut, reason));
            }
        }
        *self.took.lock() = began.elapsed();
        Ok(file)
    }

    async fn begun(
        &self,
        hdfs: &Hdfs,
        path: &str,
        file: Writer,
        reduced_from: Option<u32>,
    ) -> io::Result<Writer> {
        if let Some(all) = reduced_from {
            self.worked_with_fewer(all);
            hdfs.set_replication(path, all).await?;
        }
        Ok(file)
    }

    fn worked_with_fewer(&self, all: u32) {
        let mut reduced = self.reduced.lock();
        if reduced.is_none_or(|reduced| reduced.since.elapsed() >= REDUCED_FOR) {
            tracing::warn!(
                copies = REDUCED_COPIES,
                wanted = all,
                "a DataNode that HDFS believes alive is not: new files have fewer copies until they are closed"
            );
            *reduced = Some(Reduced { since: Instant::now(), all });
        }
    }
}

/// Whether another choice of DataNodes may help.
fn may_be_a_datanode(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::PermissionDenied
            | ErrorKind::Unsupported
            | ErrorKind::QuotaExceeded
            | ErrorKind::ResourceBusy
            | ErrorKind::StaleNetworkFileHandle
            | ErrorKind::InvalidInput
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn beginner() -> Beginner {
        let trials =
            Trials { limit: SECOND, per_step: 4, full: 1, reduced: 9, in_all: SECOND, must_sync: true };
        Beginner::new(Some(3), trials)
    }

    #[test]
    fn later_trials_and_slow_disks_have_more_time() {
        let beginner = beginner();
        assert_eq!([0, 3, 4, 8].map(|trial| beginner.limit(trial).as_secs()), [1, 1, 2, 3]);
        *beginner.took.lock() = SECOND;
        assert_eq!([0, 4].map(|trial| beginner.limit(trial).as_secs()), [3, 6]);
    }

    #[test]
    fn files_begin_with_fewer_copies_for_a_while() {
        let beginner = beginner();
        assert_eq!(beginner.first(), (Some(3), None));
        beginner.worked_with_fewer(3);
        assert_eq!(beginner.first(), (Some(2), Some(3)));
        let long_ago = Instant::now().checked_sub(REDUCED_FOR).unwrap();
        *beginner.reduced.lock() = Some(Reduced { since: long_ago, all: 3 });
        assert_eq!(beginner.first(), (Some(3), None));
    }
}
