//! A few bytes of a file's data, read as any client reads them, as the user that runs the master. Nothing is
//! cached for it, and a page does not wait long.

use std::time::Duration;

use alluxio_client::{Cluster, FileSystem, MasterAddress};
use alluxio_conf::Configuration;
use alluxio_fs::{AlluxioPath, FsError};
use alluxio_proto::grpc::file::{OpenFilePOptions, ReadPType};
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::meta::MasterFacts;

/// Readers at a time: a page must not load the workers.
const READERS: usize = 8;

const PATIENCE: Duration = Duration::from_secs(10);

pub struct Preview {
    client: Result<FileSystem, FsError>,
    turns: Semaphore,
}

impl Preview {
    /// Connects when it is first asked.
    pub fn new(conf: &Configuration, facts: &MasterFacts) -> Self {
        let client = conf
            .with(&[
                // Fails while a person is looking, not a minute later.
                ("alluxio.user.rpc.retry.max.duration", "2s"),
                ("alluxio.user.block.read.retry.max.duration", "2s"),
                ("alluxio.user.short.circuit.enabled", "false"),
            ])
            .map_err(|error| FsError::failed_precondition(error.to_string()))
            .and_then(|conf| {
                let master = MasterAddress { host: facts.host.clone(), port: facts.rpc_port };
                Ok(FileSystem::new(Cluster::of_master(&conf, master)?))
            });
        Self { client, turns: Semaphore::new(READERS) }
    }

    /// At most `length` bytes from `offset` on.
    pub async fn read(&self, path: &AlluxioPath, offset: u64, length: usize) -> Result<Bytes, FsError> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let read = async {
            let _turn =
                self.turns.acquire().await.map_err(|_| FsError::unavailable("The master is stopping."))?;
            let options =
                OpenFilePOptions { read_type: Some(ReadPType::NoCache.into()), ..Default::default() };
            client.open(path, options).await?.read_at(offset, length).await
        };
        let late =
            |_| FsError::deadline_exceeded(format!("The data did not come within {} s.", PATIENCE.as_secs()));
        timeout(PATIENCE, read).await.map_err(late)?
    }
}
