//! The task that brings a block.

use super::{End, Fetch, Fetches};
use crate::{
    core::Core,
    store::{Place, StoreError, TempBlock},
    streams::cold_source::{self, UnderReader},
};
use alluxio_fs::FsError;
use bytes::Bytes;
use std::sync::Arc;
use tokio::try_join;

pub async fn run(core: Arc<Core>, fetch: Arc<Fetch>) {
    let mut ending = Ending::new(core.fetches.clone(), fetch);
    let end = into_cache(&core, &ending.fetch).await;
    if let End::NotKept(error) = &end {
        tracing::info!(block = ending.fetch.block, %error, "block read but not kept");
    }
    ending.end = end;
}

/// Tells the end when it is dropped: a task that panics must not be waited for, and joined, for ever.
struct Ending {
    fetches: Fetches,
    fetch: Arc<Fetch>,
    end: End,
}

impl Ending {
    fn new(fetches: Fetches, fetch: Arc<Fetch>) -> Self {
        Self { fetches, fetch, end: End::Failed(FsError::internal("The read was cut off on the worker.")) }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        // First: whoever comes now must not follow what has ended.
        self.fetches.forget(&self.fetch);
        self.fetch.came.send_modify(|came| came.end = Some(self.end.clone()));
    }
}

async fn into_cache(core: &Core, fetch: &Fetch) -> End {
    let filled = tokio::select! {
        biased;
        () = fetch.left.cancelled() => return End::Failed(FsError::unavailable("Nobody waited for it any more.")),
        filled = fill(core, fetch) => filled,
    };
    match filled {
        Ok(temp) => match core.commits.commit(temp, false, false).await {
            Ok(_) => End::Kept,
            Err(error) => End::NotKept(error),
        },
        Err(end) => end,
    }
}

/// Reads the block from the under storage into a file of the cache.
async fn fill(core: &Core, fetch: &Fetch) -> Result<TempBlock, End> {
    let length = fetch.under.length;
    let opened = cold_source::open(core, fetch.block, &fetch.under, 0, length).await;
    let mut reader = opened.map_err(End::Failed)?;
    let not_kept = |error: StoreError| End::NotKept(error.into());
    let mut temp = core.store.create(fetch.block, &Place::tier(0), length).await.map_err(not_kept)?;
    let file = temp.reader().map_err(not_kept)?;
    fetch.came.send_modify(|came| {
        came.file = Some(file);
        came.version = reader.version().map(str::to_owned);
    });
    let mut piece = next(core, fetch, &mut reader, 0).await?;
    while !piece.is_empty() {
        let bytes = temp.written() + piece.len() as u64;
        let write = async {
            temp.append(piece).await.map_err(not_kept)?;
            fetch.came.send_modify(|came| came.bytes = bytes);
            Ok(())
        };
        // The store is asked for the next piece while this one is written. What fails first ends it: the next piece may
        // not even be wanted before this one has come.
        ((), piece) = try_join!(write, next(core, fetch, &mut reader, bytes))?;
    }
    if temp.written() < length { Err(End::Short) } else { Ok(temp) }
}

/// What comes at `position`, once somebody wants it; nothing at the end of the block, or of the file.
async fn next(core: &Core, fetch: &Fetch, reader: &mut UnderReader, position: u64) -> Result<Bytes, End> {
    let rest = fetch.under.length - position;
    if rest == 0 {
        return Ok(Bytes::new());
    }
    fetch.is_wanted(position).await;
    reader.read(rest.min(core.settings.read_chunk_limit as u64) as usize).await.map_err(End::Failed)
}

#[cfg(test)]
mod tests {
    use super::{super::Running, *};
    use crate::streams::UnderBlock;
    use std::time::Duration;

    #[tokio::test]
    async fn a_task_that_panics_is_not_waited_for() {
        let under =
            UnderBlock { mount: 1, path: "/f".to_owned(), offset_in_file: 0, length: 10, no_cache: false };
        let (fetches, fetch) = (Fetches::default(), Arc::new(Fetch::new(1, &under)));
        fetches.running.lock().insert(1, Running { fetch: Arc::clone(&fetch), followers: 0 });
        let mut follower = fetches.follow_running(1, &under, 0).unwrap();
        let ending = Ending::new(fetches.clone(), fetch);
        let panics = async move {
            let _ending = ending;
            panic!("as a driver may");
        };
        assert!(tokio::spawn(panics).await.unwrap_err().is_panic());
        let kept = tokio::time::timeout(Duration::from_secs(10), follower.kept()).await.unwrap();
        assert!(kept.unwrap_err().message.contains("cut off"));
        assert!(fetches.follow_running(1, &under, 0).is_none(), "nobody joins it");
    }
}
