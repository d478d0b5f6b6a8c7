//! A client that writes without a pause, and remembers what it was told is written.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use alluxio_client::FileSystem;
use alluxio_conf::Configuration;
use alluxio_fs::{AlluxioPath, ErrorKind, FsResult};
use alluxio_proto::grpc::file::{CompleteFilePOptions, CreateFilePOptions, WritePType};
use anyhow::{Context, Result, bail, ensure};
use futures::TryStreamExt;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::peers::peers_of;

/// Between two files: so that a test of minutes does not make a tree of millions.
pub(super) const PAUSE: Duration = Duration::from_millis(5);
/// Between two tries of a file that was not acknowledged.
const AGAIN: Duration = Duration::from_millis(100);

/// Creates empty files, one after the other, each until it is acknowledged.
pub struct Writer {
    who: String,
    folder: String,
    conf: Configuration,
    stop: watch::Sender<bool>,
    acknowledged: watch::Receiver<Vec<Instant>>,
    running: JoinHandle<Result<()>>,
    /// Where it is a process of its own.
    pub(super) process: Option<u32>,
}

/// What one that writes is told, and tells.
pub(super) struct Desk {
    pub folder: String,
    pub stopped: watch::Receiver<bool>,
    /// When each file was acknowledged: `<folder>/0`, `<folder>/1`...
    pub acknowledged: watch::Sender<Vec<Instant>>,
}

impl Desk {
    /// Told so, or nobody is there any more who could tell.
    pub fn is_stopped(&self) -> bool {
        *self.stopped.borrow() || self.stopped.has_changed().is_err()
    }

    pub fn next(&self) -> String {
        format!("{}/{}", self.folder, self.acknowledged.borrow().len())
    }

    pub fn written(&self) {
        self.acknowledged.send_modify(|times| times.push(Instant::now()));
    }
}

impl Writer {
    /// Starts it with a client of its own.
    pub async fn start(conf: &Configuration, folder: &str) -> Result<Writer> {
        let fs = FileSystem::connect(conf).await?;
        Ok(Writer::over("our client", conf, folder, |desk| tokio::spawn(write(fs, desk))))
    }

    pub(super) fn over(
        who: &str,
        conf: &Configuration,
        folder: &str,
        run: impl FnOnce(Desk) -> JoinHandle<Result<()>>,
    ) -> Writer {
        let (stop, stopped) = watch::channel(false);
        let (tell, acknowledged) = watch::channel(Vec::new());
        let running = run(Desk { folder: folder.to_owned(), stopped, acknowledged: tell });
        Writer {
            who: who.to_owned(),
            folder: folder.to_owned(),
            conf: conf.clone(),
            stop,
            acknowledged,
            running,
            process: None,
        }
    }

    pub fn who(&self) -> &str {
        &self.who
    }

    /// Whom it is connected to, where it is a process of its own.
    pub fn peers(&self) -> Result<BTreeSet<SocketAddr>> {
        peers_of(self.process.with_context(|| format!("{} is no process of its own", self.who))?)
    }

    /// How many files are acknowledged.
    pub fn files(&self) -> usize {
        self.acknowledged.borrow().len()
    }

    /// When the last one was.
    pub fn last(&self) -> Option<Instant> {
        self.acknowledged.borrow().last().copied()
    }

    /// Waits until so many more files are acknowledged.
    pub async fn goes_on(&mut self, files: usize, limit: Duration) -> Result<()> {
        let goal = self.files() + files;
        match timeout(limit, self.acknowledged.wait_for(|times| times.len() >= goal)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => match (&mut self.running).await? {
                Ok(()) => bail!("{} has ended", self.who),
                Err(error) => Err(error).with_context(|| self.who.clone()),
            },
            Err(_) => bail!("{}: {files} more files were not written within {limit:?}", self.who),
        }
    }

    /// The longest time without an acknowledgement since that file, counted from 0.
    pub fn largest_gap_since(&self, file: usize) -> Duration {
        let times = self.acknowledged.borrow();
        let times = times.get(file..).unwrap_or_default();
        times.windows(2).map(|two| two[1] - two[0]).max().unwrap_or_default()
    }

    /// Stops it, and looks whether everything that was acknowledged is there; how many files that are.
    pub async fn finish(self) -> Result<usize> {
        self.stop.send_replace(true);
        self.running.await?.with_context(|| self.who.clone())?;
        let count = self.acknowledged.borrow().len();
        all_are_there(&self.conf, &self.folder, count).await.with_context(|| self.who.clone())?;
        Ok(count)
    }
}

/// Whether the files `<folder>/0`, `<folder>/1`... are there, so many.
pub async fn all_are_there(conf: &Configuration, folder: &str, count: usize) -> Result<()> {
    let fs = FileSystem::connect(conf).await?;
    let listing = fs.list_status(&AlluxioPath::parse(folder)?, Default::default()).await?;
    let there: Vec<_> = listing.try_collect().await?;
    let names: BTreeSet<&str> = there.iter().map(|info| info.name()).collect();
    let lost: Vec<_> = (0..count).filter(|number| !names.contains(&*number.to_string())).take(10).collect();
    ensure!(lost.is_empty(), "acknowledged files of {folder} are lost, of {count}: {lost:?}");
    Ok(())
}

async fn write(fs: FileSystem, desk: Desk) -> Result<()> {
    while !desk.is_stopped() {
        let path = AlluxioPath::parse(&desk.next())?;
        while let Err(error) = create(&fs, &path).await {
            // Everything else is an answer, and a wrong one.
            let may_pass = matches!(error.kind, ErrorKind::Unavailable | ErrorKind::DeadlineExceeded);
            ensure!(may_pass, "{path}: {:?}: {error}", error.kind);
            if desk.is_stopped() {
                return Ok(());
            }
            sleep(AGAIN).await;
        }
        desk.written();
        sleep(PAUSE).await;
    }
    Ok(())
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
