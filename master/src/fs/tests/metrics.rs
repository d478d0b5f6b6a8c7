//! What the master counts.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use alluxio_proto::grpc::file::{FreePOptions, WritePType};
use tokio_util::sync::CancellationToken;

use crate::fs::{
    delete::DeleteOptions,
    fixture::{Rig, large, path, polls},
};

fn blocks(rig: &Rig) -> u64 {
    rig.fs.namespace.peek(|tree| tree.block_count())
}

fn lost(rig: &Rig) -> (u64, u64) {
    (rig.fs.lost.files.load(Relaxed), rig.fs.lost.blocks.load(Relaxed))
}

#[tokio::test]
async fn blocks_are_counted_as_they_come_and_go_and_after_a_restart() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    rig.write("/d/a", worker, 10).await.unwrap();
    rig.ufs_write("/u", &"x".repeat(150));
    rig.status("/u").await.unwrap();
    assert_eq!(blocks(&rig), 1 + 3, "64 bytes each");
    rig.create("/open", WritePType::MustCache).await.unwrap();
    rig.write_block("/open", worker, 64).await.unwrap();
    rig.write_block("/open", worker, 1).await.unwrap();
    assert_eq!(blocks(&rig), 6);
    // Written through without a block of its own: those come with the completion.
    rig.write_through("/t", &"x".repeat(65)).await.unwrap();
    assert_eq!(blocks(&rig), 8);
    let rig = rig.crash().await;
    assert_eq!(blocks(&rig), 8);
    let all = DeleteOptions { recursive: true, ..Default::default() };
    for at in ["/d", "/open", "/u", "/t"] {
        rig.fs.delete_path(&rig.root().await, &path(at), &all).await.unwrap();
    }
    let stop = CancellationToken::new();
    let reaper = tokio::spawn(rig.fs.clone().run_reaper(stop.clone()));
    let reaped = async {
        while blocks(&rig) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reaped).await.expect("all blocks go with their files");
    stop.cancel();
    reaper.await.unwrap();
}

#[tokio::test]
async fn lost_is_what_is_only_in_alluxio_and_on_no_live_worker() {
    let rig = Rig::new().await;
    let (one, two) = (rig.worker("w1").await, rig.worker("w2").await);
    rig.write("/one", one, 10).await.unwrap();
    let both = rig.write("/both", one, 10).await.unwrap();
    rig.fs.blocks.commit_block(two, both.block_ids[0], 10, "MEM", "MEM", None).await.unwrap();
    rig.write_through("/safe", "1").await.unwrap();
    rig.create("/open", WritePType::MustCache).await.unwrap();
    rig.write_block("/open", one, 1).await.unwrap();
    rig.fs.count_lost().await;
    assert_eq!(lost(&rig), (0, 0));
    rig.fs.blocks.deregister(one).unwrap();
    rig.fs.count_lost().await;
    assert_eq!(lost(&rig), (1, 1));
    rig.fs.blocks.deregister(two).unwrap();
    rig.fs.count_lost().await;
    assert_eq!(lost(&rig), (2, 2));
}

/// Half a million blocks are no reason to keep a thread, nor to go on when the master stops.
#[tokio::test]
async fn counting_the_blocks_of_a_large_file_lets_others_have_their_turn() {
    let rig = Rig::new().await;
    large(&rig, "/large", WritePType::MustCache, 1 << 19, false).await;
    let (turns, ()) = polls(rig.fs.count_lost()).await;
    assert!(turns > 100, "{turns}");
    assert_eq!(lost(&rig), (1, 1 << 19));
    let stop = CancellationToken::new();
    let mut counting = std::pin::pin!(rig.fs.clone().run_lost_count(stop.clone()));
    let mut poll = async || {
        std::future::poll_fn(|context| std::task::Poll::Ready(counting.as_mut().poll(context))).await
    };
    assert!(poll().await.is_pending());
    stop.cancel();
    assert!(poll().await.is_ready(), "it counts on");
}

#[tokio::test]
async fn syncs_are_counted_by_what_came_of_them() {
    let rig = Rig::new().await;
    rig.write_through("/f", "1").await.unwrap();
    let sync = &rig.fs.metrics.sync;
    let counts = || [&sync.ops, &sync.skipped, &sync.success, &sync.fail, &sync.no_change].map(|c| c.get());
    let before = counts();
    let change = || {
        let now = counts();
        std::array::from_fn(|n| now[n] - before[n])
    };
    rig.status("/f").await.unwrap();
    assert_eq!(change(), [0; 5], "what is known needs no look");
    rig.status_with("/f", None, Some(0)).await.unwrap();
    assert_eq!(change(), [1, 0, 1, 0, 1]);
    rig.status_with("/f", None, Some(3_600_000)).await.unwrap();
    assert_eq!(change(), [2, 1, 1, 0, 1], "not due");
    rig.ufs_write("/f", "longer");
    rig.status_with("/f", None, Some(0)).await.unwrap();
    assert_eq!(change(), [3, 1, 2, 0, 1], "it differed");
}

#[tokio::test]
async fn files_freed_and_calls_repeated_are_counted() {
    let rig = Rig::new().await;
    rig.write_through("/f", "1").await.unwrap();
    rig.fs.free(&rig.root().await, &path("/f"), &FreePOptions::default()).await.unwrap();
    assert_eq!(rig.fs.metrics.files_freed.get(), 1);
    let once = DeleteOptions { operation: Some((1, 1)), ..Default::default() };
    for _ in 0..2 {
        rig.fs.delete_path(&rig.root().await, &path("/f"), &once).await.unwrap();
    }
    assert_eq!(rig.fs.metrics.completed_operation_retries.get(), 1);
}
