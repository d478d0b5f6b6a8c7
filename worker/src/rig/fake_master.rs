//! A master that remembers what workers tell it.

use super::original::MaybeOriginal;
use alluxio_conf::Configuration;
use alluxio_proto::grpc::{
    Command,
    block::{
        block_master_client_service_server::BlockMasterClientServiceServer,
        block_master_worker_service_server::BlockMasterWorkerServiceServer,
    },
    file::{
        FileInfo, FileSystemHeartbeatPRequest, PersistFile,
        file_system_master_client_service_server::FileSystemMasterClientServiceServer,
        file_system_master_worker_service_server::FileSystemMasterWorkerServiceServer,
    },
};
use alluxio_proto::own::{
    coordination_server::CoordinationServer, worker_reports_server::WorkerReportsServer,
};
use alluxio_rpc::{NoGroups, Role, RpcServer, ServiceType, Sessions, Stage, version_of};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
    sync::{Arc, OnceLock},
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

/// What the master knows and how it is told to behave.
#[derive(Default)]
pub struct Mind {
    pub next_id: i64,
    /// Blocks by worker id.
    pub workers: BTreeMap<i64, BTreeSet<i64>>,
    /// Lengths of committed blocks.
    pub lengths: BTreeMap<i64, i64>,
    pub commits: usize,
    pub registrations: usize,
    pub heartbeats: usize,
    /// Registrations and reports of workers as they are told whoever leads; good-byes.
    pub told_all: usize,
    pub told: usize,
    pub left: Vec<i64>,
    /// The turn that answers to reports tell; which one each report knew, and how many changes it had.
    pub turn: u64,
    pub told_turns: Vec<(Option<u64>, usize)>,
    /// As the last report said.
    pub told_decommissioned: bool,
    /// Answers UNAVAILABLE to reports; how often it did.
    pub refuse_reports: bool,
    pub refused: usize,
    /// Reports are not answered; how many were not.
    pub hang_reports: bool,
    pub hung: usize,
    /// Blocks of registrations that came as one message.
    pub at_once: Vec<usize>,
    /// Sizes of registration batches.
    pub batches: Vec<usize>,
    pub batch_unanswered_most: usize,
    pub lost_storage: Vec<String>,
    pub orders: VecDeque<Command>,
    pub pinned: Vec<i64>,
    pub not_persisted: BTreeSet<i64>,
    pub keep: BTreeSet<i64>,
    /// Answers as a master of the original, which does not know our questions; how often it was asked.
    pub original: bool,
    pub unknown_questions: usize,
    /// Answers UNAVAILABLE to who asks for the list of pinned files.
    pub hide_pins: bool,
    pub files: BTreeMap<i64, FileInfo>,
    pub persist: Vec<PersistFile>,
    pub reports: Vec<FileSystemHeartbeatPRequest>,
    pub scheduled: Vec<String>,
    pub deregistered: Vec<i64>,
    /// Blocks whose files were deleted: they cannot be committed.
    pub deleted: BTreeSet<i64>,
    /// What workers counted, by name.
    pub counted: BTreeMap<String, f64>,
    /// Paths that cannot be scheduled to be persisted.
    pub not_schedulable: BTreeSet<String>,
    /// Answers UNAVAILABLE to so many questions about files.
    pub lose_questions: usize,
    /// Questions about files by their numbers, and whether they are not answered.
    pub questions: usize,
    /// How often it was asked which blocks may go.
    pub looks: usize,
    pub hang_questions: bool,
    /// Answers UNAVAILABLE to so many commits.
    pub refuse_commits: usize,
    /// Answers UNAVAILABLE to so many block heartbeats, after taking them in or before.
    pub lose_heartbeats: usize,
    /// Answers nothing that is asked again and again: heartbeats, which files are pinned.
    pub hang_heartbeats: bool,
    /// What was not answered so.
    pub unanswered: BTreeSet<&'static str>,
    pub under: PathBuf,
    /// Whether it is mounted so.
    pub read_only: bool,
    /// Ports of other workers that hold a block.
    pub peers: BTreeMap<i64, u16>,
    /// Nobody listens at their nodes' addresses.
    pub peers_in_containers: bool,
}

impl Mind {
    pub fn is_persisted(&self, block: i64) -> bool {
        let file = self.files.get(&alluxio_fs::ids::file_id_of_block(block));
        file.is_some_and(|file| file.persistence_state() == "PERSISTED")
    }
}

#[derive(Clone)]
pub struct FakeMaster {
    pub mind: Arc<Mutex<Mind>>,
    /// Registrations need a permit per batch: a test can hold them up.
    pub batch_permits: Arc<Semaphore>,
    port: u16,
    stop: CancellationToken,
    stage: Stage,
    services: Arc<OnceLock<RpcServer>>,
}

impl FakeMaster {
    pub(super) async fn hang_if_told(&self, call: &'static str) {
        let hangs = {
            let mut mind = self.mind.lock();
            if mind.hang_heartbeats {
                mind.unanswered.insert(call);
            }
            mind.hang_heartbeats
        };
        if hangs {
            std::future::pending::<()>().await;
        }
    }

    pub async fn start(under: PathBuf) -> FakeMaster {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let conf = Configuration::defaults();
        let sessions = Sessions::new(&conf, Arc::new(NoGroups)).unwrap();
        let mind = Arc::new(Mutex::new(Mind { next_id: 100, under, ..Mind::default() }));
        let stage = Stage::new(&conf, Role::Master, sessions.clone(), "It stands by.");
        let master = FakeMaster {
            mind: mind.clone(),
            stage,
            services: Arc::default(),
            batch_permits: Arc::new(Semaphore::new(1 << 20)),
            port: listener.local_addr().unwrap().port(),
            stop: CancellationToken::new(),
        };
        let add = |kind| (kind, version_of(kind));
        let coordination =
            MaybeOriginal { ours: CoordinationServer::new(master.clone()), mind: mind.clone() };
        let (blocks, files, info, users, leads) = (
            add(ServiceType::BlockMasterWorkerService),
            add(ServiceType::FileSystemMasterWorkerService),
            add(ServiceType::BlockMasterClientService),
            add(ServiceType::FileSystemMasterClientService),
            add(ServiceType::MetaMasterClientService),
        );
        let server = RpcServer::new(&conf, Role::Master, sessions)
            .service(blocks.0, blocks.1, BlockMasterWorkerServiceServer::new(master.clone()))
            .service(files.0, files.1, FileSystemMasterWorkerServiceServer::new(master.clone()))
            .service(info.0, info.1, BlockMasterClientServiceServer::new(master.clone()))
            .service(users.0, users.1, FileSystemMasterClientServiceServer::new(master.clone()))
            // Who leads is found out by the number of this service. Nobody calls it.
            .service(leads.0, leads.1, coordination);
        drop(master.services.set(server));
        master.lead();
        let reports = MaybeOriginal { ours: WorkerReportsServer::new(master.clone()), mind };
        tokio::spawn(master.stage.clone().beside(reports).serve(listener, master.stop.clone()));
        master
    }

    pub fn lead(&self) {
        self.stage.open(self.services.get().unwrap().clone(), Arc::new(|| true));
    }

    pub fn stand_by(&self) {
        self.stage.shut("It stands by.");
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// All blocks of the only worker, by its last registration.
    pub fn blocks(&self) -> BTreeSet<i64> {
        self.mind.lock().workers.values().next_back().cloned().unwrap_or_default()
    }

    /// As a restart without a journal of workers.
    pub fn forget_workers(&self) {
        self.mind.lock().workers.clear();
    }

    /// The file is scheduled for persisting.
    pub fn schedule(&self, path: String) {
        self.mind.lock().scheduled.push(path);
    }

    pub fn order(&self, command: Command) {
        self.mind.lock().orders.push_back(command);
    }
}
