//! Clients that write and read all the time, and when they were answered.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use alluxio_client::FileSystem;
use alluxio_conf::Configuration;
use alluxio_fs::{AlluxioPath, FsResult};
use alluxio_proto::grpc::file::WritePType;
use anyhow::{Result, ensure};
use bytes::Bytes;
use tokio::{task::JoinSet, time::sleep};

use crate::client::create_empty;

const WRITERS: u64 = 2;
const READERS: u64 = 2;
const FILE: &str = "/cached";
const LENGTH: usize = 1 << 20;
/// Between two calls of a client: they are to notice, not to be a load.
const PAUSE: Duration = Duration::from_millis(5);
const POLL: Duration = Duration::from_millis(20);
/// Answers may go on for so long after the fault before the interruption begins, and must go on for so long before it
/// is known to be over: no take-over is followed by a second one so late.
const STEADY: Duration = Duration::from_secs(3);

/// As the aims are said: a client that tries again at least every 100 ms.
const SETTINGS: [(&str, &str); 3] = [
    ("alluxio.user.rpc.retry.max.sleep", "100ms"),
    ("alluxio.user.block.read.retry.sleep.base", "50ms"),
    ("alluxio.user.block.read.retry.sleep.max", "100ms"),
];

/// When calls of one kind were answered.
#[derive(Default)]
struct Answers(Mutex<Vec<Instant>>);

impl Answers {
    fn add(&self) {
        self.lock().push(Instant::now());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Instant>> {
        // Times are whole, whatever their last writer died of.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From `began` to the end of the longest time without an answer since, once that is over.
    fn outage(&self, began: Instant) -> Option<Duration> {
        let mut times = self.lock();
        // What was before does not count any more.
        times.retain(|time| *time >= began);
        times.sort_unstable();
        let before = std::iter::once(began).chain(times.iter().copied());
        let (gap, end) = before.zip(times.iter().copied()).map(|(from, to)| (to - from, to)).max()?;
        let steady = times.last().is_some_and(|last| *last >= end + STEADY);
        // Only a gap that is longer than the times it is judged by.
        (steady && began.elapsed() > STEADY + gap).then(|| end - began)
    }

    fn since(&self, began: Instant) -> bool {
        self.lock().iter().any(|time| *time >= began)
    }
}

pub struct Clients {
    stop: Arc<AtomicBool>,
    writes: Arc<Answers>,
    reads: Arc<Answers>,
    running: JoinSet<Result<()>>,
}

impl Clients {
    /// Writes the file that is read, into the cache alone, and begins.
    pub async fn start(conf: &Configuration) -> Result<Clients> {
        let conf = conf.clone().with(&SETTINGS)?;
        let file = AlluxioPath::parse(FILE)?;
        write_cached(&FileSystem::connect(&conf).await?, &file).await?;
        let mut clients = Clients {
            stop: Arc::default(),
            writes: Arc::default(),
            reads: Arc::default(),
            running: JoinSet::new(),
        };
        let written = Arc::new(AtomicU64::new(0));
        for _ in 0..WRITERS {
            let (files, written) = (FileSystem::connect(&conf).await?, Arc::clone(&written));
            clients.run(Arc::clone(&clients.writes), move || {
                let (files, number) = (files.clone(), written.fetch_add(1, Ordering::Relaxed));
                async move { create_empty(&files, &AlluxioPath::parse(&format!("/written/{number}"))?).await }
            });
        }
        for _ in 0..READERS {
            let (files, file) = (FileSystem::connect(&conf).await?, file.clone());
            clients.run(Arc::clone(&clients.reads), move || {
                let (files, file) = (files.clone(), file.clone());
                async move {
                    let data = files.open(&file, Default::default()).await?.read_to_end().await?;
                    if data.len() == LENGTH {
                        Ok(())
                    } else {
                        Err(alluxio_fs::FsError::internal(format!("{} bytes were read", data.len())))
                    }
                }
            });
        }
        Ok(clients)
    }

    fn run<F>(&mut self, answers: Arc<Answers>, call: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = FsResult<()>> + Send,
    {
        let stop = Arc::clone(&self.stop);
        self.running.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                // The client has tried again for long; what fails then is no answer, and shows as an interruption.
                match call().await {
                    Ok(()) => answers.add(),
                    Err(error) => eprintln!("a client: {error}"),
                }
                sleep(PAUSE).await;
            }
            Ok(())
        });
    }

    /// Waits until both kinds are answered from now on.
    pub async fn are_answered(&self, limit: Duration) -> Result<()> {
        let began = Instant::now();
        while !(self.writes.since(began) && self.reads.since(began)) {
            ensure!(began.elapsed() < limit, "the clients are not answered within {limit:?}");
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Waits until the interruption that began about `began` is over, for writes and for reads.
    pub async fn outage(&self, began: Instant, limit: Duration) -> Result<(Duration, Duration)> {
        loop {
            if let (Some(write), Some(read)) = (self.writes.outage(began), self.reads.outage(began)) {
                return Ok((write, read));
            }
            ensure!(began.elapsed() < limit, "the clients are not answered again within {limit:?}");
            sleep(POLL).await;
        }
    }

    pub async fn finish(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.running.join_next().await {
            ended??;
        }
        Ok(())
    }
}

/// Again until the worker is there.
async fn write_cached(files: &FileSystem, path: &AlluxioPath) -> Result<()> {
    let options = alluxio_proto::grpc::file::CreateFilePOptions {
        write_type: Some(WritePType::MustCache.into()),
        overwrite: Some(true),
        ..Default::default()
    };
    let began = Instant::now();
    loop {
        let written = async {
            let mut file = files.create(path, options.clone()).await?;
            file.write(Bytes::from(vec![7; LENGTH])).await?;
            file.close().await
        };
        match written.await {
            Ok(()) => return Ok(()),
            Err(error) => ensure!(began.elapsed() < super::LIMIT, "writing {path}: {error}"),
        }
        sleep(super::POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_ends_with_the_longest_gap() {
        let began = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        let answers = Answers::default();
        let at = |millis: u64| began + Duration::from_millis(millis);
        // The old leader still answers for a moment.
        answers.lock().extend([at(10), at(30), at(4_000)]);
        assert_eq!(answers.outage(began), None, "it is not known to be over");
        answers.lock().extend((0..40).map(|step| at(4_100 + 100 * step)));
        assert_eq!(answers.outage(began), Some(Duration::from_millis(4_000)));
    }
}
