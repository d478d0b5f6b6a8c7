//! One worker: streams of blocks, short circuit, and its other calls. Programs use it through files;
//! workers use it to read from each other.

mod abort;
mod local_read;
mod local_write;
mod read;
mod settings;
mod write;

use alluxio_fs::{FsError, FsResult};
use alluxio_proto::grpc::{
    WorkerNetAddress,
    block::{
        AsyncCacheRequest, CacheRequest, ClearMetricsRequest, FreeWorkerRequest, LoadRequest, LoadResponse,
        MoveBlockRequest, RemoveBlockRequest, block_worker_client::BlockWorkerClient,
    },
};
use alluxio_rpc::{Connector, ServiceType, SessionChannel};
use tonic::{Response, Status};

use abort::{Abort, AbortableChannel};
pub use local_read::LocalBlockReader;
pub use local_write::LocalBlockWriter;
pub use read::BlockReader;
pub(crate) use settings::StreamSettings;
use settings::within;
pub use write::BlockWriter;

/// Where a worker is reached. One in a container has a host by which it is known, that of its node, and one at which it listens.
pub fn worker_host(address: &WorkerNetAddress) -> &str {
    match address.container_host() {
        "" => address.host(),
        container => container,
    }
}

/// A client of one worker. Cheap to clone.
#[derive(Clone)]
pub struct WorkerClient {
    channel: SessionChannel,
    address: String,
    settings: StreamSettings,
}

/// All methods fail with what the worker answers, or UNAVAILABLE when it cannot be reached. None is
/// tried again here: another worker may do better.
#[allow(clippy::missing_errors_doc)]
impl WorkerClient {
    /// For the worker at `address` (its data port). Sends nothing yet.
    pub fn new(
        conf: &alluxio_conf::Configuration,
        connector: &Connector,
        address: &WorkerNetAddress,
    ) -> FsResult<Self> {
        let port = if address.data_port() > 0 { address.data_port() } else { address.rpc_port() };
        let host = worker_host(address);
        let port = u16::try_from(port).map_err(|_| {
            FsError::invalid_argument(format!("Worker {host} has no usable data port: {port}."))
        })?;
        Ok(Self {
            channel: connector.channel(host, port, ServiceType::BlockWorkerClientService)?,
            address: format!("{host}:{port}"),
            settings: StreamSettings::of(conf),
        })
    }

    /// `host:port`, for messages.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Finds out whether the worker is there, before anything is sent that cannot be sent twice.
    pub async fn connect(&self) -> FsResult<()> {
        self.channel.connect().await
    }

    pub async fn cache(&self, request: CacheRequest) -> FsResult<()> {
        self.answered("cache a block", self.stub().cache(request)).await.map(drop)
    }

    pub async fn async_cache(&self, request: AsyncCacheRequest) -> FsResult<()> {
        self.answered("take a block to cache", self.stub().async_cache(request)).await.map(drop)
    }

    pub async fn load(&self, request: LoadRequest) -> FsResult<LoadResponse> {
        self.answered("load blocks", self.stub().load(request)).await
    }

    pub async fn remove_block(&self, block_id: i64) -> FsResult<()> {
        let request = RemoveBlockRequest { block_id: Some(block_id) };
        self.answered("remove a block", self.stub().remove_block(request)).await.map(drop)
    }

    pub async fn move_block(&self, block_id: i64, medium: &str) -> FsResult<()> {
        let request = MoveBlockRequest { block_id: Some(block_id), medium_type: Some(medium.to_owned()) };
        self.answered("move a block", self.stub().move_block(request)).await.map(drop)
    }

    pub async fn clear_metrics(&self) -> FsResult<()> {
        self.answered("clear its metrics", self.stub().clear_metrics(ClearMetricsRequest {})).await.map(drop)
    }

    pub async fn free_worker(&self) -> FsResult<()> {
        self.answered("free its blocks", self.stub().free_worker(FreeWorkerRequest {})).await.map(drop)
    }

    /// A call's answer, within `alluxio.user.rpc.retry.max.duration`.
    async fn answered<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> FsResult<T> {
        Ok(within(self.settings.call_patience, &self.address, what, call).await??.into_inner())
    }

    fn stub(&self) -> BlockWorkerClient<SessionChannel> {
        BlockWorkerClient::new(self.channel.clone()).max_decoding_message_size(self.channel.max_message())
    }

    /// A stub whose one stream can be broken off.
    fn abortable(&self, abort: &Abort) -> BlockWorkerClient<AbortableChannel> {
        BlockWorkerClient::new(AbortableChannel::new(self.channel.clone(), abort.clone()))
            .max_decoding_message_size(self.channel.max_message())
    }
}

#[cfg(test)]
mod tests {
    use alluxio_conf::Configuration;

    use super::*;

    #[tokio::test]
    async fn a_worker_in_a_container_is_reached_at_the_containers_host() -> FsResult<()> {
        let conf = Configuration::defaults();
        let connector = Connector::new(&conf, "somebody")?;
        let address = WorkerNetAddress {
            host: Some("node".into()),
            container_host: Some(String::new()),
            data_port: Some(29999),
            ..WorkerNetAddress::default()
        };
        assert_eq!(WorkerClient::new(&conf, &connector, &address)?.address(), "node:29999");
        let address = WorkerNetAddress { container_host: Some("pod".into()), ..address };
        assert_eq!(WorkerClient::new(&conf, &connector, &address)?.address(), "pod:29999");
        assert_eq!(worker_host(&address), "pod");
        Ok(())
    }
}
