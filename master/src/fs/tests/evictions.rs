//! Files that become unevictable while a worker may be evicting their blocks.

use std::time::{Duration, Instant};

use alluxio_proto::grpc::file::{CompleteFilePOptions, SetAttributePOptions, WritePType};
use alluxio_rpc::Caller;

use crate::{
    block::{Evictable, EvictionPolicy, Purpose},
    fs::fixture::{ROOT, Rig, first_block, path},
};

async fn ask(rig: &Rig, block: i64, purpose: Purpose) -> Evictable {
    rig.fs.namespace.may_evict(&[block], purpose).await.unwrap()
}

/// Schedules `/file` to be persisted, in a task of its own.
fn schedule(rig: &Rig) -> tokio::task::JoinHandle<()> {
    let fs = rig.fs.clone();
    tokio::spawn(async move {
        let caller = Caller { user: ROOT.into(), connection_user: ROOT.into() };
        let subject = fs.subject(&caller).await.unwrap();
        fs.schedule_async_persistence(&subject, &path("/file"), 0).await.unwrap();
    })
}

#[tokio::test]
async fn a_file_is_scheduled_only_when_no_worker_can_evict_it_any_more() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    let block = first_block(&rig.write("/file", worker, 10).await.unwrap());
    let asked = Instant::now();
    let valid = rig.fs.namespace.valid();
    assert_eq!(ask(&rig, block, Purpose::Evicting).await.not_persisted, [block]);

    let scheduled = schedule(&rig);
    // Asking again and again must not put the change off for ever.
    while ask(&rig, block, Purpose::Evicting).await.not_persisted == [block] {
        assert!(asked.elapsed() < valid, "the change does not get its turn");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(rig.status("/file").await.unwrap().persistence_state(), "NOT_PERSISTED");
    let last_answer = Instant::now();
    tokio::time::timeout(Duration::from_secs(10), scheduled).await.expect("the wait is bounded").unwrap();
    assert!(last_answer.elapsed() > valid / 2, "{:?}", last_answer.elapsed());
    assert!(asked.elapsed() > valid);
    assert_eq!(rig.status("/file").await.unwrap().persistence_state(), "TO_BE_PERSISTED");
    assert_eq!(ask(&rig, block, Purpose::Evicting).await, Evictable::default());
}

#[tokio::test]
async fn a_pin_waits_too_and_a_look_holds_nobody_up() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    let info = rig.write_through("/file", "data").await.unwrap();
    let block = first_block(&info);
    rig.fs.blocks.commit_block(worker, block, 4, "MEM", "MEM", None).await.unwrap();
    let pin = async |pinned| {
        let began = Instant::now();
        let options = SetAttributePOptions { pinned: Some(pinned), ..Default::default() };
        rig.fs.set_attribute(&rig.root().await, &path("/file"), &options).await.unwrap();
        began.elapsed()
    };
    let valid = rig.fs.namespace.valid();
    assert_eq!(ask(&rig, block, Purpose::Looking).await.evictable, [block]);
    assert!(pin(true).await < valid, "nobody evicts");
    assert!(pin(false).await < valid);
    assert_eq!(ask(&rig, block, Purpose::Evicting).await.evictable, [block]);
    assert!(pin(true).await > valid);
    let stays = Evictable { pinned: vec![block], ..Evictable::default() };
    assert_eq!(ask(&rig, block, Purpose::Evicting).await, stays, "and would not be lost");
}

/// The master before may have answered just before it went.
#[tokio::test]
async fn a_new_master_stands_by_the_answers_of_the_one_before() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    rig.write("/file", worker, 10).await.unwrap();
    let rig = rig.crash().await;
    let began = Instant::now();
    schedule(&rig).await.unwrap();
    assert!(began.elapsed() > rig.fs.namespace.valid());
}

/// What stands in the tree already is no change, whatever a worker was told of the file, or of one in its place.
#[tokio::test]
async fn what_is_so_already_waits_for_nobody() {
    let rig = Rig::new().await;
    let valid = rig.fs.namespace.valid();
    let file = rig.create("/file", WritePType::AsyncThrough).await.unwrap().file_id();
    let asked =
        CompleteFilePOptions { async_persist_options: Some(Default::default()), ..Default::default() };
    assert!(rig.fs.namespace.eviction_grants().grant(file));
    let began = Instant::now();
    rig.complete("/file", asked).await.unwrap();
    assert!(began.elapsed() < valid, "it was to be persisted from its creation: {:?}", began.elapsed());

    let root = rig.root().await;
    let set = async |options: SetAttributePOptions| {
        assert!(rig.fs.namespace.eviction_grants().grant(file));
        let began = Instant::now();
        rig.fs.set_attribute(&root, &path("/file"), &options).await.unwrap();
        began.elapsed()
    };
    let pin = |media: &[&str]| SetAttributePOptions {
        pinned: Some(true),
        pinned_media: media.iter().map(|medium| (*medium).to_owned()).collect(),
        ..Default::default()
    };
    assert!(set(pin(&["SSD"])).await > valid, "a worker may be evicting it");
    assert!(set(pin(&["SSD"])).await < valid);
    let copies = SetAttributePOptions { replication_min: Some(1), ..Default::default() };
    assert!(set(copies).await < valid, "the minimum pins what is pinned");
    assert_eq!(rig.status("/file").await.unwrap().medium_type, ["SSD"]);
    set(pin(&[])).await;
    let info = rig.status("/file").await.unwrap();
    assert!(info.pinned() && info.medium_type.is_empty() && info.replication_min() == 1);
}
