//! Takes workers out of service at the leader, and puts them back.

use std::collections::BTreeMap;

use alluxio_client::BlockMasterClient;
use alluxio_fs::{ErrorKind, FsError, FsResult};
use alluxio_proto::grpc::block::{DecommissionWorkerPOptions, RemoveDisabledWorkerPOptions};
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::Api;
use serde_json::json;

use super::{
    leader::{Leader, in_time},
    patch_pod,
};
use crate::observe::pods::TAKEN_OUT;

/// As the master knows a worker: by its host name and web port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkerName {
    pub host: String,
    pub web_port: u16,
}

/// The leader's list of workers, and the right to change it.
pub struct WorkerService {
    blocks: BlockMasterClient,
}

impl WorkerService {
    /// `properties`: those of the cluster that say how one connects. Sends nothing yet.
    ///
    /// # Errors
    /// The properties do not fit.
    pub fn new(leader: &Leader, properties: &BTreeMap<String, String>) -> FsResult<Self> {
        Ok(Self { blocks: BlockMasterClient::new(&leader.cluster(properties)?) })
    }

    /// Those that clients are offered.
    ///
    /// # Errors
    /// The leader does not answer in time.
    pub async fn offered(&self) -> FsResult<Vec<WorkerName>> {
        let workers = in_time(self.blocks.get_worker_info_list()).await?;
        let addresses = workers.iter().filter_map(|worker| worker.address.as_ref());
        Ok(addresses
            .filter_map(|address| {
                let web_port = u16::try_from(address.web_port()).ok()?;
                Some(WorkerName { host: address.host().to_owned(), web_port })
            })
            .collect())
    }

    /// Offers the worker to nobody, and writes the time on its pod, where it is not written yet. The pod first: what is
    /// out of service must be known to be.
    ///
    /// # Errors
    /// The leader or the API server does not answer in time, or refuses.
    pub async fn take_out(
        &self,
        pods: &Api<Pod>,
        pod: &PodOf<'_>,
        worker: &WorkerName,
    ) -> Result<(), WorkerError> {
        if !pod.marked {
            let now = Timestamp::now().to_string();
            if !patch_pod(pods, pod.name, pod.uid, json!({ "annotations": { TAKEN_OUT: now } })).await? {
                return Ok(());
            }
        }
        let options = DecommissionWorkerPOptions {
            worker_hostname: worker.host.clone(),
            worker_web_port: Some(worker.web_port.into()),
            // It heartbeats on: let in again, it would be offered again.
            can_register_again: Some(false),
        };
        match in_time(self.blocks.decommission_worker(options)).await {
            // It is not registered: nobody is offered it.
            Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
            done => Ok(done?),
        }
    }

    /// Lets the worker register again, then takes the mark off: should we be killed in between, it is done once more.
    ///
    /// # Errors
    /// The leader or the API server does not answer in time, or refuses.
    pub async fn put_back(
        &self,
        pods: &Api<Pod>,
        pod: &PodOf<'_>,
        worker: &WorkerName,
    ) -> Result<(), WorkerError> {
        let options = RemoveDisabledWorkerPOptions {
            worker_hostname: worker.host.clone(),
            worker_web_port: Some(worker.web_port.into()),
        };
        in_time(self.blocks.remove_disabled_worker(options)).await?;
        patch_pod(pods, pod.name, pod.uid, json!({ "annotations": { TAKEN_OUT: null } })).await?;
        Ok(())
    }
}

/// The worker's pod.
pub struct PodOf<'a> {
    pub name: &'a str,
    pub uid: &'a str,
    /// Whether the time stands on it.
    pub marked: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error(transparent)]
    Master(#[from] FsError),
    #[error(transparent)]
    Kube(#[from] kube::Error),
}
