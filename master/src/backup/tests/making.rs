//! When a backup is made, and what becomes of one that fails.

use super::*;

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
    // More than waits for the thread that writes: the walk stands as long as that does.
    for part in 0..4 {
        put(
            &namespace,
            (1..900).map(|id| directory(part * 1_000 + id, 0, &format!("d{part}-{id}"))).collect(),
        )
        .await;
    }
    let checkpointer = Checkpointer::new(namespace.clone(), Every::NEVER, 0);
    let folder = namespace
        .peek(|tree| RootStore::of(tree, &rig.conf(None)))
        .unwrap()
        .place(&rig.path("backups"), false)
        .unwrap();
    let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
    let (go, may_go) = std::sync::mpsc::channel::<()>();
    let stand = move |_| {
        begun.send(()).ok();
        // Until the test lets go of the other end.
        may_go.recv().ok();
    };
    let temporary = rig.folder.path().to_owned();
    let mut writing = Box::pin(write(&namespace, &checkpointer, &folder, "b.gz", &temporary, stand));
    tokio::select! {
        _ = has_begun.recv() => {}
        ended = &mut writing => panic!("it ended: {ended:?}"),
    }
    let files = || std::fs::read_dir(rig.path("backups")).unwrap().count();
    assert_eq!(files(), 1, "nothing is being written");
    drop(writing);
    drop(go);
    let gone = async {
        while files() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), gone).await.unwrap();
    let stopping = rig.backups(&namespace);
    stopping.stop.cancel();
    let status = meta::Backups::back_up(&stopping, BackupOrder::default()).await.unwrap();
    assert!(
        matches!(&status.outcome, Some(BackupOutcome::Failed(error)) if error.message.contains("stopping")),
        "{status:?}"
    );
    // The tree can be walked by the next.
    rig.back_up(&namespace).await;
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
    std::fs::write(folder.join("notes"), "").unwrap();
    daily::day(&backups, 2).await.unwrap();
    let mut left: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    let [old, old_complete, new, new_complete, notes] = &left[..] else { panic!("{left:?}") };
    assert_eq!((&**old, &**notes), ("alluxio-backup-2021-01-10-2000.gz", "notes"));
    assert_eq!(*old_complete, format!("{old}.complete"));
    assert_eq!(*new_complete, format!("{new}.complete"));

    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    assert!(daily::day(&backups, 2).await.is_err());
}
