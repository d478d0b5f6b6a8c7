//! `/debug/tree_hash`: the hash of the whole tree at one sequence number. Two masters, or one before and
//! after a restart, are equal when they answer the same at the same sequence.

use std::sync::Arc;

use alluxio_fs::FsError;
use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::MasterWeb;
use alluxio_web::WebError;

/// Computes it; the tree's owner implements this.
#[async_trait]
pub trait TreeHashes: Send + Sync {
    /// Sequence number and hash.
    async fn tree_hash(&self) -> Result<(u64, u64), FsError>;
}

#[derive(Serialize)]
pub(super) struct TreeHash {
    sequence: u64,
    hash: String,
}

pub(super) async fn tree_hash(State(web): State<Arc<MasterWeb>>) -> Result<Json<TreeHash>, WebError> {
    let sources = web.info.get().ok_or_else(super::starting)?;
    let (sequence, hash) = sources.hashes.tree_hash().await?;
    Ok(Json(TreeHash { sequence, hash: format!("{hash:016x}") }))
}
