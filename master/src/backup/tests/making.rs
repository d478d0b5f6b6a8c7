//! When a backup is made, and what becomes of one that fails.

use std::time::Duration;

use alluxio_ufs::{
    Operation, UfsErrorKind,
    faults::{Fault, FaultyUfs},
};
use rand::RngCore as _;

use super::*;
use crate::{backup::spool::Spool, fs::PATIENCE};

const LIMIT: Duration = Duration::from_secs(60);

async fn wait_until(mut there: impl FnMut() -> bool) {
    let wait = async {
        while !there() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("it does not happen");
}

impl Rig {
    /// The files in the folder of backups; none before it is made.
    pub(super) fn backup_files(&self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.path("backups")) else { return Vec::new() };
        folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// The folder of backups in a store that can be made to fail.
    fn faulty(&self, namespace: &Namespace) -> (Place, FaultyUfs) {
        let folder = namespace
            .peek(|tree| RootStore::of(tree, &self.conf(None)))
            .unwrap()
            .place(&self.path("backups"), false)
            .unwrap();
        let faulty = FaultyUfs::new(folder.ufs);
        (Place { ufs: Arc::new(faulty.clone()), path: folder.path }, faulty)
    }
}

#[tokio::test]
async fn one_is_made_at_a_time_and_failures_are_remembered() {
    let rig = Rig::new();
    let namespace = rig.open(&Rig::formatted().await, None).await.unwrap();
    let backups = rig.backups(&namespace);
    let order = BackupOrder { in_background: true, ..BackupOrder::default() };
    let begun = meta::Backups::back_up(&backups, order.clone()).await.unwrap();
    assert!(begun.outcome.is_none());
    let error = meta::Backups::back_up(&backups, order).await.unwrap_err();
    assert!(error.message.contains(&begun.id), "{error}");
    let ended = async {
        while meta::Backups::status(&backups, &begun.id).unwrap().outcome.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), ended).await.unwrap();

    // A file is in the way of the folder.
    let folder = rig.path("in the way");
    std::fs::write(&folder, "").unwrap();
    let order = BackupOrder { folder: Some(folder), local: true, ..BackupOrder::default() };
    let failed = meta::Backups::back_up(&backups, order).await.unwrap();
    assert!(matches!(failed.outcome, Some(BackupOutcome::Failed(_))), "{failed:?}");
    let order = BackupOrder { folder: Some("relative".to_owned()), ..BackupOrder::default() };
    assert!(meta::Backups::back_up(&backups, order).await.is_err());
    assert!(meta::Backups::status(&backups, "other").is_none());
}

/// Nothing stays that looks like a backup.
#[tokio::test]
async fn a_backup_that_is_given_up_leaves_nothing() {
    let rig = Rig::new();
    let namespace = rig.open(&Rig::formatted().await, None).await.unwrap();
    // More than waits for the thread that compresses: the walk stands as long as that does.
    for part in 0..4 {
        put(
            &namespace,
            (1..900).map(|id| directory(part * 1_000 + id, 0, &format!("d{part}-{id}"))).collect(),
        )
        .await;
    }
    let checkpointer = Checkpointer::new(namespace.clone(), Every::NEVER, 0);
    let (folder, faulty) = rig.faulty(&namespace);
    let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
    let (go, may_go) = std::sync::mpsc::channel::<()>();
    let stand = move |_| {
        begun.send(()).ok();
        // Until the test lets go of the other end.
        may_go.recv().ok();
    };
    let temporary = rig.folder.path().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let mut writing = Box::pin(write(&namespace, &checkpointer, &folder, "b.gz", &temporary, stand));
    tokio::select! {
        _ = has_begun.recv() => {}
        ended = &mut writing => panic!("it ended: {ended:?}"),
    }
    drop(writing);
    drop(go);
    assert_eq!(rig.backup_files(), [""; 0], "it is not whole on this host yet");
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "a killed master would leave this");

    // On the way to the store.
    faulty.inject(Fault::delay(Operation::Write, LIMIT * 60));
    let mut writing = Box::pin(write(&namespace, &checkpointer, &folder, "b.gz", &temporary, |_| {}));
    tokio::select! {
        () = wait_until(|| !rig.backup_files().is_empty()) => {}
        ended = &mut writing => panic!("it ended: {ended:?}"),
    }
    drop(writing);
    wait_until(|| rig.backup_files().is_empty()).await;
    let stopping = rig.backups(&namespace);
    stopping.origin.stop.cancel();
    let status = meta::Backups::back_up(&stopping, BackupOrder::default()).await.unwrap();
    assert!(
        matches!(&status.outcome, Some(BackupOutcome::Failed(error)) if error.message.contains("stopping")),
        "{status:?}"
    );
    // The tree can be walked by the next.
    rig.back_up(&namespace).await;
}

#[tokio::test]
async fn a_walk_for_nobody_ends() {
    let rig = Rig::new();
    let spool = Spool::begin(rig.folder.path(), |_| {});
    let portions = spool.portions();
    drop(spool);
    let walk = async { while portions.send(Portion::Inodes(Vec::new())).await.is_ok() {} };
    tokio::time::timeout(LIMIT, walk).await.expect("it is taken for ever");
}

#[tokio::test]
async fn a_backup_that_fails_leaves_nothing() {
    let rig = Rig::new();
    let namespace = rig.open(&Rig::formatted().await, None).await.unwrap();
    let checkpointer = Checkpointer::new(namespace.clone(), Every::NEVER, 0);
    let (folder, faulty) = rig.faulty(&namespace);
    for fault in [
        Fault::fail(Operation::Write, UfsErrorKind::NoSpace),
        Fault::fail(Operation::Close, UfsErrorKind::Io),
        Fault::fail(Operation::Create, UfsErrorKind::Unavailable).on(".complete"),
    ] {
        faulty.inject(fault.clone());
        let made = write(&namespace, &checkpointer, &folder, "b.gz", rig.folder.path(), |_| {}).await;
        assert!(made.is_err(), "{fault:?}");
        wait_until(|| rig.backup_files().is_empty()).await;
        faulty.heal();
    }
    let nowhere = rig.folder.path().join("nowhere");
    let made = write(&namespace, &checkpointer, &folder, "b.gz", &nowhere, |_| {}).await.unwrap_err();
    assert!(matches!(made, BackupError::Spool(_)) && made.to_string().contains("alluxio.tmp.dirs"), "{made}");
    let defect = |_| panic!("a defect");
    let made =
        write(&namespace, &checkpointer, &folder, "b.gz", rig.folder.path(), defect).await.unwrap_err();
    assert!(matches!(made, BackupError::Panicked), "{made}");
    assert_eq!(rig.backup_files(), [""; 0]);
    write(&namespace, &checkpointer, &folder, "b.gz", rig.folder.path(), |_| {}).await.unwrap();
}

/// However long the store takes: what is kept for a walk, for which changes wait in the end, is kept no longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_do_not_wait_for_a_slow_store() {
    const KEPT: usize = 60 << 10;
    let rig = Rig::new();
    let namespace = rig.open(&Rig::formatted().await, None).await.unwrap();
    let numbered = |n: i64, attribute: Vec<u8>| {
        of_file(InodeFileEntry {
            x_attr: [("x".to_owned(), attribute)].into(),
            ..file(n, 0, &format!("f{n}"))
        })
    };
    // First what cannot be compressed: a store is given something before the walk is far.
    let random = || {
        let mut bytes = vec![0; KEPT];
        rand::rng().fill_bytes(&mut bytes);
        bytes
    };
    put(&namespace, (1..60).map(|n| numbered(n, random())).collect()).await;
    for part in 1..16 {
        put(&namespace, (100 * part..100 * part + 100).map(|n| numbered(n, vec![7; KEPT])).collect()).await;
    }
    let (folder, faulty) = rig.faulty(&namespace);
    faulty.inject(Fault::delay(Operation::Write, LIMIT * 60));
    let writing = tokio::spawn({
        let (namespace, temporary) = (namespace.clone(), rig.folder.path().to_owned());
        let checkpointer = Checkpointer::new(namespace.clone(), Every::NEVER, 0);
        async move { write(&namespace, &checkpointer, &folder, "b.gz", &temporary, |_| {}).await }
    });
    wait_until(|| !rig.backup_files().is_empty()).await;
    for part in 1..16 {
        let touch = |n| JournalEntry {
            update_inode: Some(UpdateInodeEntry {
                id: Some(alluxio_fs::ids::file_id(n)),
                last_modification_time_ms: Some(7),
                ..UpdateInodeEntry::default()
            }),
            ..none()
        };
        let changed = put(&namespace, (100 * part..100 * part + 100).map(touch).collect());
        // Less than the store is waited for.
        tokio::time::timeout(PATIENCE / 2, changed).await.expect("changes wait for the store");
    }
    assert!(!writing.is_finished());
    writing.abort();
}

#[tokio::test]
async fn an_order_that_is_repeated_is_carried_out_once() {
    let rig = Rig::new();
    let namespace = rig.open(&Rig::formatted().await, None).await.unwrap();
    let backups = rig.backups(&namespace);
    let order = BackupOrder { id: Some(Uuid::new_v4()), in_background: true, ..BackupOrder::default() };
    let first = meta::Backups::back_up(&backups, order.clone()).await.unwrap();
    let second = meta::Backups::back_up(&backups, order.clone()).await.unwrap();
    assert_eq!((first.id, second.id), (order.id.unwrap().to_string(), order.id.unwrap().to_string()));
    let waits = BackupOrder { in_background: false, ..order };
    let made = meta::Backups::back_up(&backups, waits.clone()).await.unwrap();
    assert!(matches!(made.outcome, Some(BackupOutcome::Made)), "{made:?}");
    assert_eq!(meta::Backups::back_up(&backups, waits).await.unwrap().uri, made.uri);
    assert_eq!(rig.backup_files().len(), 2);
    let gauge = |key| backups.origin.metrics.gauge(key).get();
    assert_eq!(gauge(keys::MASTER_LAST_BACKUP_ENTRIES_COUNT), i64::try_from(made.entries).unwrap());
}

#[tokio::test]
async fn who_leads_no_more_makes_none() {
    let rig = Rig::new();
    let namespace = rig.open(&Rig::formatted().await, None).await.unwrap();
    let backups = rig.backups(&namespace);
    rig.back_up(&namespace).await;
    let before = rig.backup_files().len();
    backups.origin.mandate.end();
    let failed = meta::Backups::back_up(&backups, BackupOrder::default()).await.unwrap();
    let Some(BackupOutcome::Failed(error)) = failed.outcome else { panic!("{failed:?}") };
    assert!(error.message.contains("does not lead any more"), "{error}");
    assert!(daily::drop_old(&backups, 0).await.is_err());
    assert_eq!(rig.backup_files().len(), before);
}

#[tokio::test]
async fn a_day_brings_one_and_takes_the_oldest() {
    let rig = Rig::new();
    let namespace = rig.open(&Rig::formatted().await, None).await.unwrap();
    let backups = rig.backups(&namespace);
    let folder = rig.folder.path().join("backups");
    std::fs::create_dir(&folder).unwrap();
    for name in [
        "alluxio-backup-2020-1-9-1000.gz",
        "alluxio-backup-2020-01-10-900.gz",
        "alluxio-backup-2021-01-10-2000.gz",
    ] {
        std::fs::write(folder.join(name), "").unwrap();
        std::fs::write(folder.join(format!("{name}.complete")), "").unwrap();
    }
    // One that was cut off, and one that may be in the making.
    std::fs::write(folder.join("alluxio-backup-2019-01-10-500.gz"), "").unwrap();
    std::fs::write(folder.join("alluxio-backup-2020-12-10-1500.gz"), "").unwrap();
    std::fs::write(folder.join("notes"), "").unwrap();
    daily::day(&backups, 2).await.unwrap();
    let mut left: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    let [unfinished, old, old_complete, new, new_complete, notes] = &left[..] else { panic!("{left:?}") };
    assert_eq!(unfinished, "alluxio-backup-2020-12-10-1500.gz");
    assert_eq!((&**old, &**notes), ("alluxio-backup-2021-01-10-2000.gz", "notes"));
    assert_eq!(*old_complete, format!("{old}.complete"));
    assert_eq!(*new_complete, format!("{new}.complete"));

    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    assert!(daily::day(&backups, 2).await.is_err());
}
