//! The task that brings a block.

use super::{End, Fetch};
use crate::{
    core::Core,
    store::{Place, StoreError, TempBlock},
    streams::cold_source::{self, UnderReader},
};
use alluxio_fs::FsError;
use bytes::Bytes;
use std::sync::Arc;
use tokio::join;

pub async fn run(core: Arc<Core>, fetch: Arc<Fetch>) {
    let end = into_cache(&core, &fetch).await;
    if let End::NotKept(error) = &end {
        tracing::info!(block = fetch.block, %error, "block read but not kept");
    }
    // First: whoever comes now must not follow what has ended.
    core.fetches.forget(&fetch);
    fetch.came.send_modify(|came| came.end = Some(end));
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
            temp.append(piece).await?;
            fetch.came.send_modify(|came| came.bytes = bytes);
            Ok(())
        };
        // The store is asked for the next piece while this one is written.
        let (written, after) = join!(write, next(core, fetch, &mut reader, bytes));
        written.map_err(not_kept)?;
        piece = after?;
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
