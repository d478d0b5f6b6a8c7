//! Reading blocks from other workers.

use crate::streams::{ReadPlan, UnderBlock};
use alluxio_client::{BlockReader, Cluster, WorkerClient};
use alluxio_fs::FsError;
use alluxio_proto::{
    dataserver::OpenUfsBlockOptions,
    grpc::{WorkerNetAddress, block::ReadRequest},
};
use bytes::Bytes;

/// Cheap to clone.
#[derive(Clone)]
pub struct Peers {
    cluster: Cluster,
}

/// A block, or a part of it, coming from another worker.
pub struct PeerReader {
    reader: BlockReader,
    block: i64,
    end: i64,
    from: String,
}

impl Peers {
    pub fn new(cluster: &Cluster) -> Peers {
        Peers { cluster: cluster.clone() }
    }

    /// Starts to read a block of `length` bytes.
    pub async fn read(
        &self,
        host: &str,
        port: u16,
        block: i64,
        length: u64,
        under: Option<&UnderBlock>,
    ) -> Result<PeerReader, FsError> {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let request = ReadRequest {
            block_id: Some(block),
            offset: Some(0),
            length: Some(length),
            promote: Some(false),
            open_ufs_block_options: under.map(|under| OpenUfsBlockOptions {
                ufs_path: Some(under.path.clone()),
                offset_in_file: Some(under.offset_in_file as i64),
                block_size: Some(under.length as i64),
                mount_id: Some(under.mount),
                // The other worker should not also keep it.
                no_cache: Some(true),
                ..OpenUfsBlockOptions::default()
            }),
            ..ReadRequest::default()
        };
        self.open(host, port, request).await
    }

    /// Starts to read the `length` bytes from the plan's offset on.
    pub async fn read_part(
        &self,
        host: &str,
        port: u16,
        plan: &ReadPlan,
        length: u64,
    ) -> Result<PeerReader, FsError> {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let request = ReadRequest {
            block_id: Some(plan.block),
            offset: Some(signed(plan.offset)),
            length: Some(signed(length)),
            chunk_size: i64::try_from(plan.chunk).ok(),
            promote: Some(false),
            ..ReadRequest::default()
        };
        self.open(host, port, request).await
    }

    async fn open(&self, host: &str, port: u16, request: ReadRequest) -> Result<PeerReader, FsError> {
        let address = WorkerNetAddress {
            host: Some(host.to_owned()),
            data_port: Some(i32::from(port)),
            ..WorkerNetAddress::default()
        };
        let worker = WorkerClient::new(&self.cluster.conf(), self.cluster.connector(), &address)?;
        let (block, end) = (request.block_id(), request.offset().saturating_add(request.length()));
        let reader = worker.read_block(request).await?;
        Ok(PeerReader { reader, block, end, from: worker.address().to_owned() })
    }
}

impl PeerReader {
    /// The next bytes; `None` at the end. A short block is an error.
    pub async fn next(&mut self) -> Result<Option<Bytes>, FsError> {
        if self.reader.position() >= self.end {
            return Ok(None);
        }
        match self.reader.next().await?.filter(|chunk| !chunk.is_empty()) {
            Some(chunk) => Ok(Some(chunk)),
            None => Err(FsError::out_of_range(format!(
                "Worker {} sent block {} up to {} instead of {}.",
                self.from,
                self.block,
                self.reader.position(),
                self.end
            ))),
        }
    }
}
