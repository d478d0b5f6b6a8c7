//! One test: what it does, on which file, with which types.

use std::fmt;

use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::{
    WorkerNetAddress,
    file::{ReadPType, WritePType},
};

/// How a test writes and reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The whole content at once.
    Basic,
    /// Number by number.
    BasicNonByteBuffer,
}

impl Operation {
    pub const ALL: [Self; 2] = [Self::Basic, Self::BasicNonByteBuffer];

    pub fn name(self) -> &'static str {
        match self {
            Self::Basic => "BASIC",
            Self::BasicNonByteBuffer => "BASIC_NON_BYTE_BUFFER",
        }
    }
}

/// A worker to be tested alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestedWorker {
    pub host: String,
    pub port: Option<u16>,
}

impl TestedWorker {
    /// Whether this is the worker at the address; without a port the host alone says so.
    pub fn is_at(&self, address: &WorkerNetAddress) -> bool {
        self.host == address.host() && self.port.is_none_or(|port| i32::from(port) == address.rpc_port())
    }
}

impl fmt::Display for TestedWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}_{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

/// One test.
#[derive(Clone, Debug)]
pub struct Case {
    pub operation: Operation,
    pub read: ReadPType,
    pub write: WritePType,
    pub worker: Option<TestedWorker>,
    pub path: AlluxioPath,
}

impl Case {
    pub fn new(
        directory: &AlluxioPath,
        operation: Operation,
        read: ReadPType,
        write: WritePType,
        worker: Option<&TestedWorker>,
    ) -> Self {
        let name = format!("{}_{}_{}", operation.name(), read.as_str_name(), write.as_str_name());
        let path = match worker {
            Some(worker) => directory.join(&worker.to_string()).join(&name),
            None => directory.join(&name),
        };
        Self { operation, read, write, worker: worker.cloned(), path }
    }

    /// The line that announces the test; it is also how to run the test alone.
    pub fn line(&self) -> String {
        let worker = self.worker.as_ref().map(|worker| format!("[{worker}] ")).unwrap_or_default();
        format!(
            "{worker}runTest --operation {} --readType {} --writeType {}",
            self.operation.name(),
            self.read.as_str_name(),
            self.write.as_str_name()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_known_by_host_or_by_host_and_port() {
        let address = WorkerNetAddress {
            host: Some("h".to_owned()),
            rpc_port: Some(29999),
            ..WorkerNetAddress::default()
        };
        let worker = |host: &str, port| TestedWorker { host: host.to_owned(), port };
        assert!(worker("h", None).is_at(&address));
        assert!(worker("h", Some(29999)).is_at(&address));
        assert!(!worker("h", Some(1)).is_at(&address));
        assert!(!worker("x", None).is_at(&address));
    }
}
