//! One client: asks, tries again until it knows the outcome, and tells what it knows.

use std::time::Duration;

use alluxio_client::{Cluster, FileSystem};
use alluxio_conf::Configuration;
use alluxio_fs::{AlluxioPath, ErrorKind, FsError, FsResult};
use alluxio_proto::grpc::file::{
    CompleteFilePOptions, CreateDirectoryPOptions, CreateFilePOptions, DeletePOptions, FileInfo,
    FileSystemMasterCommonPOptions, FsOpPId, GetStatusPOptions, ListStatusPOptions, RenamePOptions,
    WritePType,
};
use anyhow::{Result, ensure};
use futures::TryStreamExt;
use tokio::time::{Instant, sleep, timeout};

use super::call::{Change, Found, Kind, Outcome, Refusal, Reply, Request, Slot};

/// Between two tries of a call.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// A try that takes longer is given up, with its connections.
pub(super) const TRY: Duration = Duration::from_secs(15);

/// What a client of a workload is started with besides the cluster's address. It does all its tries itself, to know
/// how many there were, and finds out soon that nobody is at the other end of a connection.
pub(super) const SETTINGS: [(&str, &str); 5] = [
    ("alluxio.user.rpc.retry.max.duration", "0s"),
    ("alluxio.user.conf.cluster.default.enabled", "false"),
    ("alluxio.user.file.metadata.load.type", "NEVER"),
    ("alluxio.user.network.rpc.keepalive.time", "1s"),
    ("alluxio.user.network.rpc.keepalive.timeout", "2s"),
];

pub(super) struct Client {
    conf: Configuration,
    fs: FileSystem,
    /// What makes the id of its next change.
    id: i64,
    number: i64,
}

/// Why there is no answer yet.
enum Failure {
    /// It may have been carried out, or be so later.
    Lost(FsError),
    Refused(Refusal),
}

impl Client {
    pub fn new(conf: &Configuration) -> Result<Client> {
        let conf = conf.clone().with(&SETTINGS)?;
        let fs = FileSystem::new(Cluster::without_defaults(&conf)?);
        Ok(Client { conf, fs, id: rand::random(), number: 0 })
    }

    /// Asks until there is an answer, for at most `patience`.
    pub async fn ask(&mut self, directory: &str, request: Request, patience: Duration) -> Result<Outcome> {
        self.number += 1;
        let began = Instant::now();
        let (mut tries, mut pause) = (0, Duration::from_millis(10));
        loop {
            tries += 1;
            let failure = match timeout(TRY, self.once(directory, request)).await {
                Ok(Ok(reply)) => return Ok(Outcome::Replied(reply)),
                Ok(Err(failure)) => failure,
                Err(_) => {
                    self.fs = FileSystem::new(Cluster::without_defaults(&self.conf)?);
                    Failure::Lost(FsError::deadline_exceeded("no answer"))
                }
            };
            match (failure, request) {
                (Failure::Refused(refusal), Request::Change(change)) => {
                    return Ok(refused(change, refusal, tries));
                }
                (Failure::Refused(refusal), _) => return Ok(Outcome::Replied(Reply::Refused(refusal))),
                (Failure::Lost(_), _) if began.elapsed() > patience => return Ok(Outcome::Unknown),
                (Failure::Lost(error), _) => {
                    ensure!(may_pass(error.kind), "{request:?} in {directory}: {:?}: {error}", error.kind);
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A read that is answered or not, at once.
    pub async fn look(&self, directory: &str, request: Request) -> Option<Reply> {
        match timeout(TRY, self.once(directory, request)).await {
            Ok(Ok(reply)) => Some(reply),
            Ok(Err(Failure::Refused(refusal))) => Some(Reply::Refused(refusal)),
            Ok(Err(Failure::Lost(_))) | Err(_) => None,
        }
    }

    /// Makes a workload's directory.
    pub async fn make(&mut self, directory: &str, patience: Duration) -> Result<()> {
        let path = AlluxioPath::parse(directory)?;
        let options = CreateDirectoryPOptions {
            recursive: Some(true),
            allow_exists: Some(true),
            write_type: Some(WritePType::MustCache.into()),
            ..Default::default()
        };
        let began = Instant::now();
        while let Err(error) = self.fs.create_directory(&path, options.clone()).await {
            ensure!(began.elapsed() < patience && may_pass(error.kind), "making {directory}: {error}");
            sleep(LONGEST_PAUSE).await;
        }
        Ok(())
    }

    async fn once(&self, directory: &str, request: Request) -> Result<Reply, Failure> {
        let path = |slot: Slot| AlluxioPath::parse(&format!("{directory}/{slot}"));
        let done = async {
            match request {
                Request::Change(change) => self.change(path, change).await.map(|()| Reply::Done),
                Request::Status(slot) => {
                    let info = self.fs.get_status(&path(slot)?, GetStatusPOptions::default()).await?;
                    Ok(Reply::Status(found(&info)))
                }
                Request::List => {
                    let at = AlluxioPath::parse(directory)?;
                    let listing = self.fs.list_status(&at, ListStatusPOptions::default()).await?;
                    listed(listing.try_collect().await?)
                }
            }
        };
        done.await.map_err(|error: FsError| match error.kind {
            ErrorKind::NotFound => Failure::Refused(Refusal::NotFound),
            ErrorKind::AlreadyExists => Failure::Refused(Refusal::Exists),
            ErrorKind::InvalidArgument | ErrorKind::FailedPrecondition => Failure::Refused(Refusal::Unfit),
            _ => Failure::Lost(error),
        })
    }

    async fn change(&self, path: impl Fn(Slot) -> FsResult<AlluxioPath>, change: Change) -> FsResult<()> {
        let id = FsOpPId { most_significant_bits: Some(self.id), least_significant_bits: Some(self.number) };
        let common_options =
            Some(FileSystemMasterCommonPOptions { operation_id: Some(id), ..Default::default() });
        match change {
            Change::MakeDirectory(slot) => {
                let options = CreateDirectoryPOptions {
                    recursive: Some(false),
                    allow_exists: Some(false),
                    write_type: Some(WritePType::MustCache.into()),
                    common_options,
                    ..Default::default()
                };
                self.fs.create_directory(&path(slot)?, options).await
            }
            Change::CreateFile(slot) => {
                let options = CreateFilePOptions {
                    recursive: Some(false),
                    write_type: Some(WritePType::MustCache.into()),
                    common_options,
                    ..Default::default()
                };
                self.fs.create_file(&path(slot)?, options).await.map(drop)
            }
            Change::CompleteFile(slot) => {
                let options = CompleteFilePOptions { common_options, ..Default::default() };
                self.fs.complete_file(&path(slot)?, options).await
            }
            Change::Delete { slot, recursive } => {
                let options =
                    DeletePOptions { recursive: Some(recursive), common_options, ..Default::default() };
                self.fs.delete(&path(slot)?, options).await
            }
            Change::Rename { from, to } => {
                let options = RenamePOptions { common_options, ..Default::default() };
                self.fs.rename(&path(from)?, &path(to)?, options).await
            }
        }
    }
}

/// A refusal of the first try changed nothing. When there were tries before it, one of them may still be on its
/// way: nothing knows its id, because nothing was done under it.
fn refused(change: Change, refusal: Refusal, tries: u32) -> Outcome {
    match (change, refusal) {
        _ if tries > 1 => Outcome::Unknown,
        // Also the answer to a file that was made and is gone again before it could be shown.
        (Change::CreateFile(_), Refusal::NotFound) => Outcome::Perhaps,
        _ => Outcome::Replied(Reply::Refused(refusal)),
    }
}

/// Whether another try may be answered. Everything else would be a defect.
pub(super) fn may_pass(kind: ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(
        kind,
        K::Unavailable | K::Cancelled | K::DeadlineExceeded | K::Unauthenticated | K::ResourceExhausted
    )
}

fn found(info: &FileInfo) -> Found {
    let kind = if info.folder() { Kind::Directory } else { Kind::File { complete: info.completed() } };
    Found { kind, id: info.file_id() }
}

fn listed(infos: Vec<FileInfo>) -> FsResult<Reply> {
    let mut listed = Vec::new();
    for info in &infos {
        let slot = (0..Slot::TOP).map(Slot::top).find(|slot| slot.path() == info.name());
        let slot = slot.ok_or_else(|| FsError::internal(format!("a listing with {}", info.name())))?;
        listed.push((slot, found(info)));
    }
    listed.sort_unstable_by_key(|(slot, _)| *slot);
    Ok(Reply::List(listed))
}
