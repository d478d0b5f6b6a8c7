//! Who makes a backup where there are standbys.

use std::time::Duration;

use alluxio_fs::ErrorKind;
use alluxio_proto::own::DelegatedStatus;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;

use super::*;
use crate::backup::delegates::{Errand, carry};

const HA: &[(&str, &str)] = &[
    ("alluxio.zookeeper.enabled", "true"),
    ("alluxio.zookeeper.address", "localhost:2181"),
    ("alluxio.master.backup.abandon.timeout", "200ms"),
    ("alluxio.master.backup.transport.timeout", "200ms"),
];
const LIMIT: Duration = Duration::from_secs(30);

fn status(of: &Errand) -> DelegatedStatus {
    DelegatedStatus { backup_id: of.backup.id.clone(), ..DelegatedStatus::default() }
}

async fn failure(backups: &Arc<Backups>) -> FsError {
    let status = meta::Backups::back_up(backups, BackupOrder::default()).await.unwrap();
    let Some(BackupOutcome::Failed(error)) = status.outcome else { panic!("{status:?}") };
    error
}

#[tokio::test]
async fn without_a_standby_the_leader_makes_it_if_it_may() {
    let rig = Rig::new();
    let namespace = rig.open(&Rig::formatted().await, None).await.unwrap();
    let backups = rig.backups_with(&namespace, HA);
    let error = meta::Backups::back_up(&backups, BackupOrder::default()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::FailedPrecondition);
    assert!(error.message.starts_with("No master found to delegate backup."), "{error}");
    for order in [
        BackupOrder { allow_leader: true, ..BackupOrder::default() },
        BackupOrder { bypass_delegation: true, ..BackupOrder::default() },
    ] {
        let made = meta::Backups::back_up(&backups, order).await.unwrap();
        assert!(matches!(made.outcome, Some(BackupOutcome::Made)) && made.host == "m1", "{made:?}");
    }
    let never = [HA, &[("alluxio.master.backup.delegation.enabled", "false")]].concat();
    let backups = rig.backups_with(&namespace, &never);
    let made = meta::Backups::back_up(&backups, BackupOrder::default()).await.unwrap();
    assert!(matches!(made.outcome, Some(BackupOutcome::Made)), "{made:?}");
}

#[tokio::test]
async fn the_first_standby_that_can_makes_it() {
    let rig = Rig::new();
    let namespace = rig.open(&Rig::formatted().await, None).await.unwrap();
    let backups = rig.backups_with(&namespace, HA);
    let delegates = backups.delegates();
    // One is gone, one does not answer, one cannot.
    let (_gone, _) = delegates.add("gone".to_owned()).unwrap();
    let (_silent, mut silent) = delegates.add("silent".to_owned()).unwrap();
    let (_unable, mut unable) = delegates.add("unable".to_owned()).unwrap();
    let (_able, mut able) = delegates.add("able".to_owned()).unwrap();
    let standbys = async {
        let unheard = silent.recv().await.unwrap();
        let errand = unable.recv().await.unwrap();
        let refusal = DelegatedStatus { error: Some("it is too tired".to_owned()), ..status(&errand) };
        errand.heard.send(refusal).await.unwrap();
        let errand = able.recv().await.unwrap();
        assert_eq!(errand.backup.sequence(), namespace.journal().durable());
        assert_eq!((errand.backup.folder(), errand.backup.local()), (&*rig.path("backups"), false));
        let made = DelegatedStatus { uri: Some("/x.gz".to_owned()), entries: Some(9), ..status(&errand) };
        errand.heard.send(status(&errand)).await.unwrap();
        errand.heard.send(made).await.unwrap();
        drop(unheard);
    };
    let order = meta::Backups::back_up(&backups, BackupOrder::default());
    let (made, ()) = tokio::join!(order, standbys);
    let made = made.unwrap();
    assert!(matches!(made.outcome, Some(BackupOutcome::Made)), "{made:?}");
    assert_eq!((&*made.host, &*made.uri, made.entries), ("able", "/x.gz", 9));
}

#[tokio::test]
async fn a_standby_that_fails_dies_or_falls_silent_ends_the_backup() {
    let rig = Rig::new();
    let namespace = rig.open(&Rig::formatted().await, None).await.unwrap();
    let backups = rig.backups_with(&namespace, HA);
    let delegates = backups.delegates();
    let (registered, mut errands) = delegates.add("s".to_owned()).unwrap();
    let (kept, mut not_dropped) = mpsc::channel(9);
    let standby = tokio::spawn(async move {
        let errand: Errand = errands.recv().await.unwrap();
        errand.heard.send(status(&errand)).await.unwrap();
        let failed = DelegatedStatus { error: Some("its disk is full".to_owned()), ..status(&errand) };
        errand.heard.send(failed).await.unwrap();
        let errand = errands.recv().await.unwrap();
        errand.heard.send(status(&errand)).await.unwrap();
        drop(errand);
        let errand = errands.recv().await.unwrap();
        errand.heard.send(status(&errand)).await.unwrap();
        kept.send(errand).await.ok();
    });
    for (kind, told) in [
        (ErrorKind::Unknown, "its disk is full"),
        (ErrorKind::Aborted, "is gone"),
        (ErrorKind::Aborted, "has said nothing"),
    ] {
        let error = failure(&backups).await;
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(told), "{error}");
    }
    assert!(not_dropped.try_recv().is_ok());
    standby.await.unwrap();
    assert_eq!(failure(&backups).await.kind, ErrorKind::FailedPrecondition, "nobody takes it any more");
    drop(registered);
    assert!(delegates.offers().is_empty());
}

#[tokio::test]
async fn the_leader_makes_what_no_standby_makes_if_it_may() {
    let rig = Rig::new();
    let namespace = rig.open(&Rig::formatted().await, None).await.unwrap();
    let backups = rig.backups_with(&namespace, HA);
    let delegates = backups.delegates();
    let (_gone, _) = delegates.add("gone".to_owned()).unwrap();
    let (_silent, mut silent) = delegates.add("silent".to_owned()).unwrap();
    let unheard = tokio::spawn(async move { (silent.recv().await, silent.recv().await) });
    let error = failure(&backups).await;
    assert_eq!(error.kind, ErrorKind::FailedPrecondition);
    for told in ["gone: it is busy, or gone", "silent: it has not answered within 200ms"] {
        assert!(error.message.contains(told), "{error}");
    }
    let order = BackupOrder { allow_leader: true, ..BackupOrder::default() };
    let made = meta::Backups::back_up(&backups, order).await.unwrap();
    assert!(matches!(made.outcome, Some(BackupOutcome::Made)) && made.host == "m1", "{made:?}");
    let (first, second) = unheard.await.unwrap();
    assert!(first.is_some() && second.is_some(), "it is asked each time");
}

/// Whoever makes it for nobody would make it to its end, beside the next one.
#[tokio::test]
async fn a_standby_is_told_that_nobody_waits_for_the_backup() {
    let rig = Rig::new();
    let namespace = rig.open(&Rig::formatted().await, None).await.unwrap();
    let backups = rig.backups_with(&namespace, HA);
    let delegates = backups.delegates();
    let (registered, errands) = delegates.add("s".to_owned()).unwrap();
    let (orders, mut ordered) = mpsc::channel(1);
    let (say, said) = mpsc::channel(1);
    let carried = tokio::spawn(carry(registered, errands, orders, ReceiverStream::new(said)));
    let standby = async {
        let backup = ordered.recv().await.unwrap();
        say.send(Ok(DelegatedStatus { backup_id: backup.id, ..DelegatedStatus::default() })).await.unwrap();
        // It is at work, and says nothing any more.
        timeout(LIMIT, ordered.recv()).await.expect("its offer stands")
    };
    let (error, next) = tokio::join!(failure(&backups), standby);
    assert!(error.message.contains("has said nothing"), "{error}");
    assert!(next.is_none(), "another order");
    carried.await.unwrap();
    assert!(delegates.offers().is_empty());
}

/// Old ones are dropped where the leader is, so they have to be there.
#[tokio::test]
async fn a_daily_backup_on_a_hosts_own_disk_is_the_leaders() {
    let rig = Rig::new();
    let namespace = rig.open(&Rig::formatted().await, None).await.unwrap();
    let backups = rig.backups_with(&namespace, HA);
    let (_registered, mut errands) = backups.delegates().add("s".to_owned()).unwrap();
    for _ in 0..3 {
        daily::day(&backups, 1).await.unwrap();
    }
    assert!(errands.try_recv().is_err(), "a standby is to make it");
    assert_eq!(rig.backup_files().len(), 2, "one, and its mark");
}
