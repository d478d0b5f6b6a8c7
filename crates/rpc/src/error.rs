//! What can go wrong when a server or a connector is set up or served.

use std::io;

#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    #[error("{key}={value} is not supported: it needs a Java class. Set it to SIMPLE or NOSASL.")]
    Scheme { key: &'static str, value: String },
    #[error("{key}={value} is not supported: {accepted}")]
    GroupMapping { key: &'static str, value: String, accepted: &'static str },
    #[error("{key}=true is not supported yet: remove it or set it to false on every process of the cluster.")]
    Tls { key: &'static str },
    #[error("cannot read or raise the limit of open files: {0}")]
    OpenFiles(#[source] io::Error),
    #[error("the RPC server stopped: {0}")]
    Serve(#[source] tonic::transport::Error),
}
