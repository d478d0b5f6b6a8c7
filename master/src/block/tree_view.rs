//! What the block master asks of the tree. The tree implements these; the block master knows nothing
//! else of it, and never calls them while it holds a lock of its own.

use std::time::Duration;

use alluxio_fs::FsError;
use async_trait::async_trait;

/// Most block ids given to [`BlockLengths::unknown_of`] or [`EvictionPolicy::may_evict`] at once: the tree
/// may look all of them up under one hold of its lock.
pub const LOOKUP_CHUNK: usize = 1_000;

/// Which blocks there are. The tree derives it: a block belongs to the file of its container.
#[async_trait]
pub trait BlockLengths: Send + Sync {
    /// Whether a file owns this block, also while the file is being written and the block has no
    /// length yet. What is not known is taken from the workers, so a doubt must be answered `true`.
    fn block_known(&self, block_id: i64) -> bool;

    /// The block's length, once it is committed.
    fn block_length(&self, block_id: i64) -> Option<i64>;

    /// The id of the file that owns the block.
    fn file_of(&self, block_id: i64) -> Option<i64>;

    /// Adds those of `block_ids` (at most [`LOOKUP_CHUNK`]) that no file owns to `unknown`.
    fn unknown_of(&self, block_ids: &[i64], unknown: &mut Vec<i64>) {
        unknown.extend(block_ids.iter().copied().filter(|id| !self.block_known(*id)));
    }

    /// Returns once everything that a look at these blocks could have seen, or missed, is durable and
    /// was read under a valid lease. An answer or a command built on a look waits for this first.
    async fn settled(&self, block_ids: &[i64]) -> Result<(), FsError>;
}

/// How a block's length becomes part of the tree.
#[async_trait]
pub trait BlockCommits: Send + Sync {
    /// Journals the length; returns when that is durable. Committing the same length again succeeds.
    async fn commit_block(&self, block_id: i64, length: i64) -> Result<(), FsError>;
}

/// The answer to a worker that needs room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evictable {
    /// Blocks whose file is persisted and not pinned, or that no file owns.
    pub evictable: Vec<i64>,
    /// Blocks of files that exist only in Alluxio.
    pub not_persisted: Vec<i64>,
    /// Blocks of pinned files that are persisted: they stay, but nothing would be lost with them.
    pub pinned: Vec<i64>,
}

/// Why it is asked what may be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The worker drops blocks next.
    Evicting,
    /// It drops nothing: the answer is not stood by.
    Looking,
}

/// Decides what workers may drop.
#[async_trait]
pub trait EvictionPolicy: Send + Sync {
    /// Sorts `block_ids` (at most [`LOOKUP_CHUNK`]); what is in neither of the first two lists must stay. Returns when
    /// what it saw is durable.
    async fn may_evict(&self, block_ids: &[i64], purpose: Purpose) -> Result<Evictable, FsError>;

    /// Whether what was answered rests on the tree that counts: no other master had taken over when this was
    /// called (docs/decisions/0012).
    async fn confirmed(&self) -> Result<(), FsError>;

    /// How long an answer to [`Purpose::Evicting`] holds, from before the question was asked.
    fn valid(&self) -> Duration;
}
