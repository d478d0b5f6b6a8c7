use alluxio_conf::Configuration;
use alluxio_fs::ids;
use alluxio_journal::{
    Existing, Uuid,
    store::{Store, mem::MemStore},
};
use alluxio_proto::{journal::InodeFileEntry, meta::Inode};
use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::tree::TreeHash;

async fn open(root: &TempDir, store: &MemStore) -> Result<Namespace, StartError> {
    let root = root.path().display().to_string();
    let conf =
        Configuration::defaults().with(&[("alluxio.master.mount.table.root.ufs", root.as_str())]).unwrap();
    let store: Arc<dyn Store> = Arc::new(store.clone());
    crate::start::open_namespace(&conf, store).await
}

/// A cluster with a file.
async fn with_a_file(root: &TempDir, store: &MemStore) -> Namespace {
    alluxio_journal::format(store, Uuid::from_u128(5), Existing::Keep).await.unwrap();
    let namespace = open(root, store).await.unwrap();
    namespace
        .mutate(&[], None, |_, draft| {
            draft.push(JournalEntry {
                inode_file: Some(InodeFileEntry {
                    id: Some(ids::file_id(1)),
                    parent_id: Some(ids::ROOT_ID),
                    name: Some("f".to_owned()),
                    ..InodeFileEntry::default()
                }),
                ..JournalEntry::default()
            });
            Ok(())
        })
        .await
        .unwrap();
    namespace
}

/// A checkpoint whose inodes are stored as `earlier` leaves them, by a program whose hash differs by `unknown`
/// from that of what we know.
async fn checkpoint(namespace: Namespace, earlier: fn(Inode) -> Inode, unknown: u64) {
    let (position, tables) =
        namespace.snapshot_step(|tree, position| (position, tree.begin_snapshot().unwrap()));
    let mut writer = namespace.journal().checkpoint_writer(position).await.unwrap();
    let mut hash = TreeHash::default();
    for tables in tables.messages(1) {
        hash.add_tables(tables.clone());
        let chunk = CheckpointChunk { tables: Some(tables), inodes: Vec::new() };
        writer.write(chunk.encode_to_vec().into()).await.unwrap();
    }
    while let Some(inodes) = namespace.snapshot_step(|tree, _| tree.continue_snapshot(10)) {
        let inodes: Vec<_> = inodes.into_messages().map(earlier).collect();
        inodes.iter().for_each(|inode| hash.add_inode(inode));
        let chunk = CheckpointChunk { tables: None, inodes };
        writer.write(chunk.encode_to_vec().into()).await.unwrap();
    }
    writer.finish(hash.get().wrapping_add(unknown), Bytes::new()).await.unwrap();
    namespace.journal().shutdown().await.unwrap();
}

/// As if times of persisting and durable replicas had been added to the schema since.
#[tokio::test]
async fn a_checkpoint_from_before_a_field_was_added_is_read() {
    let (root, store) = (tempfile::tempdir().unwrap(), MemStore::new());
    let namespace = with_a_file(&root, &store).await;
    let before = namespace.peek(|tree| tree.hash());
    let earlier = |inode| Inode { should_persist_time: None, replication_durable: None, ..inode };
    checkpoint(namespace, earlier, 0).await;
    let namespace = open(&root, &store).await.unwrap();
    assert_eq!(namespace.peek(|tree| tree.hash()), before, "missing fields have their defaults");
    // One of today's version after it.
    checkpoint(namespace, |inode| inode, 0).await;
    assert_eq!(open(&root, &store).await.unwrap().peek(|tree| tree.hash()), before);
}

#[tokio::test]
async fn a_checkpoint_with_what_is_not_known_is_refused() {
    let (root, store) = (tempfile::tempdir().unwrap(), MemStore::new());
    let namespace = with_a_file(&root, &store).await;
    checkpoint(namespace, |inode| inode, 1).await;
    let refused = open(&root, &store).await.err().unwrap();
    assert!(matches!(refused, StartError::TreeHash { .. }), "{refused}");
    assert!(refused.to_string().contains("start the version that wrote it, or a later one"), "{refused}");
}
