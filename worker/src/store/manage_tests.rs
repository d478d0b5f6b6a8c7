//! Background moves between tiers on a real file system.

use super::{
    BackOff, BlockStore, Layout, ManageOptions, Place, StoreOptions,
    store_tests::{ListGate, content, files, read, tier, write},
};
use std::{path::Path, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Files below a folder, as soon as they are these.
async fn until_files(dir: &Path, expected: &[&str]) {
    let wait = async {
        while files(dir) != expected {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(5), wait).await;
    assert!(done.is_ok(), "{:?} in {}", files(dir), dir.display());
}

/// The bytes of a move's old file count until a moment after it is gone.
async fn until_used(store: &BlockStore, bytes: u64) {
    let wait = async {
        while store.usage().used() != bytes {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(5), wait).await;
    assert!(done.is_ok(), "{} bytes in use", store.usage().used());
}

fn managing(back_off: BackOff, cool_down: Duration) -> ManageOptions {
    ManageOptions {
        align: true,
        promote: true,
        align_range: 100,
        promote_range: 100,
        promote_quota_percent: 90,
        back_off,
        cool_down,
        at_once: 2,
    }
}

#[tokio::test]
async fn blocks_that_are_read_more_come_to_the_faster_tier() {
    let (mem, ssd) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tiers = vec![tier("MEM", &[(mem.path(), 1200)]), tier("SSD", &[(ssd.path(), 1000)])];
    let layout = Layout { swap_reserve: 250, ..Layout::new(tiers) };
    let store = BlockStore::open(layout, StoreOptions::default(), Arc::<ListGate>::default()).unwrap();
    for block in [4, 5, 6, 1, 2, 3] {
        write(&store, block, &content(block, 250)).await.unwrap();
        if block > 3 {
            store.relocate(block, &Place::medium("SSD"), false).await.unwrap();
        }
    }
    assert_eq!((files(mem.path()).join(" "), files(ssd.path()).join(" ")), ("1 2 3".into(), "4 5 6".into()));
    for block in [1, 2, 4] {
        read(&store, block).await.unwrap();
    }
    let stop = CancellationToken::new();
    let options = managing(BackOff::Any, Duration::from_millis(50));
    let manager = tokio::spawn(store.clone().manage_tiers(options, stop.clone()));
    // Both are full: 3 and the hottest below change places.
    until_files(mem.path(), &["1", "2", "4"]).await;
    until_files(ssd.path(), &["3", "5", "6"]).await;
    until_used(&store, 6 * 250).await;
    // Where there is room, the hottest of the next tier goes up.
    store.remove(1).unwrap();
    store.bury().await;
    until_files(mem.path(), &["2", "3", "4"]).await;
    assert_eq!(read(&store, 3).await.unwrap(), content(3, 250));
    stop.cancel();
    manager.await.unwrap();
    until_used(&store, 5 * 250).await;
}

#[tokio::test]
async fn clients_go_before_background_moves() {
    for back_off in [BackOff::Any, BackOff::Directory] {
        let (mem, ssd) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let layout =
            Layout::new(vec![tier("MEM", &[(mem.path(), 1000)]), tier("SSD", &[(ssd.path(), 5000)])]);
        let store = BlockStore::open(layout, StoreOptions::default(), Arc::<ListGate>::default()).unwrap();
        for block in 1..=2 {
            write(&store, block, &content(block, 100)).await.unwrap();
            store.relocate(block, &Place::medium("SSD"), true).await.unwrap();
        }
        let reader = store.lease(2).unwrap();
        let mut options = managing(back_off, Duration::ZERO);
        // 1 could be moved.
        assert!(!store.manage_once(&options).await, "{back_off:?}: somebody reads there");
        options.cool_down = Duration::from_secs(3600);
        drop(reader);
        assert!(!store.manage_once(&options).await, "{back_off:?}: somebody read there just now");
        options.cool_down = Duration::ZERO;
        assert!(store.manage_once(&options).await);
        assert_eq!(files(mem.path()), ["1", "2"]);
    }
}

#[tokio::test]
async fn a_hot_block_that_is_too_large_does_not_drain_the_faster_tier() {
    let (mem, ssd) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tiers = vec![tier("MEM", &[(mem.path(), 1000)]), tier("SSD", &[(ssd.path(), 5000)])];
    let layout = Layout { swap_reserve: 200, ..Layout::new(tiers) };
    let store = BlockStore::open(layout, StoreOptions::default(), Arc::<ListGate>::default()).unwrap();
    for block in 1..=3 {
        write(&store, block, &content(block, 250)).await.unwrap();
    }
    let mut large = store.create(4, &Place::tier(1), 0).await.unwrap();
    large.append(content(4, 3000).into()).await.unwrap();
    large.commit(true, false).await.unwrap();
    store.confirm(4);
    let options = managing(BackOff::Any, Duration::ZERO);
    for _ in 0..3 {
        assert!(!store.manage_once(&options).await);
    }
    assert_eq!(files(mem.path()), ["1", "2", "3"]);
}

/// A block file whose reading waits for the test: a pipe.
fn pipe(path: &Path) {
    std::fs::remove_file(path).unwrap();
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
}

#[tokio::test]
async fn a_block_has_moved_also_when_its_old_file_stays() {
    let (mem, ssd) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let layout = Layout::new(vec![tier("MEM", &[(mem.path(), 1000)]), tier("SSD", &[(ssd.path(), 5000)])]);
    let store = BlockStore::open(layout, StoreOptions::default(), Arc::<ListGate>::default()).unwrap();
    write(&store, 1, &content(1, 100)).await.unwrap();
    let old = mem.path().join("alluxioworker/1");
    pipe(&old);
    let moving = tokio::spawn({
        let store = store.clone();
        async move { store.relocate(1, &Place::tier(1), false).await }
    });
    // Opened by both: what stands under the name from now on cannot be deleted as a file.
    tokio::task::spawn_blocking(move || {
        let mut writer = std::fs::OpenOptions::new().write(true).open(&old).unwrap();
        std::fs::remove_file(&old).unwrap();
        std::fs::create_dir(&old).unwrap();
        std::io::Write::write_all(&mut writer, &content(1, 100)).unwrap();
    })
    .await
    .unwrap();
    moving.await.unwrap().unwrap();
    assert_eq!(read(&store, 1).await.unwrap(), content(1, 100));
    assert_eq!((store.place_of(1).unwrap().0, store.usage().used()), ("SSD".into(), 100));
}
