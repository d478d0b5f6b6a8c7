//! Why a worker does not start.

use crate::store::StoreError;
use alluxio_conf::ConfError;
use alluxio_fs::FsError;
use alluxio_rpc::RpcError;
use std::{io, path::PathBuf};

/// Each text is one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error(transparent)]
    Configuration(#[from] ConfError),
    #[error("{key}={port} is no port number")]
    Port { key: &'static str, port: i64 },
    #[error("cannot listen on {host}:{port} ({key}): {source}. Stop what uses the port or set another one")]
    Bind { key: &'static str, host: String, port: u16, source: io::Error },
    #[error("cannot listen on the domain socket {} (alluxio.worker.data.server.domain.socket.address): {source}", path.display())]
    DomainSocket { path: PathBuf, source: io::Error },
    #[error("cannot find out the port that was bound: {0}")]
    LocalAddress(io::Error),
    #[error("storage folders (alluxio.worker.tieredstore.level<n>.dirs.path) not usable: {0}")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cluster(FsError),
    #[error(transparent)]
    Server(RpcError),
    #[error("the process ended while the storage folders were opened")]
    Stopped,
}
