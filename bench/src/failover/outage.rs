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
/// Longer than a call takes on a machine that is busy with other things.
const NOTICED: Duration = Duration::from_millis(250);
/// In this time the fault shows; what comes later is something else.
const SHOWS: Duration = Duration::from_secs(1);
/// Who is still answered after this time was never interrupted.
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

    /// From `began` to the end of the first time without an answer that is long enough to be noticed, or else of the
    /// longest one that the fault can have caused, once that is known.
    fn outage(&self, began: Instant) -> Option<Duration> {
        let mut times = self.lock();
        // What was before does not count any more.
        times.retain(|time| *time >= began);
        times.sort_unstable();
        let before = std::iter::once(began).chain(times.iter().copied());
        let gaps: Vec<(Duration, Instant)> =
            before.zip(times.iter().copied()).map(|(from, to)| (to - from, to)).collect();
        let longest = || {
            let last = times.last().filter(|last| **last >= began + STEADY)?;
            let caused = |(gap, end): &&(Duration, Instant)| end <= last && *end - *gap <= began + SHOWS;
            gaps.iter().filter(caused).max().copied()
        };
        let (_, end) = gaps.iter().find(|(gap, _)| *gap >= NOTICED).copied().or_else(longest)?;
        Some(end - began)
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
            let mut last = String::new();
            while !stop.load(Ordering::Relaxed) {
                // What fails is no answer, and shows as an interruption.
                match call().await {
                    Ok(()) => answers.add(),
                    Err(error) if error.to_string() == last => {}
                    Err(error) => {
                        last = error.to_string();
                        eprintln!("a client: {last}");
                    }
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
    fn the_first_gap_that_is_noticed_counts_and_else_the_longest() {
        let began = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        let at = |millis: u64| began + Duration::from_millis(millis);
        let answers = Answers::default();
        // The old leader still answers for a moment.
        answers.lock().extend([at(10), at(30)]);
        assert_eq!(answers.outage(began), None, "it is not known to be over");
        answers.lock().extend([at(2_000), at(4_500)]);
        assert_eq!(answers.outage(began), Some(Duration::from_millis(2_000)));

        let answers = Answers::default();
        answers.lock().extend((1..60).map(|step| at(50 * step)).filter(|time| *time != at(1_000)));
        assert_eq!(answers.outage(began), None, "it may still come");
        // Somewhat longer, but too late.
        answers.lock().retain(|time| ![at(2_000), at(2_050)].contains(time));
        answers.lock().push(at(3_001));
        assert_eq!(answers.outage(began), Some(Duration::from_millis(1_050)));
    }
}
