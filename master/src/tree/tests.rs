use alluxio_fs::AlluxioPath;
use alluxio_proto::{
    journal::{
        DeleteFileEntry, InodeDirectoryEntry, InodeFileEntry, JournalEntry, ReapEntry, RenameEntry,
        UpdateInodeEntry, UpdateInodeFileEntry,
    },
    own::CheckpointChunk,
};
use proptest::prelude::*;
use prost::Message;

use super::*;

#[path = "memory_tests.rs"]
mod memory;

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

/// All chunks of a snapshot, with `between` run before each step.
fn snapshot(tree: &mut Tree, limit: u32, mut between: impl FnMut(&mut Tree)) -> (Vec<CheckpointChunk>, u64) {
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

fn restore(chunks: Vec<CheckpointChunk>) -> Tree {
    let mut restore = Restore::default();
    for chunk in chunks {
        restore.add(chunk).unwrap();
    }
    restore.finish().unwrap()
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
    use alluxio_proto::journal::{AddMountPointEntry, JournalOpPId, PathPropertiesEntry, UpdateUfsModeEntry};
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
        apply_all(
            &mut tree,
            &[
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
    }
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

#[derive(Clone, Debug)]
enum Op {
    Directory(usize, u8),
    File(usize, u8),
    Delete(usize),
    Rename(usize, usize, u8),
    Touch(usize, i64),
    /// The second number picks what is changed, the third to what.
    Change(usize, u8, u8),
    Reap(i32),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(p, n)| Op::Directory(p, n)),
        (any::<usize>(), any::<u8>()).prop_map(|(p, n)| Op::File(p, n)),
        any::<usize>().prop_map(Op::Delete),
        (any::<usize>(), any::<usize>(), any::<u8>()).prop_map(|(i, p, n)| Op::Rename(i, p, n)),
        (any::<usize>(), 0..1000i64).prop_map(|(i, t)| Op::Touch(i, t)),
        (any::<usize>(), any::<u8>(), any::<u8>()).prop_map(|(i, what, value)| Op::Change(i, what, value)),
        (1..4i32).prop_map(Op::Reap),
    ];
    prop::collection::vec(op, 0..120)
}

/// Makes a record of an operation, if it fits the tree.
fn record(tree: &Tree, op: &Op) -> Option<JournalEntry> {
    let live: Vec<i64> = (0..tree.slab.end())
        .filter(|slot| tree.path_of(*slot).is_some())
        .filter_map(|slot| tree.get(slot).map(|inode| inode.id))
        .collect();
    let pick = |n: &usize| live[n % live.len()];
    let parent = |n: &usize, name: &u8| {
        let (_, inode) = tree.by_id(pick(n))?;
        (inode.is_directory() && tree.child(inode, &format!("n{name}")).is_none()).then_some(inode.id)
    };
    match op {
        Op::Directory(p, n) => Some(directory(tree.next_directory(), parent(p, n)?, &format!("n{n}"))),
        Op::File(p, n) => Some(file(tree.next_container(), parent(p, n)?, &format!("n{n}"))),
        Op::Delete(i) => Some(pick(i)).filter(|id| *id != 0).map(|id| delete(id, true)),
        Op::Rename(i, p, n) => {
            let (id, parent) = (pick(i), parent(p, n)?);
            let path = |id| tree.path_of(tree.find(id).unwrap()).unwrap();
            (id != 0 && !path(parent).starts_with(&path(id))).then(|| JournalEntry {
                rename: Some(RenameEntry {
                    id: Some(id),
                    new_parent_id: Some(parent),
                    new_name: Some(format!("n{n}")),
                    op_time_ms: Some(50),
                    ..Default::default()
                }),
                ..Default::default()
            })
        }
        Op::Touch(i, time) => Some(JournalEntry {
            update_inode: Some(UpdateInodeEntry {
                id: Some(pick(i)),
                last_modification_time_ms: Some(*time),
                pinned: Some(time % 2 == 0),
                ttl: Some(time - 500),
                ..Default::default()
            }),
            ..Default::default()
        }),
        Op::Change(i, what, value) => change(tree, pick(i), *what, *value),
        Op::Reap(limit) => Some(reap(*limit)),
    }
}

/// What few inodes have, and what only files or only directories have.
fn change(tree: &Tree, id: i64, what: u8, value: u8) -> Option<JournalEntry> {
    use alluxio_proto::journal::{BlockInfoEntry, NewBlockEntry, SetAclEntry, UpdateInodeDirectoryEntry};
    let (_, inode) = tree.by_id(id)?;
    let (file, open) = (!inode.is_directory(), !inode.is_directory() && !inode.is_completed());
    let container = ids::container_of(id);
    let acl_entry = |r#type: i32| alluxio_proto::shared::AclEntry {
        r#type: Some(r#type),
        subject: Some(if matches!(r#type, 1 | 3) { format!("s{}", value % 3) } else { String::new() }),
        actions: (0..i32::from(value % 4)).collect(),
        is_default: Some(!file && value.is_multiple_of(2)),
    };
    let mut entry = JournalEntry::default();
    match what % 8 {
        0 => {
            // Only what is named can be removed.
            let remove = value % 3 == 2;
            let kinds = (0..6).filter(|n| value >> n & 1 == 1 && (!remove || matches!(n, 1 | 3)));
            entry.set_acl = Some(SetAclEntry {
                id: Some(id),
                action: Some(i32::from(value % 3)),
                entries: kinds.map(acl_entry).collect(),
                op_time_ms: Some(60),
                ..Default::default()
            });
        }
        1 if open => entry.new_block = Some(NewBlockEntry { id: Some(id) }),
        2 if open && inode.blocks > 0 => {
            let block_id = Some(ids::block_id(container, i64::from(value) % i64::from(inode.blocks)));
            entry.block_info =
                Some(BlockInfoEntry { block_id, length: Some(i64::from(value)), ..Default::default() });
        }
        3 if open => return Some(complete(container, i64::from(value) * 10, (i64::from(value) + 9) / 10)),
        4 if file => {
            entry.update_inode_file = Some(UpdateInodeFileEntry {
                id: Some(id),
                replication_max: Some(i32::from(value)),
                persist_job_id: Some(i64::from(value)),
                temp_ufs_path: Some(format!("t{value}")),
                ..Default::default()
            });
        }
        5 if !file => {
            entry.update_inode_directory = Some(UpdateInodeDirectoryEntry {
                id: Some(id),
                direct_children_loaded: Some(value.is_multiple_of(2)),
                mount_point: Some(value.is_multiple_of(3)),
                ..Default::default()
            });
        }
        _ => {
            entry.update_inode = Some(UpdateInodeEntry {
                id: Some(id),
                owner: Some(format!("o{}", value % 5)),
                mode: Some(i32::from(value)),
                ufs_fingerprint: Some(format!("f{}", value % 2)),
                x_attr: [(format!("k{}", value % 4), vec![value])].into(),
                x_attr_update_strategy: Some(i32::from(value % 4)),
                persistence_state: Some("TO_BE_PERSISTED".into()),
                ..Default::default()
            });
        }
    }
    (entry != JournalEntry::default()).then_some(entry)
}

proptest! {
    /// Invariant 4: replay gives the same tree; so does a checkpoint taken while records are
    /// applied, followed by the records after its cut.
    #[test]
    fn replay_and_checkpoint_give_the_same_tree(before in ops(), after in ops(), limit in 1..20u32) {
        let mut tree = Tree::default();
        let mut log = vec![directory(0, -1, "")];
        apply_all(&mut tree, &log);
        for op in &before {
            if let Some(entry) = record(&tree, op) {
                apply_all(&mut tree, std::slice::from_ref(&entry));
                log.push(entry);
            }
        }
        let at_cut = tree.hash();
        let mut tail = Vec::new();
        let mut rest = after.iter();
        let (chunks, hash) = snapshot(&mut tree, limit, |tree| {
            for op in rest.by_ref().take(3) {
                if let Some(entry) = record(tree, op) {
                    apply_all(tree, std::slice::from_ref(&entry));
                    tail.push(entry);
                }
            }
        });
        prop_assert_eq!(hash, at_cut, "the snapshot is the tree at its cut");

        let mut restored = restore(chunks);
        prop_assert_eq!(restored.hash(), at_cut);
        apply_all(&mut restored, &tail);
        prop_assert_eq!(restored.hash(), tree.hash());

        let mut replayed = Tree::default();
        apply_all(&mut replayed, &log);
        apply_all(&mut replayed, &tail);
        prop_assert_eq!(replayed.hash(), tree.hash());
        prop_assert_eq!(replayed.pinned(), restored.pinned());
        prop_assert_eq!(replayed.to_be_persisted(), restored.to_be_persisted());
        prop_assert_eq!(replayed.expiries(), restored.expiries());

        // A second snapshot finds the bits in order.
        let (chunks, hash) = snapshot(&mut tree, limit, |_| {});
        prop_assert_eq!(hash, tree.hash());
        prop_assert_eq!(restore(chunks).hash(), hash);
    }
}
