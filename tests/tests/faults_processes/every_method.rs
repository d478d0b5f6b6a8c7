//! Every method of every service, called with an empty message: an answer at once, and never one that says
//! that the method is not there (Java clients repeat such a call for two minutes) or that the server is at fault.

use std::{path::Path, time::Duration};

use alluxio_rpc::{ServiceType, SessionChannel};
use alluxio_tests::{Cluster, client::connect, cluster::HOST};
use anyhow::{Context, Result, ensure};
use bytes::{Buf, BufMut, Bytes};
use tokio::{task::block_in_place, time::timeout};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

const NEVER: [Code; 3] = [Code::Unimplemented, Code::Internal, Code::Unavailable];

const AT_ONCE: Duration = Duration::from_secs(1);

/// A worker's; all others are asked of the master, also those of job masters, for which a client may take it.
const OF_WORKERS: &str = "alluxio.grpc.block.BlockWorker";

const OF_JOB_MASTERS: &str = "alluxio.grpc.job.";

/// Of ours, for workers that have several masters to tell. One alone takes none, and says so.
const OF_SEVERAL_MASTERS: &str = "alluxio.own.WorkerReports";

/// Authenticates the others; a stream of it ends only when the session does.
const SASL: &str = "alluxio.grpc.sasl.SaslAuthenticationService";

#[tokio::test(flavor = "multi_thread")]
async fn every_method_answers_at_once() -> Result<()> {
    // No safe mode, in which some methods say nothing else.
    let plan = Cluster::plan().set("alluxio.master.worker.connect.wait.time", "0");
    let cluster = block_in_place(|| plan.start())?;
    let fs = connect(&cluster).await?;
    let cluster_connector = fs.cluster().connector();
    let master = cluster_connector.channel(
        HOST,
        cluster.master_rpc_port(),
        ServiceType::FileSystemMasterClientService,
    )?;
    let worker =
        cluster_connector.channel(HOST, cluster.worker_rpc_port(0), ServiceType::BlockWorkerClientService)?;
    // The sessions, so that the first call below is as quick as the others.
    for (channel, path) in [
        (&master, "/alluxio.grpc.file.FileSystemMasterClientService/GetMountTable"),
        (&worker, "/alluxio.grpc.block.BlockWorker/ClearMetrics"),
    ] {
        answer(channel, path.to_owned()).await?;
    }

    let methods = methods()?;
    ensure!(methods.len() > 100, "only {} methods were found", methods.len());
    let (mut wrong, mut unsupported) = (Vec::new(), Vec::new());
    for (service, method) in methods {
        let channel = if service == OF_WORKERS { &worker } else { &master };
        let path = format!("/{service}/{method}");
        match timeout(AT_ONCE, answer(channel, path.clone())).await {
            Err(_) => wrong.push(format!("{path}: no answer within {AT_ONCE:?}")),
            Ok(Err(status)) if service == OF_SEVERAL_MASTERS && status.code() == Code::Unavailable => {}
            Ok(Err(status)) if NEVER.contains(&status.code()) => {
                wrong.push(format!("{path}: {status:?}"));
            }
            Ok(Err(status)) if status.message().is_empty() => {
                wrong.push(format!("{path}: {:?} without a word", status.code()));
            }
            Ok(Err(status)) if status.message().ends_with("is not supported by this server.") => {
                unsupported.push((service, method));
            }
            Ok(_) => {}
        }
    }
    unsupported.retain(|(service, _)| !service.starts_with(OF_JOB_MASTERS));
    // What a master of 2.9 does, ours does, too. (Active sync is refused with what to use instead.)
    ensure!(unsupported.is_empty(), "not supported: {unsupported:?}");
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));

    ensure!(fs.cluster().workers().await?.len() == 1, "the worker is gone");
    drop((master, worker, fs));
    block_in_place(|| cluster.finish())
}

/// (Service, method) of all our schema files.
fn methods() -> Result<Vec<(String, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/proto/proto");
    let mut files = Vec::new();
    for folder in ["grpc", "own"] {
        for entry in std::fs::read_dir(root.join(folder))? {
            files.push(entry?.path());
        }
    }
    let compiled = protox::compile(&files, [&root]).context("the schema")?;
    let methods = compiled.file.iter().flat_map(|file| {
        file.service.iter().flat_map(move |service| {
            let name = format!("{}.{}", file.package(), service.name());
            service.method.iter().map(move |method| (name.clone(), method.name().to_owned()))
        })
    });
    Ok(methods.filter(|(service, _)| service != SASL).collect())
}

/// Sends one empty message and no more; the first message that comes back, or the end.
async fn answer(channel: &SessionChannel, path: String) -> Result<Option<Bytes>, Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = path.try_into().map_err(|_| Status::invalid_argument("not a path"))?;
    let request = Request::new(futures::stream::iter([Bytes::new()]));
    grpc.streaming(request, path, AsIs).await?.into_inner().message().await
}

/// Messages as the bytes they are.
struct AsIs;

impl Codec for AsIs {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for AsIs {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for AsIs {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
