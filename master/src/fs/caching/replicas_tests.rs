use std::sync::Arc;

use alluxio_proto::grpc::file::{CompleteFilePOptions, CreateFilePOptions, SetAttributePOptions, WritePType};

use super::{super::fake_workers::FakeWorkers, Change};
use crate::fs::fixture::{Rig, create_options, first_block, path};

async fn set(rig: &Rig, at: &str, min: i32, max: i32) {
    let options = SetAttributePOptions {
        replication_min: Some(min),
        replication_max: Some(max),
        ..SetAttributePOptions::default()
    };
    rig.fs.set_attribute(&rig.root().await, &path(at), &options).await.unwrap();
}

async fn copies(rig: &Rig, at: &str) -> usize {
    rig.fs.blocks.locations(first_block(&rig.status(at).await.unwrap())).len()
}

async fn rig() -> (Rig, Arc<FakeWorkers>) {
    let rig = Rig::new().await;
    let workers = FakeWorkers::start(&rig, &["a", "b", "c"]).await;
    (rig, workers)
}

#[tokio::test]
async fn copies_are_made_and_dropped_until_there_are_as_many_as_wanted() {
    let (rig, workers) = rig().await;
    for name in ["f", "other"] {
        rig.write(&format!("/{name}"), workers.id("a"), 3).await.unwrap();
    }
    rig.fs.check_replication().await;
    assert!(workers.log.lock().is_empty(), "nobody asked for more");
    set(&rig, "/f", 2, -1).await;
    rig.fs.check_replication().await;
    assert_eq!((copies(&rig, "/f").await, copies(&rig, "/other").await), (2, 1));
    rig.fs.check_replication().await;
    assert_eq!(workers.log.lock().len(), 1, "two are enough");
    set(&rig, "/f", 9, -1).await;
    rig.fs.check_replication().await;
    assert_eq!(copies(&rig, "/f").await, 3, "as many as there are workers");
    set(&rig, "/f", 0, 1).await;
    rig.fs.check_replication().await;
    assert_eq!(copies(&rig, "/f").await, 1);
}

#[tokio::test]
async fn the_last_copy_of_what_is_only_here_is_kept() {
    let (rig, workers) = rig().await;
    rig.write("/here", workers.id("a"), 3).await.unwrap();
    let below = rig.write_through("/below", "abc").await.unwrap();
    rig.fs.blocks.commit_block(workers.id("b"), first_block(&below), 3, "MEM", "MEM", None).await.unwrap();
    for at in ["/here", "/below"] {
        set(&rig, at, 0, 0).await;
    }
    rig.fs.check_replication().await;
    assert_eq!((copies(&rig, "/here").await, copies(&rig, "/below").await), (1, 0));
}

#[tokio::test]
async fn a_lost_copy_is_made_anew_and_a_failure_is_tried_again() {
    let (rig, workers) = rig().await;
    rig.write("/f", workers.id("a"), 3).await.unwrap();
    set(&rig, "/f", 3, -1).await;
    workers.away.lock().extend(["b".to_owned(), "c".to_owned()]);
    rig.fs.check_replication().await;
    assert_eq!(copies(&rig, "/f").await, 1);
    workers.away.lock().clear();
    rig.fs.check_replication().await;
    assert_eq!(copies(&rig, "/f").await, 3);
}

#[tokio::test]
async fn a_copy_on_a_worker_out_of_service_does_not_count_but_others_are_made_of_it() {
    let (rig, workers) = rig().await;
    rig.write("/f", workers.id("a"), 3).await.unwrap();
    set(&rig, "/f", 2, -1).await;
    rig.fs.blocks.decommission("a", None, false).unwrap();
    rig.fs.check_replication().await;
    let holder = |at: i64| rig.fs.blocks.active_workers().iter().any(|(id, _)| *id == at);
    let block = first_block(&rig.status("/f").await.unwrap());
    let copies = rig.fs.blocks.locations(block);
    assert!(copies.len() == 2 && copies.iter().all(|copy| holder(copy.worker_id())), "{copies:?}");
    rig.fs.check_replication().await;
    assert_eq!(workers.log.lock().len(), 2);
}

/// Until it is persisted a file has as many copies as make it durable, whatever its maximum says.
#[tokio::test]
async fn what_is_to_be_persisted_is_durable() {
    let (rig, workers) = rig().await;
    let options = CreateFilePOptions {
        replication_durable: Some(2),
        replication_max: Some(1),
        ..create_options(WritePType::AsyncThrough)
    };
    rig.fs.create_file(&rig.root().await, &path("/f"), &options).await.unwrap();
    rig.write_block("/f", workers.id("a"), 3).await.unwrap();
    let persist =
        CompleteFilePOptions { async_persist_options: Some(Default::default()), ..Default::default() };
    rig.complete("/f", persist).await.unwrap();
    assert_eq!(rig.status("/f").await.unwrap().persistence_state(), "TO_BE_PERSISTED");
    rig.fs.check_replication().await;
    assert_eq!(copies(&rig, "/f").await, 2);
    rig.fs.check_replication().await;
    assert_eq!(copies(&rig, "/f").await, 2);
}

#[tokio::test]
async fn what_is_pinned_to_a_medium_is_moved_there() {
    let (rig, workers) = rig().await;
    for name in ["f", "other"] {
        rig.write(&format!("/{name}"), workers.id("a"), 3).await.unwrap();
    }
    let pin = async |pinned: bool, media: &[&str]| {
        let options = SetAttributePOptions {
            pinned: Some(pinned),
            pinned_media: media.iter().map(ToString::to_string).collect(),
            ..SetAttributePOptions::default()
        };
        rig.fs.set_attribute(&rig.root().await, &path("/f"), &options).await.unwrap();
        rig.fs.check_replication().await;
        std::mem::take(&mut *workers.log.lock())
    };
    assert!(pin(true, &["HDD", "MEM"]).await.is_empty(), "it is on one of them");
    assert_eq!(pin(true, &["SSD"]).await, ["a moves to SSD"]);
    assert!(pin(true, &["SSD"]).await.is_empty());
    assert!(pin(false, &[]).await.is_empty());
}

/// A file that is nowhere else, with copies on `a` and `b`.
async fn twice(rig: &Rig, workers: &FakeWorkers) -> i64 {
    let block = first_block(&rig.write("/f", workers.id("a"), 3).await.unwrap());
    rig.fs.blocks.commit_block(workers.id("b"), block, 3, "MEM", "MEM", None).await.unwrap();
    block
}

#[tokio::test]
async fn no_copy_is_dropped_before_another_one_was_seen() {
    let (rig, workers) = rig().await;
    let block = twice(&rig, &workers).await;
    let first = rig.fs.blocks.locations(block)[0].worker_id;
    let (stays, goes) = if first == Some(workers.id("a")) { ("a", "b") } else { ("b", "a") };
    set(&rig, "/f", 0, 1).await;
    // It died a moment ago: nobody misses it yet.
    workers.away.lock().push(stays.to_owned());
    rig.fs.check_replication().await;
    assert_eq!(copies(&rig, "/f").await, 2);
    workers.away.lock().clear();
    rig.fs.check_replication().await;
    assert_eq!(copies(&rig, "/f").await, 1);
    assert_eq!(*workers.log.lock(), [format!("{stays} has it"), format!("{goes} removes")]);
}

#[tokio::test]
async fn a_drop_that_is_not_called_for_any_more_is_left() {
    let (rig, workers) = rig().await;
    let block = twice(&rig, &workers).await;
    let file = rig.status("/f").await.unwrap().file_id();
    let holder = |host: &str| {
        let locations = rig.fs.blocks.locations(block);
        let found = locations.into_iter().find(|location| location.worker_id == Some(workers.id(host)));
        Box::new(found.unwrap().worker_address.unwrap())
    };
    let drop_b = Change::Drop { file, block, length: 3, at: holder("b") };
    rig.fs.carry_out(&drop_b).await.unwrap();
    assert_eq!(copies(&rig, "/f").await, 2, "as many as there are may stay");
    set(&rig, "/f", 0, 1).await;
    let gone = crate::block::Heartbeat { removed: vec![block], ..Default::default() };
    rig.fs.blocks.heartbeat(workers.id("a"), gone).await.unwrap();
    rig.fs.carry_out(&drop_b).await.unwrap();
    assert_eq!(copies(&rig, "/f").await, 1, "it has become the only one");
    assert!(workers.log.lock().is_empty());
}

#[tokio::test]
async fn a_medium_that_nobody_has_does_not_hinder_copies() {
    let (rig, workers) = rig().await;
    rig.write("/f", workers.id("a"), 3).await.unwrap();
    let options = SetAttributePOptions {
        pinned: Some(true),
        pinned_media: vec!["SSD".to_owned()],
        replication_min: Some(2),
        ..SetAttributePOptions::default()
    };
    rig.fs.set_attribute(&rig.root().await, &path("/f"), &options).await.unwrap();
    let all = ["a", "b", "c"].map(str::to_owned);
    *workers.diskless.lock() = all.to_vec();
    rig.fs.check_replication().await;
    assert_eq!(copies(&rig, "/f").await, 2);
    rig.fs.check_replication().await;
    assert_eq!(copies(&rig, "/f").await, 2);
    // The first holder has no disk; the other one has.
    workers.log.lock().clear();
    *workers.diskless.lock() = all[..1].to_vec();
    rig.fs.check_replication().await;
    let log = workers.log.lock().clone();
    assert!(log == ["b moves to SSD"] || log == ["c moves to SSD"], "{log:?}");
}
