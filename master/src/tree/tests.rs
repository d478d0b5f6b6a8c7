use alluxio_fs::AlluxioPath;
use alluxio_proto::journal::{
    DeleteFileEntry, InodeDirectoryEntry, InodeFileEntry, JournalEntry, ReapEntry, RenameEntry,
    UpdateInodeEntry, UpdateInodeFileEntry,
};

use super::*;

#[path = "memory_tests.rs"]
mod memory;
#[path = "replay_tests.rs"]
mod replay;
#[path = "snapshot_tests.rs"]
mod snapshots;

fn directory(id: i64, parent: i64, name: &str) -> JournalEntry {
    JournalEntry {
        inode_directory: Some(InodeDirectoryEntry {
            id: Some(id),
            parent_id: Some(parent),
            name: Some(name.into()),
            mode: Some(0o755),
            owner: Some("root".into()),
            group: Some("staff".into()),
            creation_time_ms: Some(10),
            last_modification_time_ms: Some(10),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn file(container: i64, parent: i64, name: &str) -> JournalEntry {
    JournalEntry {
        inode_file: Some(InodeFileEntry {
            id: Some(ids::file_id(container)),
            parent_id: Some(parent),
            name: Some(name.into()),
            mode: Some(0o644),
            owner: Some("alice".into()),
            block_size_bytes: Some(100),
            last_modification_time_ms: Some(20),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn delete(id: i64, recursive: bool) -> JournalEntry {
    JournalEntry {
        delete_file: Some(DeleteFileEntry {
            id: Some(id),
            recursive: Some(recursive),
            op_time_ms: Some(30),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn complete(container: i64, length: i64, blocks: i64) -> JournalEntry {
    JournalEntry {
        update_inode_file: Some(UpdateInodeFileEntry {
            id: Some(ids::file_id(container)),
            length: Some(length),
            completed: Some(true),
            block_count: Some(blocks as u32),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// As records were before they said how much blocks count.
fn reap(limit: i32) -> JournalEntry {
    let reap = ReapEntry { limit: Some(limit), ..Default::default() };
    JournalEntry { reap: Some(reap), ..Default::default() }
}

fn apply_all(tree: &mut Tree, entries: &[JournalEntry]) -> Effects {
    let mut effects = Effects::default();
    for entry in entries {
        tree.apply(entry, &mut effects).unwrap();
    }
    effects
}

fn small_tree() -> Tree {
    let mut tree = Tree::default();
    apply_all(
        &mut tree,
        &[directory(0, -1, ""), directory(1, 0, "a"), directory(2, 1, "b"), file(5, 2, "f"), file(6, 0, "g")],
    );
    tree
}

fn path(text: &str) -> AlluxioPath {
    AlluxioPath::parse(text).unwrap()
}

#[test]
fn paths_lead_to_inodes_and_back() {
    let tree = small_tree();
    let lookup = tree.lookup(&path("/a/b/f"));
    let slot = lookup.target().unwrap();
    assert_eq!(tree.get(slot).unwrap().id, ids::file_id(5));
    assert_eq!(tree.path_of(slot).unwrap(), path("/a/b/f"));
    let lookup = tree.lookup(&path("/a/x/y"));
    assert_eq!((lookup.missing, lookup.found.len()), (2, 2));
    assert_eq!(tree.path_of(tree.root().unwrap()).unwrap(), AlluxioPath::root());
    assert_eq!(tree.next_container(), 7);
    assert_eq!(tree.next_directory(), 3);
}

#[test]
fn records_that_do_not_fit_are_refused() {
    let mut tree = small_tree();
    let mut refuse = |entry: JournalEntry| tree.apply(&entry, &mut Effects::default()).unwrap_err();
    assert!(matches!(refuse(directory(1, 0, "z")), ApplyError::InodeExists { id: 1, .. }));
    assert!(matches!(refuse(file(9, 0, "a")), ApplyError::NameExists { .. }));
    assert!(matches!(refuse(file(10, 77, "a")), ApplyError::NoInode { id: 77, .. }));
    assert!(matches!(refuse(delete(1, false)), ApplyError::Invalid { .. }));
    assert!(matches!(refuse(delete(0, true)), ApplyError::Invalid { .. }));
    assert!(matches!(refuse(JournalEntry::default()), ApplyError::UnknownKind));
}

#[test]
fn block_lengths_follow_from_the_file_once_it_is_complete() {
    let mut tree = small_tree();
    let block = |n, length| JournalEntry {
        block_info: Some(alluxio_proto::journal::BlockInfoEntry {
            block_id: Some(ids::block_id(6, n)),
            length: Some(length),
            ..Default::default()
        }),
        ..Default::default()
    };
    let new = JournalEntry {
        new_block: Some(alluxio_proto::journal::NewBlockEntry { id: Some(ids::file_id(6)) }),
        ..Default::default()
    };
    apply_all(&mut tree, &[new.clone(), new, block(1, 33)]);
    let (slot, inode) = tree.by_id(ids::file_id(6)).unwrap();
    assert_eq!([0, 1, 2].map(|n| tree.block_length(slot, inode, n)), [None, Some(33), None]);
    apply_all(&mut tree, &[block(0, 100), complete(6, 133, 2)]);
    let (slot, inode) = tree.by_id(ids::file_id(6)).unwrap();
    assert_eq!([0, 1, 2].map(|n| tree.block_length(slot, inode, n)), [Some(100), Some(33), None]);
    assert!(!inode.has_rare(), "nothing rare is left of a completed file");
    let freed = apply_all(&mut tree, &[delete(ids::file_id(6), false)]).freed_blocks;
    assert_eq!(freed, [BlockRange::of_file(ids::file_id(6), 2)]);
    assert!(freed[0].ids().eq([ids::block_id(6, 0), ids::block_id(6, 1)]));
}

#[test]
fn a_recursive_delete_is_one_record_and_reaping_is_bounded() {
    let mut tree = small_tree();
    apply_all(&mut tree, &[complete(5, 10, 1)]);
    assert!(apply_all(&mut tree, &[delete(1, true)]).freed_blocks.is_empty());
    assert!(tree.lookup(&path("/a")).target().is_none());
    let orphan = tree.find(ids::file_id(5)).unwrap();
    assert_eq!(tree.path_of(orphan), None, "deleted, though not forgotten yet");
    assert!(tree.has_detached());
    let before = tree.inode_count();
    let freed = apply_all(&mut tree, &[reap(2)]).freed_blocks;
    assert_eq!(
        (tree.inode_count(), freed),
        (before - 2, vec![BlockRange { first: ids::block_id(5, 0), count: 1 }])
    );
    apply_all(&mut tree, &[reap(100)]);
    assert_eq!(tree.inode_count(), 2);
    assert!(!tree.has_detached());
}

#[test]
fn reaping_a_deep_chain_or_files_of_many_blocks_is_bounded_too() {
    let mut tree = Tree::default();
    apply_all(&mut tree, &[directory(0, -1, "")]);
    for id in 1..=1_000 {
        apply_all(&mut tree, &[directory(id, id - 1, "d")]);
    }
    apply_all(&mut tree, &[delete(1, true)]);
    let before = tree.detached.len();
    apply_all(&mut tree, &[reap(10)]);
    assert_eq!(tree.detached.len() - before, 10, "ten levels down, and no further");
    while tree.has_detached() {
        apply_all(&mut tree, &[reap(10)]);
    }
    assert_eq!(tree.inode_count(), 1);

    let new = |container| JournalEntry {
        new_block: Some(alluxio_proto::journal::NewBlockEntry { id: Some(ids::file_id(container)) }),
        ..Default::default()
    };
    apply_all(&mut tree, &[directory(2_000, 0, "e")]);
    for n in 0..10 {
        apply_all(&mut tree, &[file(50 + n, 2_000, &format!("f{n}"))]);
        (0..5_000).for_each(|_| drop(apply_all(&mut tree, &[new(50 + n)])));
    }
    apply_all(&mut tree, &[delete(2_000, true)]);
    let freed = apply_all(&mut tree, &[reap(40)]).freed_blocks;
    assert_eq!(freed.len(), 7, "each counts as six");
    let reap = ReapEntry { limit: Some(4), open_blocks_per_inode: Some(5_000) };
    let entry = JournalEntry { reap: Some(reap), ..Default::default() };
    assert_eq!(apply_all(&mut tree, &[entry]).freed_blocks.len(), 2, "each counts as two");
}

#[test]
fn a_rename_moves_and_keeps_times_of_both_parents() {
    let mut tree = small_tree();
    let rename = JournalEntry {
        rename: Some(RenameEntry {
            id: Some(2),
            new_parent_id: Some(0),
            new_name: Some("z".into()),
            op_time_ms: Some(99),
            ..Default::default()
        }),
        ..Default::default()
    };
    apply_all(&mut tree, &[rename]);
    assert!(tree.lookup(&path("/z/f")).target().is_some() && tree.lookup(&path("/a/b")).target().is_none());
    assert_eq!([0, 1].map(|id| tree.by_id(id).unwrap().1.modified_ms), [99, 99]);
}
