use alluxio_conf::Configuration;
use alluxio_fs::AlluxioPath;
use alluxio_journal::{Existing, Uuid, store::mem::MemStore};
use alluxio_proto::journal::{JournalEntry, PathPropertiesEntry};
use alluxio_rpc::Caller;
use alluxio_telemetry::metrics::key as metrics;

use super::*;
use crate::{
    meta::{BackupOrder, BackupOutcome, Backups as _},
    start::loopback,
};

async fn open(conf: Configuration) -> Serving {
    let store = MemStore::new();
    alluxio_journal::format(&store, Uuid::from_u128(5), Existing::Keep).await.unwrap();
    let (process, _servers) = Process::start(conf, None).await.unwrap();
    let understudy = Understudy::new(process.block_options());
    Serving::open(process, Arc::new(store), &mut None, &understudy, Mandate::sole()).await.unwrap()
}

impl Serving {
    async fn length(&self, path: &str) -> i64 {
        let user = alluxio_rpc::login_user(&self.process.conf);
        let caller = Caller { user: user.clone(), connection_user: user };
        let subject = self.parts.fs.subject(&caller).await.unwrap();
        let path = AlluxioPath::parse(path).unwrap();
        self.parts.fs.get_status(&subject, &path, &Default::default()).await.unwrap().length()
    }
}

/// Between the backup and the start others have written there.
#[tokio::test]
async fn after_a_start_from_a_backup_the_under_storage_is_compared_once() {
    let (root, backups) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = root.path().join("f");
    std::fs::write(&file, "one").unwrap();
    let first = open(loopback(root.path())).await;
    assert_eq!(first.length("/f").await, 3);
    let folder = Some(backups.path().display().to_string());
    let order = BackupOrder { folder, local: true, ..BackupOrder::default() };
    let made = first.parts.backups.back_up(order).await.unwrap();
    assert!(matches!(made.outcome, Some(BackupOutcome::Made)), "{made:?}");
    std::fs::write(&file, "three").unwrap();
    assert_eq!(first.length("/f").await, 3, "nobody asks for a comparison");
    for (sync, length) in [("false", 3), ("true", 5)] {
        let from_backup = [
            ("alluxio.master.journal.init.from.backup", &*made.uri),
            ("alluxio.master.journal.sync.root.after.init.from.backup", sync),
        ];
        let second = open(loopback(root.path()).with(&from_backup).unwrap()).await;
        assert_eq!(second.length("/f").await, length, "{sync}");
        let gauge = |key| second.process.metrics.gauge(key).get();
        assert_eq!(gauge(metrics::MASTER_LAST_BACKUP_RESTORE_COUNT), i64::try_from(made.entries).unwrap());
        assert!(gauge(metrics::MASTER_LAST_BACKUP_RESTORE_TIME_MS) >= 0);
        assert_eq!(gauge(metrics::MASTER_LAST_BACKUP_ENTRIES_COUNT), -1, "none was made here");
    }
}

/// One that nobody writes to confirms all the same; one whose disk is full does not.
#[tokio::test]
async fn a_leader_that_cannot_write_finds_out_in_time() {
    let root = tempfile::tempdir().unwrap();
    let conf = loopback(root.path());
    let store = MemStore::new();
    alluxio_journal::format(&store, Uuid::from_u128(5), Existing::Keep).await.unwrap();
    let (process, _servers) = Process::start(conf.clone(), None).await.unwrap();
    let understudy = Understudy::new(process.block_options());
    let store_of = Arc::new(store.clone());
    let serving = Serving::open(process, store_of, &mut None, &understudy, Mandate::sole()).await.unwrap();
    let limit = Duration::from_millis(800);
    assert!(timeout(limit * 2, serving.cut_off(limit)).await.is_err(), "the store confirms");
    store.faults(|faults| faults.full = true);
    let change = serving.namespace.mutate(&[], None, |_, draft| {
        let properties = PathPropertiesEntry { path: Some("/a".to_owned()), ..Default::default() };
        draft.push(JournalEntry { path_properties: Some(properties), ..JournalEntry::default() });
        Ok(())
    });
    let (changed, reason) = tokio::join!(change, timeout(limit * 20, serving.cut_off(limit)));
    assert!(changed.is_err(), "it was written");
    let reason = reason.expect("it is found out");
    assert!(reason.contains("confirmed nothing"), "{reason}");
}
