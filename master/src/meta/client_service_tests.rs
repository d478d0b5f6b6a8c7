use std::time::Duration;

use alluxio_conf::Configuration;
use alluxio_proto::grpc::{
    BuildVersion, NetAddress, WorkerNetAddress,
    meta::{BackupPOptions, BackupState, ConfigStatus, MasterInfoField as Field},
};
use parking_lot::Mutex;
use tonic::Code;

use super::*;
use crate::{
    block::{BlockOptions, Registration, no_blocks::NoBlocks},
    meta::{BackupOutcome, BackupStatus, Introduction},
};

/// A tree without blocks, whose checkpoint succeeds when it is told to.
#[derive(Default)]
struct TestTree {
    disk_full: Mutex<bool>,
    backup: Mutex<Option<BackupStatus>>,
}

#[async_trait]
impl Backups for TestTree {
    async fn back_up(&self, order: BackupOrder) -> Result<BackupStatus, FsError> {
        assert!(order.local && order.in_background);
        let status = BackupStatus {
            id: "b1".to_owned(),
            host: "m1".to_owned(),
            uri: order.folder.unwrap(),
            ..BackupStatus::default()
        };
        Ok(self.backup.lock().insert(status).clone())
    }

    fn status(&self, id: &str) -> Option<BackupStatus> {
        self.backup.lock().clone().filter(|status| status.id == id)
    }
}

#[async_trait]
impl Checkpointer for TestTree {
    async fn checkpoint(&self) -> Result<(), FsError> {
        if *self.disk_full.lock() { Err(FsError::unknown("The disk is full.")) } else { Ok(()) }
    }
}

fn service() -> (MetaClientService, Arc<TestTree>) {
    let tree = Arc::new(TestTree::default());
    let conf = Configuration::defaults();
    let none = Arc::new(NoBlocks);
    let blocks = BlockMaster::new(BlockOptions::from_conf(&conf), none.clone(), none);
    let service = MetaClientService {
        facts: Arc::new(MasterFacts::new(&conf, "m1".to_owned(), 19998, 19999, "cluster-1".to_owned())),
        configuration: Arc::new(ClusterConfiguration::new(conf)),
        blocks: Arc::new(blocks),
        checkpointer: tree.clone(),
        backups: tree.clone(),
        standbys: Arc::new(Peers::new(None, None)),
        proxies: Arc::new(Peers::new(Some(Duration::from_secs(60)), None)),
    };
    (service, tree)
}

fn asked<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(alluxio_rpc::Caller::default());
    request
}

async fn register(service: &MetaClientService, host: &str, properties: &[(&str, &str)]) {
    let address =
        WorkerNetAddress { host: Some(host.to_owned()), rpc_port: Some(29999), ..Default::default() };
    let id = service.blocks.worker_id(address).unwrap();
    service.blocks.request_lease(id).unwrap();
    let configuration = properties.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let facts = Registration { configuration, ..Default::default() };
    let attempt = service.blocks.begin_registration(id, facts).unwrap();
    service.blocks.finish_registration(attempt).await.unwrap();
}

#[tokio::test]
async fn master_info_by_field() {
    let (service, _) = service();
    register(&service, "w1", &[]).await;
    let standby = NetAddress { host: Some("m2".to_owned()), rpc_port: Some(19998) };
    let id = service.standbys.id_for(&standby).unwrap();
    let version = BuildVersion { version: Some("v".to_owned()), revision: None };
    assert!(service.standbys.register(id, Introduction { start_time_ms: 1, version, journal_format: None }));
    let info = async |filter: &[Field]| {
        let filter = filter.iter().map(|field| *field as i32).collect();
        let answer = service.get_master_info(asked(GetMasterInfoPOptions { filter })).await.unwrap();
        answer.into_inner().master_info.unwrap()
    };
    let all = info(&[]).await;
    assert_eq!(all.leader_master_address(), "m1:19998");
    assert_eq!((all.rpc_port(), all.web_port(), all.cluster_id()), (19998, 19999, "cluster-1"));
    assert_eq!((all.safe_mode(), all.raft_journal), (true, Some(false)));
    assert_eq!(all.worker_addresses[0].host(), "w1");
    assert!(all.start_time_ms() > 0 && all.up_time_ms() >= 0 && !all.version().is_empty());
    let states: Vec<&str> = all.master_versions.iter().map(|master| master.state()).collect();
    assert_eq!(states, ["PRIMARY", "STANDBY"]);
    assert_eq!(all.master_addresses.len(), 2);

    let some = info(&[Field::RpcPort, Field::ClusterId]).await;
    assert_eq!((some.rpc_port, some.cluster_id()), (Some(19998), "cluster-1"));
    assert_eq!((some.safe_mode, some.leader_master_address), (None, None));
}

#[tokio::test]
async fn the_config_report_compares_workers_with_the_master() {
    let (service, _) = service();
    let report = async || {
        let answer = service.get_config_report(asked(GetConfigReportPOptions {})).await.unwrap();
        answer.into_inner().report.unwrap()
    };
    register(&service, "w1", &[("alluxio.security.authentication.type", "SIMPLE")]).await;
    assert_eq!(report().await.status(), ConfigStatus::Passed);
    register(&service, "w2", &[("alluxio.security.authentication.type", "NOSASL")]).await;
    let report = report().await;
    assert_eq!(report.status(), ConfigStatus::Failed);
    let values = &report.errors["SERVER"].properties[0].values;
    assert_eq!(values["NOSASL"].values, ["w2:29999"]);
    assert_eq!(values["SIMPLE"].values, ["m1:19998", "w1:29999"]);
}

#[tokio::test]
async fn checkpoints_are_taken_or_their_failure_is_told() {
    let (service, tree) = service();
    let answer = service.checkpoint(asked(CheckpointPOptions {})).await.unwrap().into_inner();
    assert_eq!(answer.master_hostname(), "m1");
    *tree.disk_full.lock() = true;
    let error = service.checkpoint(asked(CheckpointPOptions {})).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::Unknown, "The disk is full."));
}

#[tokio::test]
async fn a_backup_is_asked_for_and_looked_after() {
    let (service, tree) = service();
    let options =
        BackupPOptions { local_file_system: Some(true), run_async: Some(true), ..BackupPOptions::default() };
    let request = BackupPRequest { options: Some(options), target_directory: Some("/there".to_owned()) };
    let begun = service.backup(asked(request)).await.unwrap().into_inner();
    assert_eq!((begun.backup_state(), begun.backup_uri()), (BackupState::Running, "/there"));
    let status = async || {
        let request = BackupStatusPRequest { backup_id: begun.backup_id.clone() };
        service.get_backup_status(asked(request)).await.map(Response::into_inner)
    };
    assert_eq!(status().await.unwrap().backup_state(), BackupState::Running);
    tree.backup.lock().as_mut().unwrap().outcome = Some(BackupOutcome::Made);
    let made = status().await.unwrap();
    assert_eq!((made.backup_state(), made.backup_host()), (BackupState::Completed, "m1"));
    let failed = BackupOutcome::Failed(FsError::resource_exhausted("The disk is full."));
    tree.backup.lock().as_mut().unwrap().outcome = Some(failed);
    let error = status().await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::ResourceExhausted, "The disk is full."));
    *tree.backup.lock() = None;
    assert_eq!(status().await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn proxies_are_listed() {
    let (service, _) = service();
    let address = NetAddress { host: Some("p1".to_owned()), rpc_port: Some(39999) };
    let id = service.proxies.id_for(&address).unwrap();
    service.proxies.register(
        id,
        Introduction { start_time_ms: 5, version: BuildVersion::default(), journal_format: None },
    );
    let state = async || {
        let answer = service.list_proxy_status(asked(ListProxyStatusPRequest::default())).await.unwrap();
        answer.into_inner().proxy_statuses[0].state().to_owned()
    };
    assert_eq!(state().await, "ACTIVE");
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(state().await, "LOST");
}
