//! Files that are to be persisted and are still being written.

use alluxio_proto::grpc::file::{CompleteFilePOptions, WritePType};

use super::tests::{ask, only_job, state, tick, worker};
use crate::{
    block::{EvictionPolicy, Purpose},
    fs::fixture::{Rig, path},
};

#[tokio::test]
async fn no_block_of_it_is_evicted_and_no_job_is_made() {
    let rig = Rig::new().await;
    let id = worker(&rig, "w").await;
    let made = rig.create("/f", WritePType::AsyncThrough).await.unwrap();
    assert_eq!((made.persistence_state(), made.completed()), ("TO_BE_PERSISTED", false));
    let block = rig.write_block("/f", id, 64).await.unwrap();
    tick(&rig).await;
    assert!(ask(&rig, id).await.is_empty(), "not before it is complete");
    let hash = rig.hash();
    let rig = rig.crash().await;
    assert_eq!((rig.hash(), state(&rig, "/f").await.as_str()), (hash, "TO_BE_PERSISTED"));
    let id = worker(&rig, "w").await;
    let evictable = rig.fs.namespace.may_evict(&[block], Purpose::Evicting).await.unwrap();
    assert!(evictable.evictable.is_empty() && evictable.not_persisted.is_empty());
    assert_eq!(rig.fs.unevictable_files().await.unwrap(), [made.file_id()]);
    rig.fs.blocks.commit_block(id, block, 64, "MEM", "MEM", None).await.unwrap();
    let asked =
        CompleteFilePOptions { async_persist_options: Some(Default::default()), ..Default::default() };
    rig.complete("/f", asked).await.unwrap();
    assert_eq!(only_job(&rig, id).await.block_ids, [block]);
}

#[tokio::test]
async fn a_writer_that_does_not_ask_leaves_it_to_who_asks() {
    let rig = Rig::new().await;
    let id = worker(&rig, "w").await;
    rig.create("/f", WritePType::AsyncThrough).await.unwrap();
    rig.complete("/f", Default::default()).await.unwrap();
    assert_eq!(state(&rig, "/f").await, "TO_BE_PERSISTED");
    tick(&rig).await;
    assert!(ask(&rig, id).await.is_empty());
    rig.fs.schedule_async_persistence(&rig.root().await, &path("/f"), 0).await.unwrap();
    assert_eq!(only_job(&rig, id).await.length(), 0);
}
