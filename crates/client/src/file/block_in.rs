//! One block, opened for reading at one worker.

use alluxio_conf::key;
use alluxio_fs::{ErrorKind, FsResult};
use alluxio_proto::grpc::{
    WorkerNetAddress,
    block::ReadRequest,
    file::{FileInfo, ReadPType},
};
use bytes::Bytes;

use super::source::{Candidate, Spot, signed, ufs_options};
use crate::{
    cluster::{Cluster, is_same_host},
    worker::{BlockReader, LocalBlockReader, WorkerClient},
};

/// What a reader wants of its blocks.
#[derive(Clone, Debug)]
pub(super) struct ReadOptions {
    pub read_type: ReadPType,
    /// Reads of the under storage at once; the worker enforces it.
    pub concurrency: i32,
    /// Where to read the under storage, if the caller says.
    pub preferred: Option<WorkerNetAddress>,
}

/// Part of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    /// From the beginning of the block.
    pub offset: u64,
    pub length: u64,
    /// A positioned read: short ones are read at once by the worker.
    pub position_short: bool,
}

pub(super) enum BlockIn {
    Stream(BlockReader),
    Local(LocalBlockReader),
}

impl BlockIn {
    pub(super) async fn open(
        cluster: &Cluster,
        info: &FileInfo,
        spot: &Spot,
        range: Range,
        candidate: &Candidate,
        options: &ReadOptions,
    ) -> FsResult<Self> {
        let worker = WorkerClient::new(&cluster.conf(), cluster.connector(), &candidate.address)?;
        let promote = options.read_type == ReadPType::CachePromote;
        if candidate.has_block && may_short_circuit(cluster, &candidate.address) {
            match worker.open_local_block(spot.block_id, promote, range.offset, range.length).await {
                Ok(local) => return Ok(Self::Local(local)),
                // Not there any more, or its file cannot be seen from here (another container).
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::FailedPrecondition) => {
                    tracing::debug!(%error, "reading through a stream instead");
                }
                Err(error) => return Err(error),
            }
        }
        let request = ReadRequest {
            block_id: Some(spot.block_id),
            offset: Some(signed(range.offset)),
            length: Some(signed(range.length)),
            promote: Some(promote),
            open_ufs_block_options: Some(ufs_options(info, spot, options.read_type, options.concurrency)),
            position_short: Some(range.position_short),
            ..ReadRequest::default()
        };
        worker.read_block(request).await.map(Self::Stream)
    }

    pub(super) async fn next(&mut self) -> FsResult<Option<Bytes>> {
        match self {
            Self::Stream(reader) => reader.next().await,
            Self::Local(reader) => reader.next().await,
        }
    }
}

/// Whether the files of this worker's blocks may be used directly. A worker with a domain socket wants
/// that to be used instead, unless the client prefers files.
pub(super) fn may_short_circuit(cluster: &Cluster, worker: &WorkerNetAddress) -> bool {
    let conf = cluster.conf();
    conf.get(key::USER_SHORT_CIRCUIT_ENABLED)
        && is_same_host(worker, cluster.host())
        && (worker.domain_socket_path().is_empty() || conf.get(key::USER_SHORT_CIRCUIT_PREFERRED))
}
