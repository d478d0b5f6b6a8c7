//! Load jobs: the blocks of a subtree that are on no worker are read into all live workers, by as many requests at a time as
//! these take. One job per path; submitting it again changes its settings.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use alluxio_fs::{AlluxioPath, Bits, ErrorKind, FsError};
use alluxio_proto::{
    grpc::{
        block::{Block, LoadRequest, LoadResponse, UfsReadOptions},
        file::{JobProgressReportFormat, LoadJobPOptions},
    },
    journal::LoadJobEntry,
};
use futures::{StreamExt, stream::FuturesUnordered};
use parking_lot::Mutex;
use tokio::{
    sync::{OnceCell, mpsc},
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    journaled::running,
    lanes::Lanes,
    load_report::{Phase, Progress, Settings},
    wanted::{Wanted, WantedBlocks},
};
use crate::fs::{FileSystemMaster, Subject, status::existing};

/// Jobs under way.
const MAX_RUNNING: usize = 100;
/// Jobs remembered when they are over; the oldest go first.
const KEPT: usize = 1_000;
/// Blocks waiting for a worker.
const MAX_WAITING: usize = 1_000;
/// How often a block is tried, on another worker each time if there is one.
const TRIES: u32 = 4;
/// Looks for what was added while a job ran.
const VERIFICATIONS: u32 = 10;
/// How often workers that are back, or may go on, are looked for.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a job waits for a first live worker.
const NO_WORKER: Duration = Duration::from_secs(60);

pub struct LoadJobs {
    table: Mutex<Table>,
    submitted: mpsc::Sender<Arc<LoadJob>>,
    /// Taken by the task that runs them.
    to_run: Mutex<Option<mpsc::Receiver<Arc<LoadJob>>>>,
}

#[derive(Default)]
struct Table {
    jobs: BTreeMap<AlluxioPath, Arc<LoadJob>>,
    /// In the order in which they were submitted.
    order: VecDeque<AlluxioPath>,
}

struct LoadJob {
    id: String,
    path: AlluxioPath,
    stop: CancellationToken,
    progress: Mutex<Progress>,
    /// Its end is about to be recorded: from here on nobody joins it.
    ending: AtomicBool,
    /// How it ended, once that is durable.
    end: OnceCell<Phase>,
}

impl Default for LoadJobs {
    fn default() -> Self {
        let (submitted, to_run) = mpsc::channel(MAX_RUNNING);
        Self { table: Mutex::default(), submitted, to_run: Mutex::new(Some(to_run)) }
    }
}

impl LoadJobs {
    /// The job, and whether it is a new one; one that runs takes the settings over.
    fn submit(&self, path: &AlluxioPath, settings: Settings) -> Result<(Arc<LoadJob>, bool), FsError> {
        let mut table = self.table.lock();
        if let Some(job) = table.jobs.get(path).filter(|job| !job.is_over()) {
            job.progress.lock().settings = settings;
            return Ok((job.clone(), false));
        }
        if table.jobs.values().filter(|job| !job.is_over()).count() >= MAX_RUNNING {
            return Err(FsError::resource_exhausted(format!(
                "{MAX_RUNNING} load jobs run already. Submit this one when some have ended."
            )));
        }
        let id = Uuid::new_v4().to_string();
        Ok((table.begin(path, &id, settings, &self.submitted)?, true))
    }

    /// With a job of the leader before.
    pub(super) fn go_on(&self, path: &AlluxioPath, id: &str, settings: Settings) -> Result<(), FsError> {
        self.table.lock().begin(path, id, settings, &self.submitted).map(drop)
    }

    fn find(&self, path: &AlluxioPath) -> Option<Arc<LoadJob>> {
        self.table.lock().jobs.get(path).cloned()
    }
}

impl Table {
    fn begin(
        &mut self,
        path: &AlluxioPath,
        id: &str,
        settings: Settings,
        submitted: &mpsc::Sender<Arc<LoadJob>>,
    ) -> Result<Arc<LoadJob>, FsError> {
        let job = Arc::new(LoadJob {
            id: id.to_owned(),
            path: path.clone(),
            stop: CancellationToken::new(),
            progress: Mutex::new(Progress::new(settings)),
            ending: AtomicBool::new(false),
            end: OnceCell::new(),
        });
        submitted.try_send(job.clone()).map_err(|_| {
            FsError::resource_exhausted("Too many load jobs were submitted at once. Submit this one again.")
        })?;
        self.order.retain(|other| other != path);
        self.order.push_back(path.clone());
        self.jobs.insert(path.clone(), job.clone());
        self.forget_old();
        Ok(job)
    }

    fn forget_old(&mut self) {
        while self.order.len() > KEPT {
            let over = |path: &AlluxioPath| self.jobs.get(path).is_none_or(|job| job.is_over());
            let Some(at) = self.order.iter().position(over) else { return };
            if let Some(path) = self.order.remove(at) {
                self.jobs.remove(&path);
            }
        }
    }
}

impl LoadJob {
    fn is_over(&self) -> bool {
        self.ending.load(Relaxed)
    }
}

impl FileSystemMaster {
    /// Begins to load what is at and below a path. `None` when a job for it runs already, which goes on with these options.
    pub async fn submit_load(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &LoadJobPOptions,
    ) -> Result<Option<String>, FsError> {
        self.load_for_status(path, None, None).await?;
        self.may_read(subject, path).await?;
        let bandwidth = options.bandwidth.map(|bandwidth| {
            u64::try_from(bandwidth).ok().filter(|bandwidth| *bandwidth > 0).ok_or_else(|| {
                FsError::invalid_argument(format!(
                    "A bandwidth of {bandwidth} is not possible: give bytes a second."
                ))
            })
        });
        let settings = Settings {
            bandwidth: bandwidth.transpose()?,
            verify: options.verify(),
            partial_listing: options.partial_listing(),
        };
        loop {
            let (job, new) = self.caching.jobs.submit(path, settings)?;
            tracing::info!(%path, job = job.id, new, user = subject.user, "load submitted");
            let entry = running(path, &job.id, settings, &subject.user);
            // Not after the record of its end.
            let recorded = self.record_load(entry, || !job.is_over()).await?;
            if new || recorded {
                return Ok(new.then(|| job.id.clone()));
            }
        }
    }

    /// False when there is nothing to stop.
    pub async fn stop_load(&self, subject: &Subject, path: &AlluxioPath) -> Result<bool, FsError> {
        self.may_read(subject, path).await?;
        let Some(job) = self.caching.jobs.find(path).filter(|job| !job.end.initialized()) else {
            return Ok(false);
        };
        job.stop.cancel();
        let ended = self.end_load(&job, Phase::Stopped, None).await?;
        tracing::info!(%path, job = job.id, user = subject.user, ?ended, "load stopped");
        Ok(ended == Phase::Stopped)
    }

    /// Whoever comes first says how a job ends. All return when that is durable.
    async fn end_load(&self, job: &LoadJob, phase: Phase, reason: Option<String>) -> Result<Phase, FsError> {
        let record = async {
            job.ending.store(true, Relaxed);
            let settings = job.progress.lock().settings;
            self.record_load_end(running(&job.path, &job.id, settings, ""), phase).await?;
            job.progress.lock().end(phase, reason);
            Ok(phase)
        };
        job.end.get_or_try_init(|| record).await.copied()
    }

    /// How far the job of a path is.
    pub async fn load_progress(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        format: JobProgressReportFormat,
        verbose: bool,
    ) -> Result<String, FsError> {
        self.may_read(subject, path).await?;
        let job = self.caching.jobs.find(path).ok_or_else(|| {
            FsError::not_found(format!(
                "There is no load job for {path}: none was submitted, or it is over since long or since another master led."
            ))
        })?;
        let progress = job.progress.lock();
        Ok(match format {
            JobProgressReportFormat::Text => progress.text(verbose),
            JobProgressReportFormat::Json => progress.json(verbose),
        })
    }

    async fn may_read(&self, subject: &Subject, path: &AlluxioPath) -> Result<(), FsError> {
        self.namespace
            .read_path(path, |tree, lookup| {
                self.permissions.target(tree, subject, path, lookup, Bits::READ)?;
                existing(tree, lookup, path).map(drop)
            })
            .await
    }

    /// Those of the leader before are known when this returns, so that nobody submits a second one for the same path.
    pub fn run_load_jobs(self: Arc<Self>, stop: CancellationToken) -> impl Future<Output = ()> {
        let over = self.go_on_with_loads();
        self.run_loads(over, stop)
    }

    async fn run_loads(self: Arc<Self>, over: Vec<Arc<LoadJobEntry>>, stop: CancellationToken) {
        let Some(mut to_run) = self.caching.jobs.to_run.lock().take() else { return };
        for entry in over {
            if let Err(error) = self.record_load_end(LoadJobEntry::clone(&entry), Phase::Failed).await {
                tracing::warn!(path = entry.load_path, job = entry.job_id, %error, "load stays in the journal");
            }
        }
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(job) = to_run.recv() => {
                    running.spawn(self.clone().run_load(job));
                }
                Some(_) = running.join_next() => {}
            }
        }
        running.shutdown().await;
    }

    async fn run_load(self: Arc<Self>, job: Arc<LoadJob>) {
        let ended = tokio::select! {
            () = job.stop.cancelled() => (Phase::Stopped, None),
            loaded = self.load_all(&job) => match loaded {
                Err(error) => (Phase::Failed, Some(error.message)),
                Ok(()) => match job.progress.lock().files_failed {
                    0 => (Phase::Succeeded, None),
                    failed => (Phase::Failed, Some(format!("{failed} files could not be loaded"))),
                },
            },
        };
        let (phase, reason) = ended;
        tracing::info!(path = %job.path, job = job.id, ?phase, reason, "load ended");
        if let Err(error) = self.end_load(&job, phase, reason.clone()).await {
            tracing::warn!(path = %job.path, job = job.id, %error, "the next leader will do this load again");
            job.progress.lock().end(phase, reason);
        }
    }

    async fn load_all(&self, job: &LoadJob) -> Result<(), FsError> {
        // Before the workers are back everything would seem to be nowhere.
        while self.blocks.safe_mode() {
            sleep(PAUSE).await;
        }
        self.load_tree(&job.path).await?;
        if !job.progress.lock().settings.partial_listing {
            let mut all = WantedBlocks::new(&job.path);
            let mut total = 0_u64;
            while let Some(wanted) = self.next_wanted(&mut all).await? {
                total = total.saturating_add(wanted.block.length as u64);
            }
            job.progress.lock().total_bytes = Some(total);
        }
        let mut loaded = self.load_once(job).await?;
        for _ in 0..VERIFICATIONS {
            if loaded == 0 || !job.progress.lock().settings.verify {
                break;
            }
            job.progress.lock().phase = Phase::Verifying;
            job.progress.lock().files = 0;
            self.load_tree(&job.path).await?;
            loaded = self.load_once(job).await?;
        }
        Ok(())
    }

    /// Once through the subtree. Returns how many blocks were loaded.
    async fn load_once(&self, job: &LoadJob) -> Result<u64, FsError> {
        let calls = self.caching.calls();
        let mut from = WantedBlocks::new(&job.path);
        let (mut waiting, mut lanes) = (VecDeque::new(), Lanes::default());
        let mut under_way = FuturesUnordered::new();
        let (mut loaded, mut all_met) = (0, false);
        let mut last_worker = Instant::now();
        loop {
            while waiting.len() < MAX_WAITING && !all_met {
                match self.next_wanted(&mut from).await? {
                    Some(wanted) => waiting.push_back(wanted),
                    None => all_met = true,
                }
                job.progress.lock().files = from.files_seen;
            }
            if waiting.is_empty() && under_way.is_empty() {
                return Ok(loaded);
            }
            let bandwidth = job.progress.lock().settings.bandwidth;
            let workers = self.blocks.active_workers();
            if !workers.is_empty() {
                last_worker = Instant::now();
            } else if last_worker.elapsed() > NO_WORKER {
                return Err(FsError::unavailable("no worker is there to load onto"));
            }
            let alone = workers.len() == 1;
            for (worker, address) in workers {
                while let Some(batch) = lanes.take(worker, alone, &mut waiting, bandwidth) {
                    let (calls, address) = (calls.clone(), address.clone());
                    under_way.push(async move {
                        let answer = calls.load(&address, request(&batch, bandwidth)).await;
                        (worker, batch, answer)
                    });
                }
            }
            tokio::select! {
                Some((worker, batch, answer)) = under_way.next() => {
                    let settled = settle(job, worker, batch, answer, &mut waiting);
                    lanes.answered(worker, settled.loaded > 0 || settled.again == 0);
                    loaded += settled.loaded;
                }
                () = sleep(PAUSE) => {}
            }
        }
    }
}

fn request(batch: &[Wanted], bandwidth: Option<u64>) -> LoadRequest {
    let options = UfsReadOptions {
        tag: "load".to_owned(),
        position_short: false,
        bandwidth: bandwidth.and_then(|bandwidth| i64::try_from(bandwidth).ok()),
        user: None,
    };
    LoadRequest { blocks: batch.iter().map(|wanted| wanted.block.clone()).collect(), options }
}

/// What came of the blocks of one request.
#[derive(Default)]
struct Settled {
    loaded: u64,
    /// Those that another try may load.
    again: u64,
}

/// Counts what was loaded; what was not waits for another try, or has failed.
fn settle(
    job: &LoadJob,
    worker: i64,
    batch: Vec<Wanted>,
    answer: Result<LoadResponse, FsError>,
    waiting: &mut VecDeque<Wanted>,
) -> Settled {
    let failed: BTreeMap<i64, (String, bool)> = match answer {
        Ok(answer) => answer
            .block_status
            .into_iter()
            .filter(|status| status.code != 0)
            .map(|status| {
                let (message, again) = (status.message().to_owned(), status.retryable());
                (status.block.block_id, (message, again))
            })
            .collect(),
        Err(error) => {
            let again = error.kind != ErrorKind::InvalidArgument;
            let of = |Wanted { block: Block { block_id, .. }, .. }: &Wanted| {
                (*block_id, (error.message.clone(), again))
            };
            batch.iter().map(of).collect()
        }
    };
    let mut progress = job.progress.lock();
    let mut settled = Settled::default();
    for mut wanted in batch {
        let Some((reason, again)) = failed.get(&wanted.block.block_id) else {
            settled.loaded += 1;
            progress.blocks += 1;
            progress.bytes = progress.bytes.saturating_add(wanted.block.length as u64);
            continue;
        };
        settled.again += u64::from(*again);
        wanted.failed_on(worker);
        match *again && wanted.tries < TRIES {
            true => waiting.push_back(wanted),
            false => progress.failed(wanted.file.as_str(), reason),
        }
    }
    settled
}

#[cfg(test)]
#[path = "load_job_tests.rs"]
mod tests;
