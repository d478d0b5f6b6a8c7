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

/// `after`: a fetch of the block that all have left, and that still has its file.
pub async fn run(core: Arc<Core>, fetch: Arc<Fetch>, after: Option<Arc<Fetch>>) {
    let mut ending = Ending::new(core.fetches.clone(), fetch);
    if let Some(after) = after {
        // Also when this one was left meanwhile: whoever comes next waits for this one only.
        after.ended().await;
    }
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
    let mut temp = match core.store.create(fetch.block, &Place::tier(0), length).await {
        Ok(temp) => temp,
        Err(error) => {
            *fetch.spare.lock() = Some(reader);
            return Err(not_kept(error));
        }
    };
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
    use crate::{
        rig::{Rig, block, client::under_options},
        streams::UnderBlock,
    };
    use std::time::Duration;

    #[tokio::test]
    async fn a_task_that_panics_is_not_waited_for() {
        let under =
            UnderBlock { mount: 1, path: "/f".to_owned(), offset_in_file: 0, length: 10, no_cache: false };
        let (fetches, fetch) = (Fetches::default(), Arc::new(Fetch::new(1, &under)));
        fetches.running.lock().insert(1, Running { fetch: Arc::clone(&fetch), followers: 0 });
        let mut follower = fetches.join(fetches.running.lock().get_mut(&1).unwrap(), &under).unwrap();
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

    /// Its file is still there: what comes next waits for it, and is kept.
    #[tokio::test]
    async fn a_fetch_that_is_begun_just_after_the_last_reader_left_is_kept() {
        let rig = Rig::new(1 << 20).await;
        std::fs::write(rig.under("f"), [7; 1000]).unwrap();
        let id = block(1, 0);
        rig.master.mind.lock().files.entry(alluxio_fs::ids::file_id_of_block(id)).or_default();
        let options = under_options(&rig.under("f"), 0, 1000);
        let under = UnderBlock { length: 1000, ..UnderBlock::parse(&options).unwrap().unwrap() };
        let core = &rig.worker.core;
        let (fetches, old) = (&core.fetches, Arc::new(Fetch::new(id, &under)));
        let file = core.store.create(id, &Place::tier(0), 1000).await.unwrap();
        fetches.running.lock().insert(id, Running { fetch: Arc::clone(&old), followers: 1 });
        let ending = Ending::new(fetches.clone(), Arc::clone(&old));
        fetches.leave(&old);
        assert!(fetches.follow_running(id, &under, 0).is_none(), "nobody joins it");
        let mut next = fetches.follow(core, id, &under).unwrap();
        let kept = tokio::spawn(async move { next.kept().await });
        // One that nothing holds up is through meanwhile.
        let other = block(1, 1);
        let whole = UnderBlock { offset_in_file: 0, ..under.clone() };
        fetches.follow(core, other, &whole).unwrap().kept().await.unwrap();
        assert!(!kept.is_finished());
        drop((file, ending));
        tokio::time::timeout(Duration::from_secs(10), kept).await.unwrap().unwrap().unwrap();
        assert_eq!(core.store.length_of(id), Some(1000));
        assert!(fetches.running.lock().is_empty());
    }
}
