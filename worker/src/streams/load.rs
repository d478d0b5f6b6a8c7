//! Load: several blocks of persisted files, each with its own answer.

use super::{
    caching::{CacheJob, CacheQueue},
    read_plan::UnderBlock,
};
use alluxio_fs::FsError;
use alluxio_proto::grpc::block::{Block, BlockStatus, LoadRequest, LoadResponse, TaskStatus};
use futures::{StreamExt, stream};
use tonic::{Code, Status};

/// Blocks of one request that are in the queue at the same time: one request must not fill it.
const AT_ONCE: usize = 4;

pub async fn load(queue: &CacheQueue, request: LoadRequest) -> Result<LoadResponse, Status> {
    if request.blocks.is_empty() {
        return Err(FsError::invalid_argument("No blocks to load.").into());
    }
    let total = request.blocks.len();
    let failures: Vec<BlockStatus> = stream::iter(request.blocks)
        .map(|block| async move { one(queue, &block).await.err().map(|error| status_of(block, error)) })
        .buffered(AT_ONCE)
        .filter_map(|failure| async { failure })
        .collect()
        .await;
    let status = match failures.len() {
        0 => TaskStatus::Success,
        some if some == total => TaskStatus::Failure,
        _ => TaskStatus::PartialFailure,
    };
    Ok(LoadResponse { status: status.into(), block_status: failures })
}

async fn one(queue: &CacheQueue, block: &Block) -> Result<(), FsError> {
    let path = block.ufs_path.clone().filter(|path| !path.is_empty());
    let path = path.ok_or_else(|| FsError::invalid_argument("ufs_path is missing."))?;
    let natural =
        |value: i64| u64::try_from(value).map_err(|_| FsError::invalid_argument("a number is negative"));
    let length = natural(block.length)?;
    let under = UnderBlock {
        mount: block.mount_id.unwrap_or(alluxio_fs::ids::ROOT_MOUNT_ID),
        path,
        offset_in_file: natural(block.offset_in_file.unwrap_or(0))?,
        length,
        no_cache: false,
    };
    let block = super::block_id(Some(block.block_id))?;
    queue.load(CacheJob { block, length, under: Some(under), source: None }).await
}

fn status_of(block: Block, error: FsError) -> BlockStatus {
    let message = error.message.clone();
    let code = Status::from(error).code();
    let retryable = !matches!(code, Code::InvalidArgument | Code::NotFound | Code::PermissionDenied);
    BlockStatus { block, code: code as i32, message: Some(message), retryable: Some(retryable) }
}
