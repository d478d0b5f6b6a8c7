//! Reading blocks from other workers.

use crate::streams::UnderBlock;
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

/// A whole block coming from another worker.
pub struct PeerReader {
    reader: BlockReader,
    block: i64,
    length: i64,
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
        let address = WorkerNetAddress {
            host: Some(host.to_owned()),
            data_port: Some(i32::from(port)),
            ..WorkerNetAddress::default()
        };
        let worker = WorkerClient::new(&self.cluster.conf(), self.cluster.connector(), &address)?;
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
        let reader = worker.read_block(request).await?;
        Ok(PeerReader { reader, block, length, from: worker.address().to_owned() })
    }
}

impl PeerReader {
    /// The next bytes; `None` at the end of the block. A short block is an error.
    pub async fn next(&mut self) -> Result<Option<Bytes>, FsError> {
        if self.reader.position() >= self.length {
            return Ok(None);
        }
        match self.reader.next().await?.filter(|chunk| !chunk.is_empty()) {
            Some(chunk) => Ok(Some(chunk)),
            None => Err(FsError::out_of_range(format!(
                "Worker {} sent {} of {} bytes of block {}.",
                self.from,
                self.reader.position(),
                self.length,
                self.block
            ))),
        }
    }
}
