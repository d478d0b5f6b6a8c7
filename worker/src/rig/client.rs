//! A client of the worker that does what the Java client does, and what it should not.

use alluxio_conf::Configuration;
use alluxio_proto::{
    dataserver::{CreateUfsFileOptions, OpenUfsBlockOptions},
    grpc::block::{
        Chunk, CreateLocalBlockRequest, CreateLocalBlockResponse, OpenLocalBlockRequest,
        OpenLocalBlockResponse, ReadRequest, ReadResponse, RequestType, WriteRequest, WriteRequestCommand,
        WriteResponse, block_worker_client::BlockWorkerClient, write_request::Value,
    },
};
use alluxio_rpc::{Connector, ServiceType, SessionChannel};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

#[derive(Clone)]
pub struct Client {
    channel: SessionChannel,
}

pub struct Reading {
    pub requests: mpsc::Sender<ReadRequest>,
    pub replies: Streaming<ReadResponse>,
    first: ReadRequest,
}

pub struct Writing {
    pub requests: mpsc::Sender<WriteRequest>,
    pub replies: Streaming<WriteResponse>,
}

pub fn read_request(block: i64, offset: i64, length: i64) -> ReadRequest {
    ReadRequest {
        block_id: Some(block),
        offset: Some(offset),
        length: Some(length),
        promote: Some(false),
        chunk_size: Some(1 << 20),
        open_ufs_block_options: Some(OpenUfsBlockOptions::default()),
        ..Default::default()
    }
}

pub fn under_options(path: &std::path::Path, offset: i64, length: i64) -> OpenUfsBlockOptions {
    OpenUfsBlockOptions {
        ufs_path: Some(path.display().to_string()),
        offset_in_file: Some(offset),
        block_size: Some(length),
        mount_id: Some(1),
        no_cache: Some(false),
        ..Default::default()
    }
}

pub fn block_command(block: i64, reserve: i64) -> WriteRequestCommand {
    WriteRequestCommand {
        r#type: Some(RequestType::AlluxioBlock.into()),
        id: Some(block),
        tier: Some(0),
        medium_type: Some(String::new()),
        space_to_reserve: Some(reserve),
        ..Default::default()
    }
}

pub fn file_command(path: &std::path::Path) -> WriteRequestCommand {
    WriteRequestCommand {
        r#type: Some(RequestType::UfsFile.into()),
        id: Some(-1),
        create_ufs_file_options: Some(CreateUfsFileOptions {
            ufs_path: Some(path.display().to_string()),
            owner: Some(String::new()),
            group: Some(String::new()),
            mode: Some(0o640),
            mount_id: Some(1),
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub fn command(command: WriteRequestCommand) -> WriteRequest {
    WriteRequest { value: Some(Value::Command(command)) }
}

pub fn chunk(data: &[u8]) -> WriteRequest {
    WriteRequest { value: Some(Value::Chunk(Chunk { data: Some(Bytes::copy_from_slice(data)) })) }
}

impl Client {
    pub fn new(port: u16) -> Client {
        let connector = Connector::new(&Configuration::defaults(), "ann").unwrap();
        let channel = connector.channel("127.0.0.1", port, ServiceType::BlockWorkerClientService).unwrap();
        Client { channel }
    }

    pub fn stub(&self) -> BlockWorkerClient<SessionChannel> {
        BlockWorkerClient::new(self.channel.clone()).max_decoding_message_size(100 << 20)
    }

    pub async fn reading(&self, request: ReadRequest) -> Result<Reading, Status> {
        let (requests, receiver) = mpsc::channel(64);
        requests.send(request.clone()).await.unwrap();
        let replies = self.stub().read_block(ReceiverStream::new(receiver)).await?.into_inner();
        Ok(Reading { requests, replies, first: request })
    }

    /// Reads to the end, acknowledging as the Java client does. Returns the chunks.
    pub async fn read_chunks(&self, request: ReadRequest) -> Result<Vec<Bytes>, Status> {
        let mut reading = self.reading(request).await?;
        let mut chunks = Vec::new();
        while let Some(chunk) = reading.next().await? {
            chunks.push(chunk);
        }
        Ok(chunks)
    }

    pub async fn read(&self, request: ReadRequest) -> Result<Vec<u8>, Status> {
        Ok(self.read_chunks(request).await?.concat())
    }

    pub async fn writing(&self, first: WriteRequestCommand) -> Result<Writing, Status> {
        let (requests, receiver) = mpsc::channel(4);
        requests.send(command(first)).await.unwrap();
        let replies = self.stub().write_block(ReceiverStream::new(receiver)).await?.into_inner();
        Ok(Writing { requests, replies })
    }

    /// Writes all of `data` in chunks as the Java client does.
    pub async fn write(&self, first: WriteRequestCommand, data: &[u8]) -> Result<(), Status> {
        let writing = self.writing(first).await?;
        for piece in data.chunks(1 << 20) {
            // A refused write closes the stream; the status comes below.
            if writing.requests.send(chunk(piece)).await.is_err() {
                break;
            }
        }
        writing.finish().await.map(|replies| assert!(replies.is_empty(), "{replies:?}"))
    }

    pub async fn write_block(&self, block: i64, data: &[u8]) -> Result<(), Status> {
        self.write(block_command(block, data.len() as i64), data).await
    }

    pub async fn open_local(
        &self,
        block: i64,
    ) -> Result<(mpsc::Sender<OpenLocalBlockRequest>, Streaming<OpenLocalBlockResponse>), Status> {
        let (requests, receiver) = mpsc::channel(4);
        requests.send(OpenLocalBlockRequest { block_id: Some(block), promote: Some(false) }).await.unwrap();
        Ok((requests, self.stub().open_local_block(ReceiverStream::new(receiver)).await?.into_inner()))
    }

    pub async fn create_local(
        &self,
        block: i64,
        reserve: i64,
    ) -> (mpsc::Sender<CreateLocalBlockRequest>, Streaming<CreateLocalBlockResponse>) {
        let (requests, receiver) = mpsc::channel(4);
        let first = CreateLocalBlockRequest {
            block_id: Some(block),
            tier: Some(0),
            space_to_reserve: Some(reserve),
            only_reserve_space: Some(false),
            cleanup_on_failure: Some(true),
            ..Default::default()
        };
        requests.send(first).await.unwrap();
        let replies =
            self.stub().create_local_block(ReceiverStream::new(receiver)).await.unwrap().into_inner();
        (requests, replies)
    }
}

impl Reading {
    pub async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        let Some(reply) = self.replies.message().await? else { return Ok(None) };
        let data = reply.chunk.expect("every response holds a chunk").data.expect("with data");
        self.first.offset_received =
            Some(self.first.offset_received.unwrap_or(self.first.offset.unwrap_or(0)) + data.len() as i64);
        let _ = self.requests.send(self.first.clone()).await;
        Ok(Some(data))
    }
}

impl Writing {
    /// Half-closes and waits for the end. Returns the replies.
    pub async fn finish(self) -> Result<Vec<WriteResponse>, Status> {
        let Writing { requests, mut replies } = self;
        drop(requests);
        let mut all = Vec::new();
        while let Some(reply) = replies.message().await? {
            all.push(reply);
        }
        Ok(all)
    }
}
