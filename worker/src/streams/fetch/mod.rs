//! Blocks of under storages on their way into the cache.
//!
//! A block that several want at a time, clients and requests to cache it, is fetched once: a task reads it from the under
//! storage and appends it to the block's file, and everybody follows that file. So a slow reader holds up neither the
//! others nor the store's connection, and the store's next piece is on its way while the last one is written.

mod follower;
mod task;

pub use follower::{Followed, Follower};

use super::{cold_source::UnderReader, read_plan::UnderBlock};
use crate::core::Core;
use alluxio_fs::FsError;
use parking_lot::Mutex;
use std::{
    collections::{HashMap, hash_map::Entry},
    fs::File,
    sync::Arc,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A block is fetched so far ahead of the first of its readers. When all of them leave, this much was fetched for nothing.
const AHEAD: u64 = 8 << 20;

/// The fetches that run. Cheap to clone.
#[derive(Clone, Default)]
pub struct Fetches {
    running: Arc<Mutex<HashMap<i64, Running>>>,
}

struct Running {
    fetch: Arc<Fetch>,
    followers: usize,
}

/// One fetch, as its task and its followers see it.
struct Fetch {
    block: i64,
    under: UnderBlock,
    came: watch::Sender<Came>,
    /// How much of the block is wanted by now.
    wanted: watch::Sender<u64>,
    /// Nobody follows any more.
    left: CancellationToken,
    /// What was opened for a block that cannot be kept: whoever reads all of it need not open it again.
    spare: Mutex<Option<UnderReader>>,
}

/// What has come of a block.
#[derive(Clone, Default)]
struct Came {
    /// The block's file; it stays readable here whatever becomes of its name.
    file: Option<Arc<File>>,
    bytes: u64,
    /// Of which version it is, where the store can tell.
    version: Option<String>,
    end: Option<End>,
}

/// How a fetch ended.
#[derive(Clone)]
enum End {
    /// The block is in the cache, and the leader knows of it.
    Kept,
    /// The file in the under storage ends before the block does.
    Short,
    /// The under storage did not give it.
    Failed(FsError),
    /// It cannot be cached, or not now: it must be read without.
    NotKept(FsError),
}

impl Fetches {
    /// Follows the fetch of a block, which begins unless it runs. None when another range is fetched under this id.
    pub fn follow(&self, core: &Arc<Core>, block: i64, under: &UnderBlock) -> Option<Follower> {
        let mut running = self.running.lock();
        let begin = |after: Option<Arc<Fetch>>| {
            let fetch = Arc::new(Fetch::new(block, under));
            tokio::spawn(task::run(Arc::clone(core), Arc::clone(&fetch), after));
            Running { fetch, followers: 0 }
        };
        match running.entry(block) {
            Entry::Vacant(vacant) => self.join(vacant.insert(begin(None)), under),
            Entry::Occupied(mut known) => {
                if known.get().fetch.left.is_cancelled() {
                    let ending = Arc::clone(&known.get().fetch);
                    known.insert(begin(Some(ending)));
                }
                self.join(known.into_mut(), under)
            }
        }
    }

    /// Follows a fetch that runs, if `offset` has come or is about to.
    pub fn follow_running(&self, block: i64, under: &UnderBlock, offset: u64) -> Option<Follower> {
        let mut running = self.running.lock();
        let entry = running.get_mut(&block)?;
        let is_near = {
            let came = entry.fetch.came.borrow();
            // Before there is a file, room is made for the block: a part needs none.
            came.file.is_some() && !entry.fetch.left.is_cancelled() && offset <= came.bytes + AHEAD
        };
        is_near.then(|| self.join(entry, under)).flatten()
    }

    fn join(&self, entry: &mut Running, under: &UnderBlock) -> Option<Follower> {
        let of = &entry.fetch.under;
        if (of.offset_in_file, of.length) != (under.offset_in_file, under.length) {
            return None;
        }
        entry.followers += 1;
        Some(Follower::new(self.clone(), Arc::clone(&entry.fetch)))
    }

    /// One follower less. Without any the fetch ends, unless all of the block has come.
    fn leave(&self, fetch: &Arc<Fetch>) {
        let mut running = self.running.lock();
        let Some(entry) = running.get_mut(&fetch.block).filter(|entry| Arc::ptr_eq(&entry.fetch, fetch))
        else {
            return;
        };
        entry.followers -= 1;
        if entry.followers == 0 && fetch.came.borrow().bytes < fetch.under.length {
            // In one step with the count: nobody joins what is about to end. It stays known until its file is gone.
            fetch.left.cancel();
        }
    }

    /// A fetch that ended is followed by nobody else.
    fn forget(&self, fetch: &Arc<Fetch>) {
        let mut running = self.running.lock();
        if running.get(&fetch.block).is_some_and(|entry| Arc::ptr_eq(&entry.fetch, fetch)) {
            running.remove(&fetch.block);
        }
    }
}

impl Fetch {
    fn new(block: i64, under: &UnderBlock) -> Fetch {
        Fetch {
            block,
            under: under.clone(),
            came: watch::Sender::default(),
            wanted: watch::Sender::new(AHEAD),
            left: CancellationToken::new(),
            spare: Mutex::default(),
        }
    }

    /// Returns when its task has ended, and its file was given up or kept.
    async fn ended(&self) {
        // It fails only without a sender, which is here.
        let _ = self.came.subscribe().wait_for(|came| came.end.is_some()).await;
    }

    fn want(&self, bytes: u64) {
        self.wanted.send_if_modified(|wanted| {
            let more = bytes > *wanted;
            *wanted = bytes.max(*wanted);
            more
        });
    }

    /// Returns when the byte at `position` is wanted.
    async fn is_wanted(&self, position: u64) {
        // It fails only without a sender, which is here.
        let _ = self.wanted.subscribe().wait_for(|wanted| *wanted > position).await;
    }
}
