//! `/debug/tree_hash`: the hash of the whole tree at one sequence number. Two masters, or one before and
//! after a restart, are equal when they answer the same at the same sequence.

use std::sync::Arc;

use alluxio_fs::{ErrorKind, FsError};
use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::MasterWeb;
use alluxio_web::WebError;

/// Computes it; the tree's owner implements this.
#[async_trait]
pub trait TreeHashes: Send + Sync {
    /// Sequence number and hash; an error of kind `Unavailable` while it is being computed for somebody else.
    async fn tree_hash(&self) -> Result<(u64, u64), FsError>;
}

#[derive(Serialize)]
pub(super) struct TreeHash {
    sequence: u64,
    hash: String,
}

pub(super) async fn tree_hash(State(web): State<Arc<MasterWeb>>) -> Result<Json<TreeHash>, Response> {
    let hashes = web.hashes().map_err(refusal)?;
    let (sequence, hash) = hashes.tree_hash().await.map_err(refusal)?;
    Ok(Json(TreeHash { sequence, hash: format!("{hash:016x}") }))
}

/// Who may try again gets 503: this path is ours, Java's rule of 500 for all errors does not bind it.
fn refusal(error: FsError) -> Response {
    let again = error.kind == ErrorKind::Unavailable;
    let mut response = WebError(error).into_response();
    if again {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}
