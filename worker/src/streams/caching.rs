//! Blocks that clients ask to be cached: a bounded queue, worked on by a bounded number of tasks.

use super::read_plan::UnderBlock;
use crate::{core::Core, store::Place};
use alluxio_fs::FsError;
use alluxio_proto::grpc::block::{AsyncCacheRequest, CacheRequest};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One block to cache.
#[derive(Debug, Clone)]
pub struct CacheJob {
    pub block: i64,
    pub length: u64,
    pub under: Option<UnderBlock>,
    /// The worker to read it from, when it is not this one.
    pub source: Option<(String, u16)>,
}

impl CacheJob {
    pub fn of_async(request: &AsyncCacheRequest) -> Result<CacheJob, FsError> {
        CacheJob::of(&CacheRequest {
            block_id: request.block_id,
            source_host: request.source_host.clone(),
            source_port: request.source_port,
            open_ufs_block_options: request.open_ufs_block_options.clone(),
            length: request.length,
            r#async: Some(true),
        })
    }

    pub fn of(request: &CacheRequest) -> Result<CacheJob, FsError> {
        let block = super::block_id(request.block_id)?;
        let length = u64::try_from(request.length.unwrap_or(0)).unwrap_or(0);
        if length == 0 {
            return Err(FsError::invalid_argument(format!("length of block {block} must be positive.")));
        }
        let under = match &request.open_ufs_block_options {
            Some(options) => UnderBlock::parse(options)?,
            None => None,
        };
        let port = u16::try_from(request.source_port.unwrap_or(0)).unwrap_or(0);
        let source = request.source_host.clone().filter(|host| !host.is_empty() && port != 0);
        Ok(CacheJob { block, length, under, source: source.map(|host| (host, port)) })
    }
}

/// Takes cache jobs. Cheap to clone.
#[derive(Clone)]
pub struct CacheQueue {
    core: Arc<Core>,
    waiting: Arc<Semaphore>,
    working: Arc<Semaphore>,
}

impl CacheQueue {
    /// `alluxio.worker.network.async.cache.manager.queue.max` and `…threads.max`.
    pub fn new(core: Arc<Core>, queue: usize, workers: usize) -> CacheQueue {
        CacheQueue {
            core,
            waiting: Arc::new(Semaphore::new(queue)),
            working: Arc::new(Semaphore::new(workers)),
        }
    }

    /// Caches a block and waits for it.
    pub async fn run(&self, job: CacheJob) -> Result<(), FsError> {
        self.core.metrics.cache_requests.inc();
        self.core.metrics.cache_requests_sync.inc();
        self.load(job).await
    }

    /// The same for a block of many that somebody wants loaded.
    pub async fn load(&self, job: CacheJob) -> Result<(), FsError> {
        if is_here(&self.core, &job) {
            return Ok(());
        }
        let place = self.enter()?;
        let queue = self.clone();
        // In a task: a caller that leaves does not waste what was read so far.
        let done = tokio::spawn(async move { queue.work(job, place).await }).await;
        done.unwrap_or_else(|_| Err(FsError::internal("Caching was cut off.")))
    }

    /// Caches a block some time soon. When the queue is full the request is dropped: it was only a hint.
    pub fn submit(&self, job: CacheJob) {
        self.core.metrics.cache_requests.inc();
        self.core.metrics.cache_requests_async.inc();
        if is_here(&self.core, &job) {
            return;
        }
        if let Ok(place) = self.enter() {
            let queue = self.clone();
            tokio::spawn(async move { queue.work(job, place).await });
        }
    }

    fn enter(&self) -> Result<OwnedSemaphorePermit, FsError> {
        self.core.admission.takes_blocks()?;
        Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| {
            self.core.metrics.cache_rejected.inc();
            FsError::resource_exhausted("This worker has too many blocks to cache already. Try later.")
        })
    }

    async fn work(&self, job: CacheJob, _place: OwnedSemaphorePermit) -> Result<(), FsError> {
        let _work = self.core.admission.other_work();
        let block = job.block;
        let result = tokio::select! {
            biased;
            // What is cached can be read again from where it came: it must not hold up a shutdown.
            () = self.core.admission.left() => Err(leaving()),
            result = self.in_turn(&job) => result,
        };
        match &result {
            Ok(()) => self.core.metrics.cache_succeeded.inc(),
            Err(error) => {
                self.core.metrics.cache_failed.inc();
                tracing::info!(block, %error, "block not cached");
            }
        }
        result
    }

    async fn in_turn(&self, job: &CacheJob) -> Result<(), FsError> {
        let _turn = self.working.acquire().await.map_err(|_| leaving())?;
        // It may have been taken out of service meanwhile.
        self.core.admission.takes_blocks()?;
        cache(&self.core, job).await
    }
}

fn leaving() -> FsError {
    FsError::unavailable("This worker is shutting down. Try another.")
}

/// Whether the block can be read here. One that is on its way may still be given up by who brings it.
fn is_here(core: &Core, job: &CacheJob) -> bool {
    core.store.length_of(job.block).is_some()
}

/// Brings a whole block into the store, and commits it.
async fn cache(core: &Arc<Core>, job: &CacheJob) -> Result<(), FsError> {
    if is_here(core, job) {
        return Ok(());
    }
    match job.source.as_ref().filter(|(host, port)| !core.is_self(host, *port)) {
        Some((host, port)) => from_worker(core, job, host, *port).await,
        None => from_under(core, job).await,
    }
}

async fn from_under(core: &Arc<Core>, job: &CacheJob) -> Result<(), FsError> {
    let under = job.under.clone().ok_or_else(|| {
        FsError::not_found(format!("block {} has no place in the under storage to be read from", job.block))
    })?;
    let under = UnderBlock { length: job.length, ..under };
    let follower = core.fetches.follow(core, job.block, &under);
    let mut follower = follower.ok_or_else(|| {
        FsError::out_of_range(format!("block {} is being cached with another length", job.block))
    })?;
    follower.kept().await?;
    core.metrics.cache_ufs_blocks.inc();
    Ok(())
}

async fn from_worker(core: &Core, job: &CacheJob, host: &str, port: u16) -> Result<(), FsError> {
    // Nothing that may still go is called here: the master may drop another copy for it.
    if core.store.holds(job.block) {
        let why = format!("block {} is on its way, or about to leave. Try again.", job.block);
        return Err(FsError::unavailable(why));
    }
    let mut temp = core.store.create(job.block, &Place::tier(0), job.length).await?;
    let mut reader = core.peers.read(host, port, job.block, job.length, job.under.as_ref()).await?;
    while let Some(chunk) = reader.next().await? {
        temp.append(chunk).await?;
    }
    if temp.written() != job.length {
        return Err(FsError::out_of_range(format!(
            "block {} has {} bytes at {host} where {} are expected",
            job.block,
            temp.written(),
            job.length
        )));
    }
    core.commits.commit(temp, false, false).await?;
    core.metrics.cache_remote_blocks.inc();
    Ok(())
}
