//! The question to the leader before blocks are given up.

use async_trait::async_trait;
use std::collections::HashSet;

/// The leader's answer for a batch of blocks. A block in neither set must stay: its file is pinned or is
/// waiting to be persisted.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Persisted and not pinned, or owned by no file.
    pub evictable: HashSet<i64>,
    /// Only in Alluxio: the last to go, and only where the worker is configured so.
    pub not_persisted: HashSet<i64>,
}

/// No answer. Nothing is evicted then.
#[derive(Debug, thiserror::Error)]
#[error("the leading master did not say which blocks may be evicted: {0}")]
pub struct GateError(pub String);

/// Asks which blocks may be evicted. A seam, so that the store can be tested without a master.
#[async_trait]
pub trait EvictionGate: Send + Sync {
    /// Must answer within a bounded time.
    async fn may_evict(&self, blocks: &[i64]) -> Result<Verdict, GateError>;
}
