//! Finding DataNodes that take a new file's bytes.
//!
//! The library writes to whatever DataNodes the NameNode names, and the NameNode goes on naming one that has died
//! until it has missed it for minutes. So a file begins with a trial: its first bytes are synced, and when that fails
//! the file is created anew, in the end with a copy less, which is made up for when the file is closed. A DataNode
//! that dies later fails the write (see decision 18).

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use alluxio_hdfs::{Create, Hdfs, Writer};
use bytes::Bytes;
use parking_lot::Mutex;

/// What is taken when there are always dead ones among all copies; never one alone where more are wanted.
const REDUCED_COPIES: u32 = 2;
/// How long after that new files begin with the lower number.
const REDUCED_FOR: Duration = Duration::from_secs(60);
/// Further trials with all copies, and with fewer: with one DataNode of three dead, a trial with two copies succeeds
/// once in three times.
const FULL_TRIALS: usize = 1;
const REDUCED_TRIALS: usize = 24;
/// For one of them, where HDFS is quick. Where a DataNode of the pipeline is dead, the library waits for ever.
const TRIAL_LIMIT: Duration = Duration::from_secs(2);
/// After so many trials the limit has grown by once its first value: slow disks are no dead DataNode.
const TRIALS_PER_STEP: u32 = 4;
/// For all of them.
const TRIALS_LIMIT: Duration = Duration::from_secs(60);

/// How many copies new files get.
#[derive(Debug)]
pub(super) struct Copies {
    /// None: as many as HDFS is set to.
    wanted: Option<u32>,
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

/// With how many copies a file begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// None: as many as HDFS is set to.
    pub(super) copies: Option<u32>,
    /// How many it is to have when it is whole, where it begins with fewer.
    reduced_from: Option<u32>,
}

impl Copies {
    pub(super) fn wanted(copies: Option<u32>) -> Self {
        Self { wanted: copies, reduced: Mutex::new(None), took: Mutex::default() }
    }

    pub(super) fn start(&self) -> Start {
        match self.reduced.lock().filter(|reduced| reduced.since.elapsed() < REDUCED_FOR) {
            Some(Reduced { all, .. }) => Start { copies: Some(REDUCED_COPIES), reduced_from: Some(all) },
            None => Start { copies: self.wanted, reduced_from: None },
        }
    }

    /// For the trial of this number, from 0.
    fn limit(&self, trial: u32) -> Duration {
        TRIAL_LIMIT.max(*self.took.lock() * 3) * (1 + trial / TRIALS_PER_STEP)
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

/// A file that was created and has no bytes yet.
pub(super) struct Beginning<'a> {
    pub(super) hdfs: &'a Hdfs,
    pub(super) copies: &'a Copies,
    pub(super) location: &'a str,
    pub(super) create: Create,
    pub(super) start: Start,
}

impl Beginning<'_> {
    /// Puts the first bytes into the file, or into another one of its name. They are on disks then.
    pub(super) async fn write(self, file: Writer, data: &Bytes) -> io::Result<Writer> {
        let until = Instant::now() + TRIALS_LIMIT;
        let mut failed = match self.tried(file, data, 0).await {
            Ok(file) => return self.begun(file, self.start.reduced_from).await,
            Err(error) => error,
        };
        let all = match self.start.reduced_from.or(self.copies.wanted) {
            Some(all) => all,
            None => self.hdfs.status(self.location).await?.and_then(|made| made.replication).unwrap_or(1),
        };
        let fewer = all.min(REDUCED_COPIES);
        let full = if self.start.reduced_from.is_some() { 0 } else { FULL_TRIALS };
        let more = std::iter::repeat_n(all, full).chain(std::iter::repeat_n(fewer, REDUCED_TRIALS));
        for (trial, copies) in (1..).zip(more) {
            if !may_be_a_datanode(&failed) || Instant::now() >= until {
                return Err(failed);
            }
            tracing::debug!(error = %failed, path = self.location, copies, "begun again on other DataNodes");
            self.hdfs.remove_one(self.location).await?;
            let create = Create { replication: Some(copies), ..self.create };
            let file = self.hdfs.create(self.location, create).await?;
            match self.tried(file, data, trial).await {
                Ok(file) => return self.begun(file, (copies < all).then_some(all)).await,
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn tried(&self, mut file: Writer, data: &Bytes, trial: u32) -> io::Result<Writer> {
        let limit = self.copies.limit(trial);
        let began = Instant::now();
        let attempt = async {
            file.append(data.clone()).await?;
            sync(&mut file).await
        };
        match tokio::time::timeout(limit, attempt).await {
            Ok(done) => done?,
            Err(_) => {
                let reason = format!("no answer from the DataNodes within {limit:?}");
                return Err(io::Error::new(ErrorKind::TimedOut, reason));
            }
        }
        *self.copies.took.lock() = began.elapsed();
        Ok(file)
    }

    async fn begun(&self, file: Writer, reduced_from: Option<u32>) -> io::Result<Writer> {
        if let Some(all) = reduced_from {
            self.copies.worked_with_fewer(all);
            self.hdfs.set_replication(self.location, all).await?;
        }
        Ok(file)
    }
}

/// Brings what was written to disks, where the library can: erasure-coded files are only closed.
pub(super) async fn sync(file: &mut Writer) -> io::Result<()> {
    match file.sync().await {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
        done => done,
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
