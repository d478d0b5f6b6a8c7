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

impl WorkerName {
    /// A worker does not come back by itself as long as its process lives, and its next process may: the master would
    /// remember one that may not longer than its pod lives, and refuse whatever worker is there then.
    fn out_of_service(&self) -> DecommissionWorkerPOptions {
        DecommissionWorkerPOptions {
            worker_hostname: self.host.clone(),
            worker_web_port: Some(self.web_port.into()),
            can_register_again: Some(true),
        }
    }
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
        match in_time(self.blocks.decommission_worker(worker.out_of_service())).await {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A master that refuses it after its pod is gone refuses the next worker of the node, too.
    #[test]
    fn the_next_process_of_the_worker_may_register() {
        let worker = WorkerName { host: "10.0.0.1".to_owned(), web_port: 30_000 };
        let asked = worker.out_of_service();
        assert_eq!((asked.worker_hostname.as_str(), asked.worker_web_port), ("10.0.0.1", Some(30_000)));
        assert_eq!(asked.can_register_again, Some(true));
    }
}
