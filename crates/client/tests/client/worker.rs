//! A worker that keeps to the protocol's letter and tells the test what it saw.

use std::path::PathBuf;

use alluxio_proto::grpc::block::{
    AsyncCacheRequest, AsyncCacheResponse, CacheRequest, CacheResponse, Chunk, ClearMetricsRequest,
    ClearMetricsResponse, CreateLocalBlockRequest, CreateLocalBlockResponse, FreeWorkerRequest,
    FreeWorkerResponse, LoadRequest, LoadResponse, MoveBlockRequest, MoveBlockResponse,
    OpenLocalBlockRequest, OpenLocalBlockResponse, ReadRequest, ReadResponse, RemoveBlockRequest,
    RemoveBlockResponse, WriteRequest, WriteResponse, block_worker_server::BlockWorker, write_request::Value,
};
use alluxio_rpc::unsupported;
use futures::{StreamExt, stream::BoxStream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    Committed(Vec<u8>),
    Aborted,
    /// A read ended with this many bytes acknowledged.
    ReadEnded(i64),
    Pinned,
    Unpinned,
    Reserved(i64),
}

/// Blocks that a read of the fake worker finds, by id.
pub const BLOCK: i64 = 7;
pub const BLOCK_LENGTH: usize = 10_000;
/// Reads of it send nothing.
pub const SILENT: i64 = 8;
/// Writes to it find no space.
pub const TOO_MUCH: i64 = 9;
/// Bytes sent and not acknowledged, at most.
const UNACKNOWLEDGED: i64 = 2_000;

pub fn block_data() -> Vec<u8> {
    (0..BLOCK_LENGTH).map(|n| (n % 251) as u8).collect()
}

pub struct FakeWorker {
    pub events: mpsc::UnboundedSender<Event>,
    pub dir: PathBuf,
}

type Replies<T> = BoxStream<'static, Result<T, Status>>;

fn reply<T: Send + 'static>(
    receiver: mpsc::Receiver<Result<T, Status>>,
) -> Result<Response<Replies<T>>, Status> {
    Ok(Response::new(ReceiverStream::new(receiver).boxed()))
}

/// Sends as a worker does: not further ahead of the acknowledgements than the window.
async fn send_block(
    mut requests: Streaming<ReadRequest>,
    replies: mpsc::Sender<Result<ReadResponse, Status>>,
) -> Result<i64, Status> {
    let first = requests.message().await?.expect("a request");
    if first.block_id() == SILENT {
        return std::future::pending().await;
    }
    if first.block_id() != BLOCK {
        return Err(Status::not_found(format!("BlockMeta not found for blockId {}", first.block_id())));
    }
    let data = block_data();
    let end = usize::try_from(first.offset() + first.length()).unwrap().min(data.len());
    let (mut position, mut acknowledged) = (first.offset(), first.offset());
    loop {
        while position - acknowledged < UNACKNOWLEDGED && position < end as i64 {
            let from = usize::try_from(position).unwrap();
            let to = (from + usize::try_from(first.chunk_size()).unwrap()).min(end);
            let chunk = Chunk { data: Some(data[from..to].to_vec().into()) };
            let _ = replies.send(Ok(ReadResponse { chunk: Some(chunk) })).await;
            position = to as i64;
        }
        if acknowledged == end as i64 {
            return Ok(acknowledged);
        }
        match requests.message().await {
            Ok(Some(request)) => {
                acknowledged = request.offset_received.expect("only acknowledgements follow")
            }
            Ok(None) | Err(_) => return Ok(acknowledged),
        }
    }
}

async fn take_block(
    mut requests: Streaming<WriteRequest>,
    replies: mpsc::Sender<Result<WriteResponse, Status>>,
) -> Result<Vec<u8>, Status> {
    let mut data = Vec::new();
    let mut id = 0;
    while let Some(request) = requests.message().await? {
        match request.value.expect("a value") {
            Value::Command(command) if command.flush() => {
                assert_eq!(command.offset(), data.len() as i64);
                let _ = replies.send(Ok(WriteResponse { offset: command.offset, content_hash: None })).await;
            }
            Value::Command(command) => id = command.id(),
            Value::Chunk(_) if id == TOO_MUCH => return Err(Status::resource_exhausted("no space")),
            Value::Chunk(chunk) => {
                assert!(chunk.data().len() <= 1 << 20, "chunks are at most 1 MB");
                data.extend_from_slice(chunk.data());
            }
        }
    }
    if id == -1 {
        let hash = WriteResponse { offset: Some(data.len() as i64), content_hash: Some("hash".into()) };
        let _ = replies.send(Ok(hash)).await;
    }
    Ok(data)
}

#[tonic::async_trait]
impl BlockWorker for FakeWorker {
    type ReadBlockStream = Replies<ReadResponse>;
    type WriteBlockStream = Replies<WriteResponse>;
    type OpenLocalBlockStream = Replies<OpenLocalBlockResponse>;
    type CreateLocalBlockStream = Replies<CreateLocalBlockResponse>;

    async fn read_block(
        &self,
        request: Request<Streaming<ReadRequest>>,
    ) -> Result<Response<Self::ReadBlockStream>, Status> {
        let (sender, receiver) = mpsc::channel(1);
        let events = self.events.clone();
        tokio::spawn(async move {
            match send_block(request.into_inner(), sender.clone()).await {
                Ok(acknowledged) => drop(events.send(Event::ReadEnded(acknowledged))),
                Err(status) => drop(sender.send(Err(status)).await),
            }
        });
        reply(receiver)
    }

    async fn write_block(
        &self,
        request: Request<Streaming<WriteRequest>>,
    ) -> Result<Response<Self::WriteBlockStream>, Status> {
        let (sender, receiver) = mpsc::channel(1);
        let events = self.events.clone();
        tokio::spawn(async move {
            match take_block(request.into_inner(), sender.clone()).await {
                Ok(data) => drop(events.send(Event::Committed(data))),
                Err(status) => {
                    drop(events.send(Event::Aborted));
                    drop(sender.send(Err(status)).await);
                }
            }
        });
        reply(receiver)
    }

    async fn open_local_block(
        &self,
        request: Request<Streaming<OpenLocalBlockRequest>>,
    ) -> Result<Response<Self::OpenLocalBlockStream>, Status> {
        let mut requests = request.into_inner();
        let block = requests.message().await?.expect("a request").block_id();
        if block != BLOCK {
            return Err(Status::not_found(format!("BlockMeta not found for blockId {block}")));
        }
        let path = self.dir.join(block.to_string());
        std::fs::write(&path, block_data()).unwrap();
        let (sender, receiver) = mpsc::channel(1);
        let path = OpenLocalBlockResponse { path: Some(path.to_string_lossy().into_owned()) };
        sender.send(Ok(path)).await.unwrap();
        let events = self.events.clone();
        drop(events.send(Event::Pinned));
        tokio::spawn(async move {
            // Until the client half-closes or goes away.
            while let Ok(Some(_)) = requests.message().await {}
            drop(sender);
            drop(events.send(Event::Unpinned));
        });
        reply(receiver)
    }

    async fn create_local_block(
        &self,
        request: Request<Streaming<CreateLocalBlockRequest>>,
    ) -> Result<Response<Self::CreateLocalBlockStream>, Status> {
        let mut requests = request.into_inner();
        let first = requests.message().await?.expect("a request");
        if first.block_id() == TOO_MUCH {
            return Err(Status::resource_exhausted("no space"));
        }
        let path = self.dir.join(format!("tmp-{}", first.block_id()));
        let (sender, receiver) = mpsc::channel(1);
        let answer = CreateLocalBlockResponse { path: Some(path.to_string_lossy().into_owned()) };
        sender.send(Ok(answer)).await.unwrap();
        let events = self.events.clone();
        tokio::spawn(async move {
            loop {
                match requests.message().await {
                    Ok(Some(request)) => {
                        assert!(request.only_reserve_space());
                        drop(events.send(Event::Reserved(request.space_to_reserve())));
                        drop(sender.send(Ok(CreateLocalBlockResponse { path: None })).await);
                    }
                    Ok(None) => break drop(events.send(Event::Committed(std::fs::read(&path).unwrap()))),
                    Err(_) => break drop(events.send(Event::Aborted)),
                }
            }
        });
        reply(receiver)
    }

    async fn async_cache(
        &self,
        _request: Request<AsyncCacheRequest>,
    ) -> Result<Response<AsyncCacheResponse>, Status> {
        Err(unsupported("AsyncCache"))
    }

    async fn cache(&self, request: Request<CacheRequest>) -> Result<Response<CacheResponse>, Status> {
        if request.get_ref().block_id() == SILENT {
            return std::future::pending().await;
        }
        Ok(Response::new(CacheResponse {}))
    }

    async fn load(&self, _request: Request<LoadRequest>) -> Result<Response<LoadResponse>, Status> {
        std::future::pending().await
    }

    async fn remove_block(
        &self,
        _request: Request<RemoveBlockRequest>,
    ) -> Result<Response<RemoveBlockResponse>, Status> {
        std::future::pending().await
    }

    async fn move_block(
        &self,
        _request: Request<MoveBlockRequest>,
    ) -> Result<Response<MoveBlockResponse>, Status> {
        Err(unsupported("MoveBlock"))
    }

    async fn clear_metrics(
        &self,
        _request: Request<ClearMetricsRequest>,
    ) -> Result<Response<ClearMetricsResponse>, Status> {
        Err(unsupported("ClearMetrics"))
    }

    async fn free_worker(
        &self,
        _request: Request<FreeWorkerRequest>,
    ) -> Result<Response<FreeWorkerResponse>, Status> {
        Err(unsupported("FreeWorker"))
    }
}
