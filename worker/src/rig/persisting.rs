//! Persist jobs.

use super::{Rig, block, content, silent_port, until};
use alluxio_proto::grpc::file::PersistFile;
use std::time::Duration;

const MB: usize = 1 << 20;

fn job(rig: &Rig, job: i64, container: i64, length: usize, block_size: usize) -> PersistFile {
    let count = length.div_ceil(block_size) as i64;
    PersistFile {
        file_id: Some(alluxio_fs::ids::file_id(container)),
        block_ids: (0..count).map(|sequence| block(container, sequence)).collect(),
        job_id: Some(job),
        temp_ufs_path: Some(rig.under(&format!(".tmp-{job}")).display().to_string()),
        mount_id: Some(1),
        length: Some(length as i64),
        block_size: Some(block_size as i64),
    }
}

async fn write_file(rig: &Rig, container: i64, data: &[u8], block_size: usize) {
    for (sequence, piece) in data.chunks(block_size).enumerate() {
        rig.client.write_block(block(container, sequence as i64), piece).await.unwrap();
    }
}

fn reported(rig: &Rig, job: i64) -> Option<Result<(), String>> {
    for report in &rig.master.mind.lock().reports {
        let options = report.options.clone().unwrap();
        if options.persisted_job_ids.contains(&job) {
            assert_eq!(report.persisted_files.len(), options.persisted_job_ids.len());
            assert!(options.persisted_file_fingerprints[0].contains("CONTENT_HASH|"));
            return Some(Ok(()));
        }
        if let Some(failure) = options.persist_failures.iter().find(|failure| failure.job_id == Some(job)) {
            return Some(Err(failure.message.clone().unwrap()));
        }
    }
    None
}

#[tokio::test]
async fn a_file_is_written_under_its_temporary_name_and_reported() {
    let rig = Rig::new(64 << 20).await;
    let data = content(5 * MB / 2);
    write_file(&rig, 1, &data, MB).await;
    rig.master.mind.lock().persist = vec![job(&rig, 5, 1, data.len(), MB)];
    until("it is reported", || reported(&rig, 5).is_some()).await;
    assert_eq!(reported(&rig, 5), Some(Ok(())));
    rig.master.mind.lock().persist.clear();
    assert!(std::fs::read(rig.under(".tmp-5")).unwrap() == data);
    // An empty file too.
    rig.master.mind.lock().persist = vec![job(&rig, 6, 2, 0, MB)];
    until("it is reported", || reported(&rig, 6).is_some()).await;
    assert_eq!(std::fs::metadata(rig.under(".tmp-6")).unwrap().len(), 0);
}

#[tokio::test]
async fn missing_blocks_come_from_other_workers() {
    let (rig, other) = (Rig::new(64 << 20).await, Rig::new(64 << 20).await);
    let data = content(2 * MB);
    rig.client.write_block(block(1, 0), &data[..MB]).await.unwrap();
    other.client.write_block(block(1, 1), &data[MB..]).await.unwrap();
    {
        let mut mind = rig.master.mind.lock();
        mind.peers.insert(block(1, 1), other.worker.rpc_addr().port());
        mind.persist = vec![job(&rig, 5, 1, data.len(), MB)];
    }
    until("it is reported", || reported(&rig, 5).is_some()).await;
    assert_eq!(reported(&rig, 5), Some(Ok(())));
    assert!(std::fs::read(rig.under(".tmp-5")).unwrap() == data);
}

#[tokio::test]
async fn a_job_that_cannot_be_done_is_reported_and_leaves_nothing() {
    let rig = Rig::new(64 << 20).await;
    rig.client.write_block(block(1, 0), &content(MB)).await.unwrap();
    rig.master.mind.lock().persist = vec![job(&rig, 5, 1, 2 * MB, MB)];
    until("it is reported", || reported(&rig, 5).is_some()).await;
    let why = reported(&rig, 5).unwrap().unwrap_err();
    assert!(why.contains(&format!("block {} is on no worker", block(1, 1))), "{why}");
    rig.master.mind.lock().persist.clear();
    // The master repeated the order until then; the last attempt may still be under way.
    until("nothing is left", || std::fs::read_dir(rig.under("")).unwrap().next().is_none()).await;
}

#[tokio::test]
async fn a_job_that_hangs_is_given_up() {
    let rig = Rig::with(1 << 20, &[], |settings| settings.persist_limit = Duration::from_millis(300)).await;
    let (_silent, port) = silent_port().await;
    {
        let mut mind = rig.master.mind.lock();
        mind.peers.insert(block(1, 0), port);
        mind.persist = vec![job(&rig, 5, 1, 10, MB)];
    }
    until("it is reported", || reported(&rig, 5).is_some()).await;
    let why = reported(&rig, 5).unwrap().unwrap_err();
    assert!(why.contains("was not written within 300ms"), "{why}");
    rig.master.mind.lock().persist.clear();
    until("nothing is left", || std::fs::read_dir(rig.under("")).unwrap().next().is_none()).await;
}

/// The root mount keeps its id when the master is started anew with another configuration.
#[tokio::test]
async fn mounts_are_asked_for_anew_after_a_registration() {
    let rig = Rig::new(1 << 20).await;
    rig.client.write_block(block(1, 0), &content(10)).await.unwrap();
    rig.master.mind.lock().persist = vec![job(&rig, 5, 1, 10, MB)];
    until("it is reported", || reported(&rig, 5).is_some()).await;
    assert_eq!(reported(&rig, 5), Some(Ok(())));
    let registrations = {
        let mut mind = rig.master.mind.lock();
        (mind.persist, mind.read_only) = (Vec::new(), true);
        mind.registrations
    };
    rig.master.forget_workers();
    until("it registers again", || rig.master.mind.lock().registrations > registrations).await;
    let registered = rig.worker.registered.clone();
    tokio::time::timeout(super::PATIENCE, registered.wait(None)).await.unwrap();
    rig.master.mind.lock().persist = vec![job(&rig, 6, 1, 10, MB)];
    until("it is reported", || reported(&rig, 6).is_some()).await;
    let why = reported(&rig, 6).unwrap().unwrap_err();
    assert!(why.contains("readonly mount point"), "{why}");
}

#[tokio::test]
async fn nothing_is_persisted_below_a_read_only_mount() {
    let rig = Rig::new(1 << 20).await;
    rig.client.write_block(block(1, 0), &content(10)).await.unwrap();
    {
        let mut mind = rig.master.mind.lock();
        mind.read_only = true;
        mind.persist = vec![job(&rig, 5, 1, 10, MB)];
    }
    until("it is reported", || reported(&rig, 5).is_some()).await;
    let why = reported(&rig, 5).unwrap().unwrap_err();
    assert!(why.contains("readonly mount point"), "{why}");
    assert!(std::fs::read_dir(rig.under("")).unwrap().next().is_none());
}
