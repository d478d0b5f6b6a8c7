//! A client that writes without a pause, and remembers what it was told is written.

use std::{collections::BTreeSet, time::Duration};

use alluxio_client::FileSystem;
use alluxio_conf::Configuration;
use alluxio_fs::{AlluxioPath, ErrorKind, FsResult};
use alluxio_proto::grpc::file::{CompleteFilePOptions, CreateFilePOptions, WritePType};
use anyhow::{Context, Result, ensure};
use futures::TryStreamExt;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// Between two files: so that a test of minutes does not make a tree of millions.
const PAUSE: Duration = Duration::from_millis(5);
/// Between two tries of a file that was not acknowledged.
const AGAIN: Duration = Duration::from_millis(100);

/// Creates empty files, one after the other, each until it is acknowledged.
pub struct Writer {
    folder: String,
    conf: Configuration,
    stop: watch::Sender<bool>,
    acknowledged: watch::Receiver<usize>,
    running: JoinHandle<Result<Vec<Instant>>>,
}

/// When each file was acknowledged.
pub struct Written(Vec<Instant>);

impl Writer {
    /// Starts it with a client of its own.
    pub async fn start(conf: &Configuration, folder: &str) -> Result<Writer> {
        let fs = FileSystem::connect(conf).await?;
        let (stop, stopped) = watch::channel(false);
        let (tell, acknowledged) = watch::channel(0);
        let running = tokio::spawn(write(fs, folder.to_owned(), stopped, tell));
        Ok(Writer { folder: folder.to_owned(), conf: conf.clone(), stop, acknowledged, running })
    }

    /// Waits until so many more files are acknowledged.
    pub async fn goes_on(&mut self, files: usize, limit: Duration) -> Result<()> {
        let goal = *self.acknowledged.borrow() + files;
        let reached = self.acknowledged.wait_for(|count| *count >= goal);
        let reached = timeout(limit, reached).await;
        reached.with_context(|| format!("{files} more files were not written within {limit:?}"))??;
        Ok(())
    }

    /// Stops it, and looks whether everything that was acknowledged is there.
    pub async fn finish(self) -> Result<Written> {
        self.stop.send_replace(true);
        let times = self.running.await??;
        let fs = FileSystem::connect(&self.conf).await?;
        let listing = fs.list_status(&AlluxioPath::parse(&self.folder)?, Default::default()).await?;
        let there: Vec<_> = listing.try_collect().await?;
        let names: BTreeSet<&str> = there.iter().map(|info| info.name()).collect();
        let lost: Vec<_> =
            (0..times.len()).filter(|number| !names.contains(&*number.to_string())).take(10).collect();
        ensure!(lost.is_empty(), "acknowledged files are lost, of {}: {lost:?}", times.len());
        Ok(Written(times))
    }
}

impl Written {
    pub fn files(&self) -> usize {
        self.0.len()
    }

    /// The longest time without an acknowledgement.
    pub fn largest_gap(&self) -> Duration {
        self.0.windows(2).map(|two| two[1] - two[0]).max().unwrap_or_default()
    }
}

async fn write(
    fs: FileSystem,
    folder: String,
    stopped: watch::Receiver<bool>,
    tell: watch::Sender<usize>,
) -> Result<Vec<Instant>> {
    let mut acknowledged = Vec::new();
    while !*stopped.borrow() {
        let path = AlluxioPath::parse(&format!("{folder}/{}", acknowledged.len()))?;
        while let Err(error) = create(&fs, &path).await {
            // Everything else is an answer, and a wrong one.
            let may_pass = matches!(error.kind, ErrorKind::Unavailable | ErrorKind::DeadlineExceeded);
            ensure!(may_pass, "{path}: {:?}: {error}", error.kind);
            if *stopped.borrow() {
                return Ok(acknowledged);
            }
            sleep(AGAIN).await;
        }
        acknowledged.push(Instant::now());
        tell.send_replace(acknowledged.len());
        sleep(PAUSE).await;
    }
    Ok(acknowledged)
}

/// Two changes of the tree. What an earlier try may have done already is done.
async fn create(fs: &FileSystem, path: &AlluxioPath) -> FsResult<()> {
    let options = CreateFilePOptions {
        recursive: Some(true),
        write_type: Some(WritePType::MustCache.into()),
        ..Default::default()
    };
    match fs.create_file(path, options).await {
        Err(error) if error.kind != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    match fs.complete_file(path, CompleteFilePOptions::default()).await {
        Err(error) if error.kind != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
