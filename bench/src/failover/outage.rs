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
use alluxio_fs::{AlluxioPath, FsError, FsResult};
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
/// As the aims are said: a client that tries again at least every 100 ms.
const SETTINGS: [(&str, &str); 3] = [
    ("alluxio.user.rpc.retry.max.sleep", "100ms"),
    ("alluxio.user.block.read.retry.sleep.base", "50ms"),
    ("alluxio.user.block.read.retry.sleep.max", "100ms"),
];

/// A call that was answered.
#[derive(Clone, Copy)]
struct Answer {
    asked: Instant,
    answered: Instant,
    /// Who led when it was answered, as far as its client knew.
    leader: u16,
}

/// What goes, and when.
#[derive(Clone, Copy)]
pub struct Gone {
    /// The port of the leader that goes.
    pub leader: u16,
    pub began: Instant,
    /// No call that was made later is answered by that process; when it ends by itself, it may answer for a while.
    pub ended: Option<Instant>,
}

impl Gone {
    /// Whether somebody else gave this answer.
    fn is_followed_by(self, answer: &Answer) -> bool {
        let elsewhere = answer.asked >= self.began && answer.leader != self.leader;
        elsewhere || self.ended.is_some_and(|ended| answer.asked >= ended)
    }
}

/// Calls of one kind that were answered.
#[derive(Default)]
struct Answers(Mutex<Vec<Answer>>);

impl Answers {
    fn add(&self, answer: Answer) {
        self.lock().push(answer);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Answer>> {
        // Answers are whole, whatever their last writer died of.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From the fault to the first answer of who follows.
    fn outage(&self, gone: Gone) -> Option<Duration> {
        let mut answers = self.lock();
        // What was before does not count any more.
        answers.retain(|answer| answer.answered >= gone.began);
        let first = answers
            .iter()
            .filter(|answer| gone.is_followed_by(answer))
            .map(|answer| answer.answered)
            .min()?;
        Some(first - gone.began)
    }

    fn since(&self, began: Instant) -> bool {
        self.lock().iter().any(|answer| answer.answered >= began)
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
            let (client, written) = (FileSystem::connect(&conf).await?, Arc::clone(&written));
            clients.run(Arc::clone(&clients.writes), client, move |files| {
                let number = written.fetch_add(1, Ordering::Relaxed);
                async move { create_empty(&files, &AlluxioPath::parse(&format!("/written/{number}"))?).await }
            });
        }
        for _ in 0..READERS {
            let (client, file) = (FileSystem::connect(&conf).await?, file.clone());
            clients.run(Arc::clone(&clients.reads), client, move |files| {
                let file = file.clone();
                async move {
                    let data = files.open(&file, Default::default()).await?.read_to_end().await?;
                    if data.len() == LENGTH {
                        Ok(())
                    } else {
                        Err(FsError::internal(format!("{} bytes were read", data.len())))
                    }
                }
            });
        }
        Ok(clients)
    }

    fn run<F>(
        &mut self,
        answers: Arc<Answers>,
        client: FileSystem,
        call: impl Fn(FileSystem) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = FsResult<()>> + Send,
    {
        let stop = Arc::clone(&self.stop);
        self.running.spawn(async move {
            let mut last = String::new();
            while !stop.load(Ordering::Relaxed) {
                // What fails is no answer, and shows as an interruption.
                let asked = Instant::now();
                let called = async {
                    call(client.clone()).await?;
                    let answered = Instant::now();
                    let leader = client.cluster().leader().await?.port;
                    Ok::<_, FsError>(Answer { asked, answered, leader })
                };
                match called.await {
                    Ok(answer) => answers.add(answer),
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

    /// Waits until who follows has answered both kinds.
    pub async fn outage(&self, gone: Gone, limit: Duration) -> Result<(Duration, Duration)> {
        loop {
            if let (Some(write), Some(read)) = (self.writes.outage(gone), self.reads.outage(gone)) {
                return Ok((write, read));
            }
            ensure!(gone.began.elapsed() < limit, "the clients are not answered again within {limit:?}");
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
    fn the_first_answer_of_another_or_after_the_end_counts() {
        let began = Instant::now();
        let at = |millis: u64| began + Duration::from_millis(millis);
        let answer = |asked, answered, leader| Answer { asked: at(asked), answered: at(answered), leader };
        let gone = Gone { leader: 1, began: at(100), ended: None };
        let answers = Answers::default();
        // Before; asked before; and of the former leader, which still answers for a moment.
        answers.lock().extend([answer(0, 10, 2), answer(90, 110, 2), answer(120, 150, 1)]);
        assert_eq!(answers.outage(gone), None);
        answers.lock().extend([answer(500, 900, 2), answer(400, 700, 2)]);
        assert_eq!(answers.outage(gone), Some(Duration::from_millis(600)));

        // The same port, after it was started anew.
        let gone = Gone { ended: Some(at(105)), ..gone };
        assert_eq!(answers.outage(gone), Some(Duration::from_millis(50)));
    }
}
