use std::{sync::Arc, time::Duration};

use alluxio_proto::grpc::file::{
    CompleteFilePOptions, FileInfo, FileSystemHeartbeatPOptions, FileSystemHeartbeatPRequest, PersistFailure,
    PersistFile, ScheduleAsyncPersistencePOptions, WritePType,
};
use alluxio_ufs::{UfsPath, UnderFs};
use tokio::task::JoinSet;

use super::assign::Cursor;
use crate::fs::fixture::{Rig, path};

/// Completes a file for persisting, as a client with ASYNC_THROUGH does.
async fn write_async(rig: &Rig, at: &str, worker: i64, length: i64, wait_ms: i64) -> FileInfo {
    rig.create(at, WritePType::AsyncThrough).await.unwrap();
    if length > 0 {
        rig.write_block(at, worker, length).await.unwrap();
    }
    let options = CompleteFilePOptions {
        async_persist_options: Some(ScheduleAsyncPersistencePOptions {
            persistence_wait_time: Some(wait_ms),
            ..Default::default()
        }),
        ..Default::default()
    };
    rig.complete(at, options).await.unwrap();
    let info = rig.status(at).await.unwrap();
    assert_eq!(info.persistence_state(), "TO_BE_PERSISTED");
    info
}

/// What the scheduler does at one tick, to its end.
pub(super) async fn tick(rig: &Rig) {
    let mut finishing = JoinSet::new();
    rig.fs.finish_due(&mut finishing);
    rig.fs.persist_step(&mut Cursor::default()).await.unwrap();
    while let Some(done) = finishing.join_next().await {
        done.unwrap();
    }
}

async fn heartbeat(
    rig: &Rig,
    worker: i64,
    options: FileSystemHeartbeatPOptions,
    files: Vec<i64>,
) -> Vec<PersistFile> {
    let request = FileSystemHeartbeatPRequest {
        worker_id: Some(worker),
        persisted_files: files,
        options: Some(options),
    };
    rig.fs.clone().persist_heartbeat(request).await.unwrap()
}

pub(super) async fn ask(rig: &Rig, worker: i64) -> Vec<PersistFile> {
    heartbeat(rig, worker, Default::default(), vec![]).await
}

/// Writes the job's file as a worker does, and returns its fingerprint.
async fn write_temporary(job: &PersistFile) -> String {
    std::fs::write(job.temp_ufs_path(), vec![b'x'; job.length() as usize]).unwrap();
    let ufs =
        alluxio_ufs::open_ufs(&alluxio_conf::Configuration::defaults(), "/", &Default::default()).unwrap();
    fingerprint(&ufs, job.temp_ufs_path()).await
}

async fn fingerprint(ufs: &Arc<dyn UnderFs>, file: &str) -> String {
    ufs.fingerprint(&UfsPath::parse(file).unwrap()).await.unwrap().unwrap().to_string()
}

async fn report(rig: &Rig, worker: i64, job: &PersistFile, fingerprint: String) -> Vec<PersistFile> {
    let options = FileSystemHeartbeatPOptions {
        persisted_file_fingerprints: vec![fingerprint],
        persisted_job_ids: vec![job.job_id()],
        ..Default::default()
    };
    heartbeat(rig, worker, options, vec![job.file_id()]).await
}

/// The one job that is given out.
pub(super) async fn only_job(rig: &Rig, worker: i64) -> PersistFile {
    tick(rig).await;
    let mut jobs = ask(rig, worker).await;
    assert_eq!(jobs.len(), 1);
    jobs.remove(0)
}

/// A file "/f" of 10 bytes, the worker that has it, and the job to persist it.
async fn with_job() -> (Rig, i64, PersistFile) {
    let rig = Rig::new().await;
    let worker = worker(&rig, "w").await;
    write_async(&rig, "/f", worker, 10, 0).await;
    let job = only_job(&rig, worker).await;
    (rig, worker, job)
}

/// A worker that takes jobs.
pub(super) async fn worker(rig: &Rig, host: &str) -> i64 {
    let id = rig.worker(host).await;
    assert!(ask(rig, id).await.is_empty());
    id
}

pub(super) async fn state(rig: &Rig, at: &str) -> String {
    rig.status(at).await.unwrap().persistence_state().to_owned()
}

fn files_in(rig: &Rig, at: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(rig.in_ufs(at))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_is_persisted_with_the_directories_above_it() {
    let rig = Rig::new().await;
    let worker = worker(&rig, "w").await;
    let info = write_async(&rig, "/a/b/f", worker, 40, 0).await;
    let job = only_job(&rig, worker).await;
    assert_eq!(
        (job.file_id(), job.length(), job.block_size()),
        (info.file_id(), 40, info.block_size_bytes())
    );
    assert_eq!(job.block_ids, info.block_ids);
    let fingerprint = write_temporary(&job).await;
    assert!(rig.list("/", Default::default()).await.unwrap() == ["/a"], "the temporary file does not show");
    assert!(report(&rig, worker, &job, fingerprint).await.is_empty(), "acknowledged, nothing more to do");
    tick(&rig).await;
    let info = rig.status("/a/b/f").await.unwrap();
    assert_eq!(info.persistence_state(), "PERSISTED");
    assert!(info.persisted() && !info.ufs_fingerprint().is_empty());
    assert!(rig.status("/a").await.unwrap().persisted() && rig.status("/a/b").await.unwrap().persisted());
    assert_eq!(std::fs::metadata(rig.in_ufs("/a/b/f")).unwrap().len(), 40);
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(rig.in_ufs("/a/b/f")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, info.mode() as u32);
    assert_eq!((files_in(&rig, "/"), files_in(&rig, "/a/b")), (vec!["a".to_owned()], vec!["f".to_owned()]));
    let hash = rig.hash();
    let rig = rig.crash().await;
    assert_eq!(rig.hash(), hash);
    assert_eq!(state(&rig, "/a/b/f").await, "PERSISTED");
}

#[tokio::test]
async fn a_file_without_bytes_is_persisted_too() {
    let rig = Rig::new().await;
    let worker = worker(&rig, "w").await;
    write_async(&rig, "/empty", worker, 0, 0).await;
    let job = only_job(&rig, worker).await;
    assert!(job.block_ids.is_empty());
    let fingerprint = write_temporary(&job).await;
    report(&rig, worker, &job, fingerprint).await;
    tick(&rig).await;
    assert_eq!(state(&rig, "/empty").await, "PERSISTED");
    assert!(rig.ufs_has("/empty"));
}

#[tokio::test]
async fn without_a_worker_that_can_the_file_waits() {
    let rig = Rig::new().await;
    let java = rig.worker("java").await;
    write_async(&rig, "/f", java, 10, 0).await;
    tick(&rig).await;
    let able = worker(&rig, "ours").await;
    assert_eq!(only_job(&rig, able).await.length(), 10);
    let pinned = rig.fs.unevictable_files().await.unwrap();
    assert_eq!(pinned.len(), 1, "its blocks must be kept meanwhile");
}

#[tokio::test(start_paused = true)]
async fn a_file_whose_blocks_are_away_waits_for_them() {
    let rig = Rig::new().await;
    let (holder, other) = (worker(&rig, "w1").await, worker(&rig, "w2").await);
    write_async(&rig, "/f", holder, 10, 0).await;
    rig.fs.blocks.deregister(holder).unwrap();
    tick(&rig).await;
    assert!(ask(&rig, other).await.is_empty());
    let info = rig.status("/f").await.unwrap();
    rig.fs.blocks.commit_block(other, info.block_ids[0], 10, "MEM", "MEM", None).await.unwrap();
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(only_job(&rig, other).await.length(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_worker_out_of_service_persists_what_is_only_there() {
    let rig = Rig::new().await;
    let (holder, other) = (worker(&rig, "w1").await, worker(&rig, "w2").await);
    write_async(&rig, "/before", holder, 10, 0).await;
    let given = only_job(&rig, holder).await;
    write_async(&rig, "/after", holder, 10, 0).await;
    rig.write("/here", holder, 10).await.unwrap();
    rig.fs.blocks.decommission("w1", None, false).unwrap();
    tick(&rig).await;
    let jobs = ask(&rig, holder).await;
    assert_eq!(jobs.len(), 2, "the one that it had is not taken back");
    assert!(jobs.contains(&given) && ask(&rig, other).await.is_empty());
    for job in jobs {
        let fingerprint = write_temporary(&job).await;
        report(&rig, holder, &job, fingerprint).await;
    }
    tick(&rig).await;
    assert_eq!(
        (state(&rig, "/before").await, state(&rig, "/after").await),
        ("PERSISTED".into(), "PERSISTED".into())
    );

    // What is only here is shown, not lost; what is below needs the worker no more.
    let here = rig.status("/here").await.unwrap();
    assert_eq!((here.persistence_state(), here.in_alluxio_percentage()), ("NOT_PERSISTED", 100));
    let holders = |info: &FileInfo| info.file_block_infos[0].block_info.as_ref().unwrap().locations.len();
    let after = rig.status("/after").await.unwrap();
    assert_eq!((holders(&here), holders(&after), after.in_alluxio_percentage()), (1, 0, 0));
    rig.fs.count_lost().await;
    assert_eq!(rig.fs.lost.files.load(std::sync::atomic::Ordering::Relaxed), 0);

    // It ends, or is not heard of any more.
    tokio::time::advance(Duration::from_secs(301)).await;
    assert_eq!(state(&rig, "/here").await, "LOST");
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_kept_and_asking_ends_it() {
    let rig = Rig::new().await;
    let worker = worker(&rig, "w").await;
    write_async(&rig, "/later", worker, 10, 30_000).await;
    write_async(&rig, "/asked", worker, 10, -1).await;
    tick(&rig).await;
    assert!(ask(&rig, worker).await.is_empty());
    tokio::time::advance(Duration::from_secs(31)).await;
    ask(&rig, worker).await;
    let later = only_job(&rig, worker).await;
    assert_eq!(later.file_id(), rig.status("/later").await.unwrap().file_id());
    rig.fs.schedule_async_persistence(&rig.root().await, &path("/asked"), 0).await.unwrap();
    tick(&rig).await;
    assert_eq!(ask(&rig, worker).await.len(), 2);
}

#[tokio::test]
async fn a_rename_can_be_the_word_to_persist() {
    let rig = Rig::with(&[("alluxio.master.persistence.blacklist", ".staging,.tmp")]).await;
    let worker = worker(&rig, "w").await;
    let root = rig.root().await;
    rig.create("/x.staging/f", WritePType::AsyncThrough).await.unwrap();
    let asked =
        CompleteFilePOptions { async_persist_options: Some(Default::default()), ..Default::default() };
    rig.complete("/x.staging/f", asked).await.unwrap();
    assert_eq!(state(&rig, "/x.staging/f").await, "NOT_PERSISTED", "by its name");
    let persist = alluxio_proto::grpc::file::RenamePOptions { persist: Some(true), ..Default::default() };
    rig.fs.rename(&root, &path("/x.staging/f"), &path("/f"), &persist).await.unwrap();
    assert_eq!(state(&rig, "/f").await, "TO_BE_PERSISTED");
    write_async(&rig, "/waits", worker, 1, -1).await;
    rig.fs.rename(&root, &path("/waits"), &path("/waits-no-more"), &persist).await.unwrap();
    tick(&rig).await;
    assert_eq!(ask(&rig, worker).await.len(), 2);
}

#[tokio::test]
async fn a_renamed_file_is_persisted_at_its_present_path() {
    let rig = Rig::new().await;
    let worker = worker(&rig, "w").await;
    write_async(&rig, "/old", worker, 10, 0).await;
    let job = only_job(&rig, worker).await;
    let fingerprint = write_temporary(&job).await;
    rig.mkdir("/dir", WritePType::MustCache).await.unwrap();
    rig.fs.rename(&rig.root().await, &path("/old"), &path("/dir/new"), &Default::default()).await.unwrap();
    report(&rig, worker, &job, fingerprint).await;
    tick(&rig).await;
    assert_eq!(state(&rig, "/dir/new").await, "PERSISTED");
    assert_eq!(
        (files_in(&rig, "/"), files_in(&rig, "/dir")),
        (vec!["dir".to_owned()], vec!["new".to_owned()])
    );
}

#[tokio::test]
async fn what_was_written_for_a_deleted_file_is_dropped() {
    let rig = Rig::new().await;
    let worker = worker(&rig, "w").await;
    for again in [false, true] {
        write_async(&rig, "/f", worker, 10, 0).await;
        let job = only_job(&rig, worker).await;
        let fingerprint = write_temporary(&job).await;
        rig.fs.delete_path(&rig.root().await, &path("/f"), &Default::default()).await.unwrap();
        if again {
            rig.create("/f", WritePType::MustCache).await.unwrap();
        }
        report(&rig, worker, &job, fingerprint).await;
        tick(&rig).await;
        assert_eq!(files_in(&rig, "/"), Vec::<String>::new());
    }
    assert_eq!(state(&rig, "/f").await, "NOT_PERSISTED", "the new file is another one");
}

#[tokio::test]
async fn deleted_between_report_and_name() {
    let (rig, worker, job) = with_job().await;
    let fingerprint = write_temporary(&job).await;
    report(&rig, worker, &job, fingerprint).await;
    rig.fs.delete_path(&rig.root().await, &path("/f"), &Default::default()).await.unwrap();
    tick(&rig).await;
    assert_eq!(files_in(&rig, "/"), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_tried_again_by_a_new_job() {
    let (rig, worker, job) = with_job().await;
    let failure = PersistFailure {
        file_id: job.file_id,
        job_id: job.job_id,
        message: Some("the disk is on fire".to_owned()),
    };
    let options = FileSystemHeartbeatPOptions { persist_failures: vec![failure], ..Default::default() };
    assert!(heartbeat(&rig, worker, options, vec![]).await.is_empty());
    tick(&rig).await;
    assert!(ask(&rig, worker).await.is_empty(), "not at once");
    tokio::time::advance(Duration::from_secs(2)).await;
    let second = only_job(&rig, worker).await;
    assert_ne!((second.job_id, second.temp_ufs_path), (job.job_id, job.temp_ufs_path));
}

#[tokio::test(start_paused = true)]
async fn a_silent_worker_loses_its_job_and_what_it_writes_later() {
    let rig = Rig::new().await;
    let (first, second) = (worker(&rig, "w1").await, worker(&rig, "w2").await);
    write_async(&rig, "/f", first, 10, 0).await;
    let job = only_job(&rig, first).await;
    tokio::time::advance(Duration::from_secs(61)).await;
    tick(&rig).await;
    let next =
        if let [job] = &ask(&rig, second).await[..] { job.clone() } else { only_job(&rig, first).await };
    assert_ne!(next.job_id, job.job_id);
    let fingerprint = write_temporary(&job).await;
    report(&rig, first, &job, fingerprint).await;
    assert_eq!(files_in(&rig, "/"), Vec::<String>::new());
    let fingerprint = write_temporary(&next).await;
    report(&rig, second, &next, fingerprint).await;
    tick(&rig).await;
    assert_eq!(state(&rig, "/f").await, "PERSISTED");
}

#[tokio::test]
async fn a_lost_temporary_file_is_written_again() {
    let (rig, worker, job) = with_job().await;
    let fingerprint = write_temporary(&job).await;
    std::fs::remove_file(job.temp_ufs_path()).unwrap();
    report(&rig, worker, &job, fingerprint).await;
    tick(&rig).await;
    assert_eq!(state(&rig, "/f").await, "TO_BE_PERSISTED");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_ne!(only_job(&rig, worker).await.job_id, job.job_id);
}

#[tokio::test]
async fn a_file_that_others_put_there_is_not_replaced() {
    let rig = Rig::new().await;
    let worker = worker(&rig, "w").await;
    rig.status("/f").await.unwrap_err();
    write_async(&rig, "/f", worker, 10, 0).await;
    rig.ufs_write("/f", "somebody else's");
    let job = only_job(&rig, worker).await;
    let fingerprint = write_temporary(&job).await;
    report(&rig, worker, &job, fingerprint).await;
    tick(&rig).await;
    assert_eq!(state(&rig, "/f").await, "TO_BE_PERSISTED");
    assert_eq!(std::fs::read(rig.in_ufs("/f")).unwrap(), b"somebody else's");
    std::fs::remove_file(rig.in_ufs("/f")).unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    tick(&rig).await;
    assert_eq!(state(&rig, "/f").await, "PERSISTED");
}

#[tokio::test]
async fn the_next_master_finishes_what_was_reported() {
    for renamed_before_the_crash in [false, true] {
        let (rig, id, job) = with_job().await;
        let fingerprint = write_temporary(&job).await;
        report(&rig, id, &job, fingerprint).await;
        if renamed_before_the_crash {
            std::fs::rename(job.temp_ufs_path(), rig.in_ufs("/f")).unwrap();
        }
        let rig = rig.crash().await;
        tick(&rig).await;
        tick(&rig).await;
        assert_eq!(state(&rig, "/f").await, "PERSISTED");
        assert_eq!(files_in(&rig, "/"), ["f"]);
    }
}

#[tokio::test]
async fn the_next_master_takes_a_late_report() {
    let (rig, _, job) = with_job().await;
    let rig = rig.crash().await;
    let again = worker(&rig, "w").await;
    tick(&rig).await;
    assert!(ask(&rig, again).await.is_empty(), "somebody may still be at it");
    let fingerprint = write_temporary(&job).await;
    report(&rig, again, &job, fingerprint).await;
    tick(&rig).await;
    assert_eq!(state(&rig, "/f").await, "PERSISTED");
}

#[tokio::test]
async fn orphans_of_earlier_terms_are_collected_when_they_are_old() {
    use super::temporary::{file_name, job_id};
    let rig = Rig::new().await.crash().await;
    let term = rig.fs.namespace.journal().term();
    assert!(term > 1);
    let names = [
        file_name("earlier", job_id(term - 1, 1)),
        file_name("ours", job_id(term, 1)),
        alluxio_ufs::temporary_name("somebody's", 1),
    ];
    for name in &names {
        rig.ufs_write(&format!("/d/{name}"), "x");
    }
    rig.status("/d").await.unwrap();
    let place = rig.fs.ufs_place_of(&path("/d/x")).unwrap();
    let directory = UfsPath::parse("d").unwrap();
    let now = crate::namespace::now_ms();
    assert_eq!(rig.fs.sweep(&place, &directory, term, now).await.unwrap(), 0, "too young");
    assert_eq!(rig.fs.sweep(&place, &directory, term, now + 4_000_000).await.unwrap(), 1);
    assert!(!rig.ufs_has(&format!("/d/{}", names[0])) && files_in(&rig, "/d").len() == 2);
}

#[tokio::test]
async fn a_name_that_was_given_without_an_answer_counts() {
    use alluxio_ufs::{Operation, UfsErrorKind, faults::Fault};
    let (rig, worker, job) = with_job().await;
    let fingerprint = write_temporary(&job).await;
    report(&rig, worker, &job, fingerprint).await;
    let ufs = rig.faulty();
    ufs.inject(Fault::fail(Operation::Rename, UfsErrorKind::Unavailable).losing_the_answer().times(1));
    tick(&rig).await;
    assert_eq!(state(&rig, "/f").await, "TO_BE_PERSISTED");
    assert!(rig.ufs_has("/f"));
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    tick(&rig).await;
    assert_eq!(state(&rig, "/f").await, "PERSISTED");
}

/// A file whose last step takes a while, and what `meanwhile` does after it has begun.
async fn while_it_gets_its_name(rig: &Rig, at: &str, meanwhile: impl Future<Output = ()>) {
    use alluxio_ufs::{Operation, faults::Fault};
    let worker = worker(rig, "w").await;
    write_async(rig, at, worker, 10, 0).await;
    let job = only_job(rig, worker).await;
    let fingerprint = write_temporary(&job).await;
    report(rig, worker, &job, fingerprint).await;
    rig.faulty().inject(Fault::delay(Operation::Rename, Duration::from_millis(200)).times(1));
    let later = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        meanwhile.await;
    };
    tokio::join!(tick(rig), later);
}

#[tokio::test]
async fn deleted_while_it_gets_its_name() {
    let rig = Rig::new().await;
    let root = rig.root().await;
    let delete = async { rig.fs.delete_path(&root, &path("/f"), &Default::default()).await.unwrap() };
    while_it_gets_its_name(&rig, "/f", delete).await;
    assert!(rig.status("/f").await.is_err());
    assert_eq!(files_in(&rig, "/"), Vec::<String>::new(), "the delete has found it persisted");
}

#[tokio::test]
async fn renamed_while_it_gets_its_name() {
    let rig = Rig::new().await;
    let root = rig.root().await;
    let (from, to) = (path("/f"), path("/g"));
    let rename = async { rig.fs.rename(&root, &from, &to, &Default::default()).await.unwrap() };
    while_it_gets_its_name(&rig, "/f", rename).await;
    assert_eq!((state(&rig, "/g").await.as_str(), files_in(&rig, "/")), ("PERSISTED", vec!["g".to_owned()]));
}

#[tokio::test]
async fn only_the_present_job_gives_the_name() {
    use super::{
        finish::Outcome,
        jobs::{Job, Temporary},
    };
    let (rig, _, job) = with_job().await;
    write_temporary(&job).await;
    let temporary = Temporary { mount_id: job.mount_id(), address: job.temp_ufs_path().to_owned() };
    let stale = Job { id: job.job_id() + 1, temporary };
    assert_eq!(rig.fs.finish(job.file_id(), &stale).await.unwrap(), Outcome::Obsolete);
    assert_eq!(state(&rig, "/f").await, "TO_BE_PERSISTED");
}
