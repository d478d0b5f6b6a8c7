//! Any records, replayed or restored from a checkpoint, give the same tree.

use proptest::prelude::*;

use super::{
    snapshots::{restore, snapshot},
    *,
};

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
