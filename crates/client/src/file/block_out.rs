//! One block, opened for writing at one worker.

use alluxio_fs::{ErrorKind, FsError, FsResult};
use alluxio_proto::grpc::{
    WorkerNetAddress,
    block::{CreateLocalBlockRequest, RequestType, WriteRequestCommand},
};
use bytes::Bytes;

use super::{block_in::may_short_circuit, source::signed};
use crate::{
    cluster::Cluster,
    worker::{BlockWriter, LocalBlockWriter, WorkerClient},
};

/// What a file wants of its blocks.
#[derive(Clone, Debug)]
pub(super) struct BlockOptions {
    pub block_size: u64,
    pub tier: i32,
    /// Empty: any.
    pub medium: String,
    /// The data is nowhere else yet.
    pub pin: bool,
    /// Space set aside at first.
    pub reserve: u64,
}

pub(super) enum BlockOut {
    Stream(BlockWriter),
    Local(LocalBlockWriter),
}

impl BlockOut {
    /// Opens the block at the first of these workers that takes it. Nothing is sent before that, so
    /// any failure is a reason to try the next.
    pub(super) async fn open(
        cluster: &Cluster,
        block_id: i64,
        workers: &[WorkerNetAddress],
        options: &BlockOptions,
    ) -> FsResult<Self> {
        let mut last = None;
        for address in workers {
            match Self::open_at(cluster, block_id, address, options).await {
                Ok(out) => return Ok(out),
                Err(error) => {
                    tracing::debug!(%error, worker = address.host(), "a block could not be created here");
                    last = Some(error);
                }
            }
        }
        cluster.forget_workers();
        Err(last.unwrap_or_else(|| FsError::unavailable("There is no worker to write to.")))
    }

    async fn open_at(
        cluster: &Cluster,
        block_id: i64,
        address: &WorkerNetAddress,
        options: &BlockOptions,
    ) -> FsResult<Self> {
        let worker = WorkerClient::new(&cluster.conf(), cluster.connector(), address)?;
        if may_short_circuit(cluster, address) {
            match worker.create_local_block(options.local(block_id)).await {
                Ok(local) => return Ok(Self::Local(local)),
                // Its files cannot be seen from here (another container).
                Err(error) if error.kind == ErrorKind::FailedPrecondition => {
                    tracing::debug!(%error, "writing through a stream instead");
                }
                Err(error) => return Err(error),
            }
        }
        worker.write_block(options.stream(block_id)).await.map(Self::Stream)
    }

    pub(super) async fn write(&mut self, data: Bytes) -> FsResult<()> {
        match self {
            Self::Stream(writer) => writer.write(data).await,
            Self::Local(writer) => writer.write(data).await,
        }
    }

    pub(super) async fn flush(&mut self) -> FsResult<()> {
        match self {
            Self::Stream(writer) => writer.flush().await,
            Self::Local(writer) => writer.flush().await,
        }
    }

    pub(super) async fn close(self) -> FsResult<()> {
        match self {
            Self::Stream(writer) => writer.close().await.map(drop),
            Self::Local(writer) => writer.close().await,
        }
    }

    pub(super) fn position(&self) -> u64 {
        match self {
            Self::Stream(writer) => writer.position(),
            Self::Local(writer) => writer.position(),
        }
    }
}

impl BlockOptions {
    fn stream(&self, block_id: i64) -> WriteRequestCommand {
        WriteRequestCommand {
            r#type: Some(RequestType::AlluxioBlock.into()),
            id: Some(block_id),
            tier: Some(self.tier),
            medium_type: Some(self.medium.clone()),
            pin_on_create: Some(self.pin),
            space_to_reserve: Some(signed(self.reserve)),
            ..WriteRequestCommand::default()
        }
    }

    fn local(&self, block_id: i64) -> CreateLocalBlockRequest {
        CreateLocalBlockRequest {
            block_id: Some(block_id),
            tier: Some(self.tier),
            space_to_reserve: Some(signed(self.reserve)),
            only_reserve_space: Some(false),
            cleanup_on_failure: Some(true),
            medium_type: Some(self.medium.clone()),
            pin_on_create: Some(self.pin),
        }
    }
}
