//! Checkpoints: the tree as it was at one record, taken in bounded steps while records are applied.

use alluxio_proto::own::CheckpointChunk;
use prost::Message;

use super::*;

/// All chunks of a snapshot, with `between` run before each step.
pub(super) fn snapshot(
    tree: &mut Tree,
    limit: u32,
    mut between: impl FnMut(&mut Tree),
) -> (Vec<CheckpointChunk>, u64) {
    let tables = tree.begin_snapshot().unwrap();
    let mut hash = TreeHash::default();
    let table_chunk = |tables| CheckpointChunk { tables: Some(tables), inodes: Vec::new() };
    // As small as they get.
    let mut chunks: Vec<CheckpointChunk> =
        tables.messages(1).inspect(|tables| hash.add_tables(tables.clone())).map(table_chunk).collect();
    loop {
        between(tree);
        let Some(inodes) = tree.continue_snapshot(limit) else { return (chunks, hash.get()) };
        let inodes: Vec<_> = inodes.into_messages().collect();
        inodes.iter().for_each(|inode| hash.add_inode(inode));
        chunks.push(CheckpointChunk { tables: None, inodes });
    }
}

pub(super) fn restore(chunks: Vec<CheckpointChunk>) -> Tree {
    let mut restore = Restore::default();
    for chunk in chunks {
        restore.add(chunk).unwrap();
    }
    restore.finish().unwrap()
}

/// A file of many blocks costs a step no more than one of few: its blocks are laid out afterwards.
#[test]
fn a_snapshot_of_files_of_many_blocks() {
    let mut tree = small_tree();
    for n in 0..10 {
        apply_all(&mut tree, &[file(50 + n, 2, &format!("f{n}")), complete(50 + n, 52_428_800, 524_288)]);
    }
    let hash = tree.hash();
    let tables = tree.begin_snapshot().unwrap();
    let stored = tree.continue_snapshot(1_000).unwrap();
    assert!(stored.bytes() < 100_000, "{} bytes", stored.bytes());
    let mut found = TreeHash::default();
    tables.messages(usize::MAX).for_each(|tables| found.add_tables(tables));
    stored.into_messages().for_each(|inode| found.add_inode(&inode));
    assert_eq!(found.get(), hash);
    assert!(tree.continue_snapshot(1).is_none());
}

/// A list of blocks, as journals and backups of Java masters have it, is the same as their number.
#[test]
fn listed_blocks_count_too() {
    let mut tree = small_tree();
    let listed = UpdateInodeFileEntry {
        id: Some(ids::file_id(5)),
        length: Some(150),
        completed: Some(true),
        set_blocks: vec![ids::block_id(5, 0), ids::block_id(5, 1)],
        ..Default::default()
    };
    apply_all(&mut tree, &[JournalEntry { update_inode_file: Some(listed), ..Default::default() }]);
    apply_all(&mut tree, &[complete(6, 0, 0)]);
    let count = |container| tree.by_id(ids::file_id(container)).unwrap().1.block_count();
    assert_eq!((count(5), count(6)), (2, 0));
}

/// Long attributes end a step, and what changes before the walker counts by its bytes.
#[test]
fn a_snapshot_is_bounded_in_bytes() {
    let mut tree = small_tree();
    for n in 0..100 {
        let mut entry = file(50 + n, 2, &format!("f{n}"));
        entry.inode_file.as_mut().unwrap().x_attr = [("x".to_owned(), vec![7; 60 << 10])].into();
        apply_all(&mut tree, &[entry]);
    }
    let hash = tree.hash();
    let tables = tree.begin_snapshot().unwrap();
    let mut found = TreeHash::default();
    tables.messages(1).for_each(|tables| found.add_tables(tables));
    for n in 0..10 {
        apply_all(&mut tree, &[delete(ids::file_id(50 + n), false)]);
    }
    let backlog = tree.snapshot_backlog();
    assert!((600 << 10..1 << 20).contains(&backlog), "{backlog} bytes");
    let mut steps = 0;
    while let Some(stored) = tree.continue_snapshot(1_000) {
        assert!(stored.bytes() < 2 << 20);
        stored.into_messages().for_each(|inode| found.add_inode(&inode));
        steps += 1;
    }
    assert_eq!(found.get(), hash);
    assert!(steps > 5, "{steps} steps");
    assert_eq!(tree.snapshot_backlog(), 0);
}

/// Giving up is one step; the next one clears up in bounded steps, and then finds the tree as it is.
#[test]
fn a_snapshot_can_be_given_up_anywhere() {
    for steps in 0..8 {
        let mut tree = small_tree();
        tree.begin_snapshot().unwrap();
        for _ in 0..steps {
            tree.continue_snapshot(1);
        }
        apply_all(&mut tree, &[delete(ids::file_id(5), false), file(7, 2, "new")]);
        drop(tree.give_up_snapshot());
        assert_eq!(tree.snapshot_backlog(), 0);
        apply_all(&mut tree, &[complete(6, 100, 1), file(8, 2, "later")]);
        assert_eq!(tree.snapshot_backlog(), 0, "nothing is copied for nobody");
        if steps < 6 {
            assert!(tree.begin_snapshot().is_none(), "the bits are not in order yet");
            assert!(tree.continue_snapshot(1).is_none());
        }
        let mut clearing = 0;
        while tree.clear_given_up(1) {
            clearing += 1;
        }
        assert!(clearing <= 5, "{clearing} steps for five slots");
        let (chunks, hash) = snapshot(&mut tree, 2, |_| {});
        assert_eq!(hash, tree.hash());
        assert_eq!(restore(chunks).hash(), hash);
    }
}

/// The tables of a large cluster, in chunks that are smaller than they are.
#[test]
fn tables_go_over_several_chunks() {
    use alluxio_proto::journal::{
        AddMountPointEntry, JournalOpPId, LoadJobEntry, PJobState, PathPropertiesEntry, UpdateUfsModeEntry,
    };
    let mut tree = small_tree();
    for n in 0..3_000 {
        let operation_id =
            Some(JournalOpPId { most_significant_bits: Some(n), least_significant_bits: Some(-n) });
        apply_all(&mut tree, &[JournalEntry { operation_id, ..Default::default() }]);
    }
    for n in 0..300 {
        let add_mount_point = Some(AddMountPointEntry {
            alluxio_path: Some(format!("/m{n}")),
            ufs_path: Some(format!("/ufs/{n}")),
            mount_id: Some(10 + n),
            ..Default::default()
        });
        let path_properties = Some(PathPropertiesEntry {
            path: Some(format!("/p{n}")),
            properties: [("key".to_owned(), "x".repeat(100))].into(),
        });
        let update_ufs_mode = Some(UpdateUfsModeEntry {
            ufs_path: Some(format!("/ufs/{n}")),
            ufs_mode: Some(1 + n as i32 % 2),
        });
        let load_job = Some(LoadJobEntry {
            load_path: format!("/d{n}"),
            state: PJobState::Created as i32,
            job_id: n.to_string(),
            ..Default::default()
        });
        apply_all(
            &mut tree,
            &[
                JournalEntry { load_job, ..Default::default() },
                JournalEntry { add_mount_point, ..Default::default() },
                JournalEntry { path_properties, ..Default::default() },
                JournalEntry { update_ufs_mode, ..Default::default() },
                directory(100 + n, 0, &format!("d{n}")),
                directory(1_000 + n, 100 + n, "e"),
                delete(100 + n, true),
            ],
        );
    }
    let hash = tree.hash();
    for limit in [1, 1_000, 10_000, usize::MAX] {
        let tables = tree.begin_snapshot().unwrap();
        let mut chunks: Vec<CheckpointChunk> = Vec::new();
        for message in tables.messages(limit) {
            assert!(message.encoded_len() <= limit.saturating_add(200), "{} bytes", message.encoded_len());
            chunks.push(CheckpointChunk { tables: Some(message), inodes: Vec::new() });
        }
        assert_eq!(chunks.len() == 1, limit == usize::MAX);
        while let Some(stored) = tree.continue_snapshot(100) {
            chunks.push(CheckpointChunk { tables: None, inodes: stored.into_messages().collect() });
        }
        let mut reading = Restore::default();
        chunks.into_iter().for_each(|chunk| reading.add(chunk).unwrap());
        assert_eq!(reading.hash(), hash, "in chunks of {limit} bytes");
        let restored = reading.finish().unwrap();
        assert_eq!(restored.hash(), hash);
        assert_eq!(restored.operation_ids.in_order(), tree.operation_ids.in_order());
        assert_eq!(restored.detached, tree.detached);
        assert!(restored.load_jobs().eq(tree.load_jobs()));
    }
}

#[test]
fn a_load_job_is_known_until_it_is_over() {
    use alluxio_proto::journal::{LoadJobEntry, PJobState};
    let mut tree = small_tree();
    let mut told = |id: &str, state: PJobState| {
        let load_job = Some(LoadJobEntry {
            load_path: "/d".to_owned(),
            state: state as i32,
            job_id: id.to_owned(),
            ..Default::default()
        });
        apply_all(&mut tree, &[JournalEntry { load_job, ..Default::default() }]);
        (tree.load_jobs().map(|job| job.job_id.clone()).collect::<Vec<_>>(), tree.hash())
    };
    let (_, before) = told("none", PJobState::Failed);
    assert_eq!(told("one", PJobState::Created).0, ["one"]);
    assert_eq!(told("two", PJobState::Created).0, ["two"]);
    assert_eq!(told("one", PJobState::Stopped).0, ["two"], "another one began meanwhile");
    assert_eq!(told("two", PJobState::Succeeded), (Vec::new(), before));
}

/// Stored lists cannot tell a mask that bounds nothing from none, so there is no such mask.
#[test]
fn a_mask_alone_survives_no_checkpoint_and_is_not_kept() {
    use alluxio_proto::{journal::SetAclEntry, shared::AclEntry};
    let mut tree = small_tree();
    let mask = |is_default| AclEntry { r#type: Some(4), is_default: Some(is_default), ..Default::default() };
    let set = |id, entries| JournalEntry {
        set_acl: Some(SetAclEntry { id: Some(id), action: Some(1), entries, ..Default::default() }),
        ..Default::default()
    };
    apply_all(&mut tree, &[set(1, vec![mask(false), mask(true)]), set(ids::file_id(6), vec![mask(false)])]);
    let (chunks, hash) = snapshot(&mut tree, 10, |_| {});
    assert_eq!(restore(chunks).hash(), hash);
}
