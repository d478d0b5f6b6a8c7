use alluxio_journal::{Existing, Uuid, store::mem::MemStore};
use alluxio_proto::journal::{JournalEntry, PathPropertiesEntry};

use super::*;
use crate::{block::BlockOptions, start::loopback};

/// One that nobody writes to confirms all the same; one whose disk is full does not.
#[tokio::test]
async fn a_leader_that_cannot_write_finds_out_in_time() {
    let root = tempfile::tempdir().unwrap();
    let conf = loopback(root.path());
    let store = MemStore::new();
    alluxio_journal::format(&store, Uuid::from_u128(5), Existing::Keep).await.unwrap();
    let (process, _servers) = Process::start(conf.clone(), None).await.unwrap();
    let understudy = Understudy::new(BlockOptions::from_conf(&conf));
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
