//! The store on a real file system.

use super::*;
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use std::{collections::HashSet, io::Read, path::Path, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// A leader that answers from two lists.
#[derive(Default)]
pub struct ListGate {
    pub keep: Mutex<HashSet<i64>>,
    pub not_persisted: Mutex<HashSet<i64>>,
    pub silent: Mutex<bool>,
    /// It takes so long to answer that nothing may follow from it.
    pub late: Mutex<bool>,
}

#[async_trait]
impl EvictionGate for ListGate {
    async fn may_evict(&self, blocks: &[i64]) -> Result<Verdict, GateError> {
        if *self.silent.lock() {
            return Err(GateError::NoAnswer("no leader".into()));
        }
        let valid = if *self.late.lock() { Duration::ZERO } else { Duration::from_secs(60) };
        let mut verdict = Verdict { good_until: Moment::now().after(valid), ..Verdict::default() };
        for block in blocks {
            if self.not_persisted.lock().contains(block) {
                verdict.not_persisted.insert(*block);
            } else if !self.keep.lock().contains(block) {
                verdict.evictable.insert(*block);
            }
        }
        Ok(verdict)
    }

    async fn is_persisted(&self, block: i64) -> bool {
        !self.not_persisted.lock().contains(&block)
    }
}

pub(crate) fn tier(alias: &str, dirs: &[(&Path, u64)]) -> TierSpec {
    let dirs = dirs.iter().map(|(path, quota)| DirSpec {
        path: path.to_path_buf(),
        medium: alias.into(),
        quota: *quota,
    });
    TierSpec { alias: alias.into(), high_watermark: 0.95, low_watermark: 0.7, dirs: dirs.collect() }
}

fn open(home: &Path, quota: u64, gate: Arc<ListGate>) -> BlockStore {
    let layout = Layout::new(vec![tier("MEM", &[(home, quota)])]);
    let options = StoreOptions { free_space_timeout: Duration::from_millis(500), ..StoreOptions::default() };
    BlockStore::open(layout, options, gate).unwrap()
}

pub(crate) async fn write(store: &BlockStore, block: i64, data: &[u8]) -> Result<(), StoreError> {
    let mut temp = store.create(block, &Place::tier(0), 0).await?;
    for chunk in data.chunks(1000) {
        temp.append(Bytes::copy_from_slice(chunk)).await?;
    }
    temp.commit(true, false).await?;
    store.confirm(block);
    Ok(())
}

pub(super) async fn read(store: &BlockStore, block: i64) -> Option<Vec<u8>> {
    let lease = store.lease(block)?;
    let mut file = lease.open().await.unwrap();
    let mut data = Vec::new();
    file.read_to_end(&mut data).unwrap();
    Some(data)
}

pub(super) fn content(block: i64, length: usize) -> Vec<u8> {
    vec![(block % 251) as u8; length]
}

pub(super) fn files(home: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(home.join("alluxioworker")).unwrap();
    let mut names: Vec<_> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| !n.starts_with('.'))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn written_blocks_are_read_and_survive_a_restart_unfinished_ones_do_not() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path(), 100_000, Arc::default());
    write(&store, 1, &content(1, 5000)).await.unwrap();
    let mut unfinished = store.create(2, &Place::anywhere(), 100).await.unwrap();
    unfinished.append(Bytes::from_static(b"half")).await.unwrap();
    let temp = unfinished.path().to_owned();
    assert!(temp.exists());
    std::mem::forget(unfinished); // as a kill -9 would
    drop(store);

    let store = open(home.path(), 100_000, Arc::default());
    assert!(!temp.exists());
    assert_eq!(read(&store, 1).await.unwrap(), content(1, 5000));
    assert!(store.lease(2).is_none());
    assert_eq!(store.usage().used(), 5000);
}

#[tokio::test]
async fn a_dropped_writer_gives_its_room_back() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path(), 1000, Arc::default());
    let temp = store.create(1, &Place::anywhere(), 1000).await.unwrap();
    let path = temp.path().to_owned();
    drop(temp);
    write(&store, 2, &content(2, 1000)).await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn the_least_recently_used_block_leaves_first() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path(), 3000, Arc::default());
    for block in 1..=3 {
        write(&store, block, &content(block, 1000)).await.unwrap();
    }
    read(&store, 1).await.unwrap();
    write(&store, 4, &content(4, 1000)).await.unwrap();
    assert_eq!(files(home.path()), ["1", "3", "4"]);
    assert!(store.lease(2).is_none());
}

#[tokio::test]
async fn what_the_leader_keeps_stays_and_the_writer_hears_why() {
    let home = tempfile::tempdir().unwrap();
    let gate = Arc::new(ListGate::default());
    let store = open(home.path(), 1000, gate.clone());
    write(&store, 1, &content(1, 1000)).await.unwrap();
    gate.keep.lock().insert(1);
    let error = write(&store, 2, &content(2, 10)).await.unwrap_err().to_string();
    assert!(error.starts_with("Not enough space left on worker"), "{error}");

    gate.keep.lock().clear();
    *gate.silent.lock() = true;
    let error = write(&store, 2, &content(2, 10)).await.unwrap_err().to_string();
    assert!(error.contains("no leader"), "{error}");
    assert_eq!(read(&store, 1).await.unwrap().len(), 1000);

    *gate.silent.lock() = false;
    *gate.late.lock() = true;
    write(&store, 2, &content(2, 10)).await.unwrap_err();
    assert_eq!(read(&store, 1).await.unwrap().len(), 1000, "the answer had run out");

    *gate.late.lock() = false;
    write(&store, 2, &content(2, 10)).await.unwrap();
    assert!(store.lease(1).is_none());
}

#[tokio::test]
async fn blocks_only_in_alluxio_leave_last() {
    let home = tempfile::tempdir().unwrap();
    let gate = Arc::new(ListGate::default());
    let store = open(home.path(), 2000, gate.clone());
    gate.not_persisted.lock().extend([1]);
    write(&store, 1, &content(1, 1000)).await.unwrap();
    write(&store, 2, &content(2, 1000)).await.unwrap();
    write(&store, 3, &content(3, 1000)).await.unwrap();
    assert_eq!(files(home.path()), ["1", "3"], "the colder one is not persisted");
    gate.keep.lock().insert(3);
    write(&store, 4, &content(4, 1000)).await.unwrap();
    assert_eq!(files(home.path()), ["3", "4"]);
}

#[tokio::test]
async fn room_that_another_one_is_just_making_is_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path(), 1000, Arc::default());
    write(&store, 1, &content(1, 1000)).await.unwrap();
    store.remove(1).unwrap();
    // As the keeper does at its tick.
    let taken = store.catalog().take_doomed(1);
    let writer = tokio::spawn({
        let store = store.clone();
        async move { write(&store, 2, &content(2, 1000)).await.map(drop) }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!writer.is_finished(), "{:?}", writer.await);
    taken.iter().for_each(|doomed| store.delete(doomed));
    writer.await.unwrap().unwrap();
    assert_eq!(files(home.path()), ["2"]);
}

#[tokio::test]
async fn a_removed_block_is_read_to_its_end() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path(), 10_000, Arc::default());
    write(&store, 1, &content(1, 1000)).await.unwrap();
    let lease = store.lease(1).unwrap();
    store.remove(1).unwrap();
    assert!(store.lease(1).is_none());
    store.bury().await;
    assert_eq!(lease.open().await.unwrap().metadata().unwrap().len(), 1000);
    drop(lease);
    store.bury().await;
    assert!(files(home.path()).is_empty());
    assert_eq!(store.usage().used(), 0);
}

#[tokio::test]
async fn a_truncated_block_file_is_dropped_not_served() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path(), 10_000, Arc::default());
    write(&store, 1, &content(1, 1000)).await.unwrap();
    std::fs::write(home.path().join("alluxioworker/1"), "short").unwrap();
    let lease = store.lease(1).unwrap();
    assert!(matches!(lease.open().await, Err(StoreError::WrongLength { .. })));
    drop(lease);
    assert!(store.lease(1).is_none());
}

#[tokio::test]
async fn a_failed_folder_is_lost_storage_not_a_crash() {
    let (good, bad) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let broken = bad.path().join("file");
    std::fs::write(&broken, "").unwrap();
    let layout = Layout::new(vec![tier("SSD", &[(good.path(), 1000), (&broken, 1000)])]);
    let store = BlockStore::open(layout, StoreOptions::default(), Arc::<ListGate>::default()).unwrap();
    let usage = store.usage();
    assert_eq!(usage.capacity(), 1000);
    assert_eq!(usage.lost["SSD"], vec![broken.display().to_string()]);
    write(&store, 1, &content(1, 500)).await.unwrap();

    // And one that fails while in use.
    let listener = store.listen();
    std::fs::remove_dir_all(good.path()).unwrap();
    assert!(store.create(2, &Place::anywhere(), 10).await.is_ok(), "the folder is made again");
    std::fs::remove_dir_all(good.path()).unwrap();
    store.examine(DirId(0));
    assert_eq!(store.delta(listener, 10).unwrap().removed, vec![1]);
    assert_eq!(store.usage().lost["SSD"].len(), 2);
}

#[tokio::test]
async fn all_folders_unusable_is_a_clear_error() {
    let home = tempfile::tempdir().unwrap();
    let broken = home.path().join("file");
    std::fs::write(&broken, "").unwrap();
    let layout = Layout::new(vec![tier("MEM", &[(&broken, 1000)])]);
    let result = BlockStore::open(layout, StoreOptions::default(), Arc::<ListGate>::default());
    let error = result.err().unwrap().to_string();
    assert!(error.contains("create the storage folder") && error.contains("file"), "{error}");
}

#[tokio::test]
async fn blocks_move_between_tiers_but_not_under_a_reader() {
    let (mem, ssd) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let layout = Layout::new(vec![tier("MEM", &[(mem.path(), 1000)]), tier("SSD", &[(ssd.path(), 5000)])]);
    let store = BlockStore::open(layout, StoreOptions::default(), Arc::<ListGate>::default()).unwrap();
    write(&store, 1, &content(1, 900)).await.unwrap();
    let lease = store.lease(1).unwrap();
    assert!(matches!(store.relocate(1, &Place::medium("SSD"), true).await, Err(StoreError::InUse(1))));
    assert!(lease.path().starts_with(mem.path()) && lease.path().exists());
    drop(lease);
    store.relocate(1, &Place::medium("SSD"), true).await.unwrap();
    assert!(files(mem.path()).is_empty());
    assert_eq!(store.place_of(1).unwrap(), ("SSD".into(), "SSD".into(), 900));
    assert_eq!(read(&store, 1).await.unwrap(), content(1, 900));
    // Promoting evicts for it.
    write(&store, 2, &content(2, 900)).await.unwrap();
    store.promote(1).await;
    assert_eq!(store.place_of(1).unwrap().0, "MEM");
    assert!(store.lease(2).is_none());
    assert_eq!(store.usage().used(), 900);
}

#[tokio::test]
async fn the_keeper_demotes_above_the_high_watermark() {
    let (mem, ssd) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let layout = Layout::new(vec![tier("MEM", &[(mem.path(), 1000)]), tier("SSD", &[(ssd.path(), 5000)])]);
    let store = BlockStore::open(layout, StoreOptions::default(), Arc::<ListGate>::default()).unwrap();
    for block in 1..=4 {
        write(&store, block, &content(block, 245)).await.unwrap();
    }
    let stop = CancellationToken::new();
    let keeper = tokio::spawn(store.clone().keep(true, stop.clone()));
    tokio::time::timeout(Duration::from_secs(5), async {
        while files(mem.path()).len() > 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    stop.cancel();
    keeper.await.unwrap();
    assert_eq!(files(ssd.path()), ["1", "2"], "the coldest go down");
}

#[tokio::test]
async fn blocks_no_master_knew_are_quarantined_and_come_back_with_a_registration() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path(), 3000, Arc::default());
    write(&store, 1, &content(1, 1000)).await.unwrap();
    drop(store);
    let store = open(home.path(), 3000, Arc::default());
    write(&store, 2, &content(2, 1000)).await.unwrap();
    store.free(vec![1, 2, 77], true).await;
    store.bury().await;
    assert!(files(home.path()).is_empty());
    assert_eq!(store.usage().used(), 0);
    store.restore_quarantined().await;
    assert_eq!(files(home.path()), ["1"], "2 was known to the master: it is gone");
    assert_eq!(read(&store, 1).await.unwrap(), content(1, 1000));

    // The quarantine survives a restart and makes room when it is wanted.
    drop(store);
    let store = open(home.path(), 3000, Arc::default());
    store.free(vec![1], true).await;
    drop(store);
    let store = open(home.path(), 3000, Arc::default());
    write(&store, 3, &content(3, 3000)).await.unwrap();
    store.restore_quarantined().await;
    assert_eq!(files(home.path()), ["3"]);

    // Without doubt there is no quarantine.
    drop(store);
    let store = open(home.path(), 3000, Arc::default());
    store.free(vec![3], false).await;
    store.restore_quarantined().await;
    assert!(store.block_ids().is_empty());
}

#[tokio::test]
async fn a_cached_copy_that_was_not_synced_does_not_outlive_the_power() {
    let ssd = tempfile::tempdir().unwrap();
    let open = || {
        let layout = Layout::new(vec![tier("SSD", &[(ssd.path(), 5000)])]);
        BlockStore::open(layout, StoreOptions::default(), Arc::<ListGate>::default()).unwrap()
    };
    let reboot = || std::fs::write(ssd.path().join("alluxioworker/.boot"), "an earlier boot").unwrap();
    let store = open();
    write(&store, 1, &content(1, 100)).await.unwrap();
    for block in [2, 3] {
        let mut temp = store.create(block, &Place::anywhere(), 100).await.unwrap();
        temp.append(Bytes::from(content(block, 100))).await.unwrap();
        temp.commit(false, false).await.unwrap();
        store.confirm(block);
        if block == 2 {
            store.sync_some().unwrap();
        }
    }
    drop(store);
    let store = open();
    assert_eq!(files(ssd.path()), ["1", "2", "3"], "the worker alone was restarted");
    drop(store);
    reboot();
    let store = open();
    assert_eq!(files(ssd.path()), ["1", "2"]);
    assert_eq!(store.usage().used(), 200);
}

#[tokio::test]
async fn a_memory_tier_on_a_disk_serves_nothing_cut_short_by_the_power() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path(), 10_000, Arc::default());
    write(&store, 1, &content(1, 100)).await.unwrap();
    store.sync_some().unwrap();
    write(&store, 2, &content(2, 100)).await.unwrap();
    drop(store);
    // As after a crash of the machine: the name is there, the data only half.
    let path = home.path().join("alluxioworker/2");
    std::fs::File::options().write(true).open(&path).unwrap().set_len(50).unwrap();
    std::fs::write(home.path().join("alluxioworker/.boot"), "an earlier boot").unwrap();
    let store = open(home.path(), 10_000, Arc::default());
    assert_eq!(files(home.path()), ["1"]);
    assert_eq!(read(&store, 1).await.unwrap(), content(1, 100));
}

#[tokio::test]
async fn syncing_a_block_is_no_access_to_it() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path(), 2000, Arc::default());
    write(&store, 1, &content(1, 1000)).await.unwrap();
    write(&store, 2, &content(2, 1000)).await.unwrap();
    read(&store, 1).await.unwrap();
    store.sync_some().unwrap();
    write(&store, 3, &content(3, 1000)).await.unwrap();
    assert_eq!(files(home.path()), ["1", "3"]);
}

#[tokio::test]
async fn a_store_that_lost_all_folders_is_full_not_wrongly_asked() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path(), 2000, Arc::default());
    std::fs::remove_dir_all(home.path()).unwrap();
    store.examine(DirId(0));
    let error = store.create(1, &Place::tier(0), 10).await.err().unwrap();
    assert!(matches!(error, StoreError::NoSpace { .. }), "{error}");
}

#[tokio::test]
async fn moving_down_does_not_wait_for_the_turn_of_an_eviction() {
    let (mem, ssd) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let layout = Layout::new(vec![tier("MEM", &[(mem.path(), 1000)]), tier("SSD", &[(ssd.path(), 5000)])]);
    let store = BlockStore::open(layout, StoreOptions::default(), Arc::<ListGate>::default()).unwrap();
    write(&store, 1, &content(1, 990)).await.unwrap();
    let _turn = store.inner.eviction_turn.acquire().await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(5), store.keep_room()).await.unwrap());
    assert_eq!(files(ssd.path()), ["1"]);
}

#[tokio::test]
async fn a_quarantine_that_fails_forgets_no_block() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path(), 3000, Arc::default());
    for block in 1..=2 {
        write(&store, block, &content(block, 1000)).await.unwrap();
    }
    drop(store);
    let store = open(home.path(), 3000, Arc::default());
    // No folder can be made there.
    std::fs::write(home.path().join("alluxioworker/.quarantine"), "").unwrap();
    store.free(vec![1, 2], true).await;
    assert!(store.block_ids().is_empty());
    assert_eq!(store.usage().used(), 0);
    write(&store, 1, &content(1, 1000)).await.unwrap();
}

/// Many writers, readers and removers on a store far too small for all their blocks: the quota holds,
/// nobody reads a wrong or short block, and what is left is whole after a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_of_writers_readers_and_removals() {
    const LENGTH: usize = 3000;
    const QUOTA: u64 = 20 * LENGTH as u64;
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path(), QUOTA, Arc::default());
    let stop = CancellationToken::new();
    let keeper = tokio::spawn(store.clone().keep(true, stop.clone()));
    let mut tasks = Vec::new();
    for worker in 0..6_i64 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let mut reads = 0;
            for round in 0..400_i64 {
                let block = (worker * 31 + round * 17) % 40 + 1;
                match round % 3 {
                    0 => match write(&store, block, &content(block, LENGTH)).await {
                        Ok(())
                        | Err(StoreError::AlreadyExists(_))
                        | Err(StoreError::BeingWritten(_))
                        | Err(StoreError::NoSpace { .. }) => {}
                        Err(error) => panic!("{error}"),
                    },
                    1 => {
                        if let Some(data) = read(&store, block).await {
                            assert_eq!(data, content(block, LENGTH));
                            reads += 1;
                        }
                    }
                    _ if round % 9 == 2 => {
                        let _ = store.remove(block);
                    }
                    _ => {}
                }
                assert!(store.usage().used() <= QUOTA);
            }
            reads
        }));
    }
    let mut reads = 0;
    for task in tasks {
        reads += task.await.unwrap();
    }
    assert!(reads > 0);
    stop.cancel();
    keeper.await.unwrap();
    let held = store.block_ids().len();
    assert_eq!(store.usage().used(), (held * LENGTH) as u64);
    drop(store);
    let store = open(home.path(), QUOTA, Arc::default());
    assert_eq!(store.block_ids().len(), held);
    for block in store.block_ids() {
        assert_eq!(read(&store, block).await.unwrap(), content(block, LENGTH));
    }
}
