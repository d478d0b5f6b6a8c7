//! Many clients at once on few paths, with loads, syncs and persist jobs in between. Afterwards tree and
//! under storage must agree, and the log must give the same tree.

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use alluxio_fs::{ErrorKind, FsError, Mode};
use alluxio_proto::grpc::file::{
    CompleteFilePOptions, FileSystemHeartbeatPOptions, FileSystemHeartbeatPRequest,
    FileSystemMasterCommonPOptions, ListStatusPOptions, LoadMetadataPType, PersistFailure,
    ScheduleAsyncPersistencePOptions, SetAttributePOptions, WritePType,
};
use alluxio_ufs::{UfsPath, UnderFs};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio_util::sync::CancellationToken;

use crate::fs::{
    delete::DeleteOptions,
    fixture::{Rig, path, recursive},
};

const CLIENTS: u64 = 8;
const STEPS: usize = 40;

fn some_path(dice: &mut StdRng) -> String {
    let depth = dice.random_range(1..=3);
    (0..depth).map(|_| format!("/{}", ["a", "b", "c"][dice.random_range(0..3)])).collect()
}

/// What may come of an operation while others are at work on the same paths.
fn tolerable(error: &FsError) -> bool {
    matches!(
        error.kind,
        ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::InvalidArgument
            | ErrorKind::FailedPrecondition
            | ErrorKind::Unavailable
    )
}

async fn write_async(rig: &Rig, at: &str, worker: i64, length: i64) -> Result<(), FsError> {
    rig.create(at, WritePType::AsyncThrough).await?;
    if length > 0 {
        rig.write_block(at, worker, length).await?;
    }
    let options = CompleteFilePOptions {
        async_persist_options: Some(ScheduleAsyncPersistencePOptions::default()),
        ..Default::default()
    };
    rig.complete(at, options).await
}

async fn step(rig: &Rig, dice: &mut StdRng, worker: i64) -> Result<(), FsError> {
    let (at, other) = (some_path(dice), some_path(dice));
    let root = rig.root().await;
    let synced = Some(FileSystemMasterCommonPOptions { sync_interval_ms: Some(0), ..Default::default() });
    match dice.random_range(0..10) {
        0 | 1 => rig.mkdir(&at, WritePType::CacheThrough).await,
        2 => rig.mkdir(&at, WritePType::MustCache).await,
        3 | 4 => write_async(rig, &at, worker, dice.random_range(0..3)).await,
        5 => rig.fs.rename(&root, &path(&at), &path(&other), &Default::default()).await,
        6 => {
            let options = DeleteOptions { recursive: true, unchecked: dice.random(), ..Default::default() };
            rig.fs.delete_path(&root, &path(&at), &options).await
        }
        7 => {
            let load = Some(LoadMetadataPType::Always as i32);
            rig.list("/", ListStatusPOptions { load_metadata_type: load, ..recursive() }).await.map(drop)
        }
        8 => rig.list(&at, ListStatusPOptions { common_options: synced, ..recursive() }).await.map(drop),
        _ => {
            let mode = Mode::new(0o700 | dice.random_range(0..0o77));
            let options = SetAttributePOptions { mode: Some(mode.to_wire()), ..Default::default() };
            rig.fs.set_attribute(&root, &path(&at), &options).await
        }
    }
}

/// Does what it is told by heartbeats, as fast as it can.
async fn persist_all(rig: Arc<Rig>, worker: i64, stop: CancellationToken) {
    let ufs: Arc<dyn UnderFs> =
        alluxio_ufs::open_ufs(&alluxio_conf::Configuration::defaults(), "/", &Default::default()).unwrap();
    let mut report = FileSystemHeartbeatPRequest { worker_id: Some(worker), ..Default::default() };
    while !stop.is_cancelled() {
        let jobs = rig.fs.clone().persist_heartbeat(report).await.unwrap();
        report = FileSystemHeartbeatPRequest { worker_id: Some(worker), ..Default::default() };
        let mut options = FileSystemHeartbeatPOptions::default();
        for job in jobs {
            // Its directory may have gone: then the job fails and nothing is made.
            if std::fs::write(job.temp_ufs_path(), vec![b'x'; job.length() as usize]).is_err() {
                options.persist_failures.push(PersistFailure {
                    file_id: job.file_id,
                    job_id: job.job_id,
                    message: Some("no directory".to_owned()),
                });
                continue;
            }
            let written = ufs.fingerprint(&UfsPath::parse(job.temp_ufs_path()).unwrap()).await.unwrap();
            if let Some(fingerprint) = written {
                report.persisted_files.push(job.file_id());
                options.persisted_job_ids.push(job.job_id());
                options.persisted_file_fingerprints.push(fingerprint.to_string());
            }
        }
        report.options = Some(options);
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// All paths in the under storage, half-written files aside.
fn in_ufs(folder: &Path, below: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if alluxio_ufs::is_temporary_name(&name) {
            continue;
        }
        let at = format!("{below}/{name}");
        if entry.file_type().unwrap().is_dir() {
            in_ufs(&entry.path(), &at, found);
        }
        found.insert(at);
    }
}

async fn run(seed: u64) {
    let fast = [
        ("alluxio.master.persistence.scheduler.interval", "5ms"),
        ("alluxio.master.persistence.initial.interval", "5ms"),
        ("alluxio.master.persistence.max.interval", "20ms"),
    ];
    let rig = Arc::new(Rig::with(&fast).await);
    let worker = rig.worker("w").await;
    let stop = CancellationToken::new();
    let background = [
        tokio::spawn(rig.fs.clone().run_persist_scheduler(stop.clone())),
        tokio::spawn(rig.fs.clone().run_reaper(stop.clone())),
        tokio::spawn(persist_all(rig.clone(), worker, stop.clone())),
    ];
    let clients = (0..CLIENTS).map(|client| {
        let rig = rig.clone();
        tokio::spawn(async move {
            let mut dice = StdRng::seed_from_u64(seed * 1_000 + client);
            for _ in 0..STEPS {
                if let Err(error) = step(&rig, &mut dice, worker).await {
                    assert!(tolerable(&error), "seed {seed}: {error:?}");
                }
            }
        })
    });
    for client in futures::future::join_all(clients).await {
        client.unwrap();
    }
    for _ in 0..2_000 {
        if rig.fs.namespace.peek(|tree| tree.to_be_persisted().is_empty() && !tree.has_detached()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    for task in background {
        task.await.unwrap();
    }
    assert!(!rig.fs.namespace.is_broken());

    let never =
        ListStatusPOptions { load_metadata_type: Some(LoadMetadataPType::Never as i32), ..recursive() };
    let infos = rig.list_infos("/", never).await.unwrap();
    let persisted: BTreeSet<String> =
        infos.iter().filter(|info| info.persisted()).map(|info| info.path().to_owned()).collect();
    let mut there = BTreeSet::new();
    in_ufs(&rig.in_ufs("/"), "", &mut there);
    assert_eq!(persisted, there, "seed {seed}: tree on the left, under storage on the right");
    // One that was moved while it was written stays incomplete.
    let left = infos.iter().find(|info| !info.folder() && info.completed() && !info.persisted());
    assert_eq!(left, None, "seed {seed}: everything was persisted");
    let ids: BTreeSet<i64> = infos.iter().map(|info| info.file_id()).collect();
    assert_eq!(ids.len(), infos.len());
    let hash = rig.hash();
    let rig = Arc::into_inner(rig).unwrap().crash().await;
    assert_eq!(rig.hash(), hash, "seed {seed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tree_and_under_storage_agree_in_the_end() {
    for seed in 0..16 {
        run(seed).await;
    }
}
