//! The BlockWorker service: block streams, short circuit, caching and the small calls.
//!
//! A stream's work runs in a task of its own; the reply goes through a bounded queue, so a client that
//! stops reading stops the work and never grows memory.

mod admission;
mod buffers;
mod cached_source;
mod caching;
mod cold_source;
mod domain_socket;
mod endpoint;
mod fetch;
mod gather;
mod half_close;
mod load;
mod local_block;
mod peer_source;
mod read_block;
mod read_body;
mod read_plan;
mod replies;
mod reply_queue;
mod service;
mod short_calls;
mod still_there;
mod way;
mod write_block;
mod write_stream;
mod write_ufs_file;

use alluxio_fs::FsError;
use std::time::Duration;
use tonic::{Status, Streaming};

pub use admission::{Admission, Work};
pub use buffers::BufferPool;
pub use domain_socket::DomainSocket;
pub use endpoint::BlockEndpoint;
pub use fetch::Fetches;
pub use read_plan::{ReadPlan, UnderBlock};
pub use way::Way;

/// The first message of a stream. A client that opens streams and says nothing must not keep others out.
async fn first_of<T>(requests: &mut Streaming<T>, patience: Duration) -> Result<Option<T>, Status> {
    let first = tokio::time::timeout(patience, requests.message()).await;
    first
        .map_err(|_| Status::deadline_exceeded(format!("No request came on the stream for {patience:?}.")))?
}

/// A block id as it may be given to a block file.
fn block_id(id: Option<i64>) -> Result<i64, FsError> {
    match id {
        Some(id) if id >= 0 => Ok(id),
        Some(id) => Err(FsError::invalid_argument(format!("Block id {id} is negative."))),
        None => Err(FsError::invalid_argument("block_id is missing.")),
    }
}
