//! A snapshot of the whole tree at one sequence number, taken while the tree goes on changing.
//!
//! At the cut every inode in the slab belongs to it. A walker copies them in chunks under a short
//! lock; whoever is about to change an inode that the walker has not reached copies what it was
//! first. One bit per inode says whether it is done with (copied, or born after the cut); its meaning
//! turns with every snapshot, so nobody has to reset it.

use alluxio_proto::{
    journal::{PathPropertiesEntry, UpdateUfsModeEntry},
    meta,
    own::{CheckpointChunk, CheckpointTables},
};
use prost::Message;

use super::{Tree, inode::Slot};

/// A step ends early behind files of many blocks, each of which is copied out.
const BLOCKS_PER_STEP: u32 = 16_384;

#[derive(Default)]
pub(super) struct Snapshot {
    /// The next slot the walker visits, and where the slab ended at the cut.
    next: Slot,
    end: Slot,
    /// Inodes as they were at the cut, changed or removed since. The walker's next chunk takes them
    /// along, so they are never more than what changes between two chunks.
    kept: Vec<meta::Inode>,
}

impl Tree {
    /// Cuts, and returns what is no inode. `None` while another snapshot runs.
    pub fn begin_snapshot(&mut self) -> Option<CheckpointTables> {
        if self.snapshot.is_some() {
            return None;
        }
        self.snapshot = Some(Snapshot { next: 0, end: self.slab.end(), kept: Vec::new() });
        Some(self.tables())
    }

    /// Copies at most `limit` slots more, plus what changed since the last step. `None` after the
    /// last. A snapshot that nobody wants any more must still be walked to its end.
    pub fn continue_snapshot(&mut self, limit: u32) -> Option<Vec<meta::Inode>> {
        let mut snapshot = self.snapshot.take()?;
        let mut inodes = std::mem::take(&mut snapshot.kept);
        if snapshot.next == snapshot.end && inodes.is_empty() {
            self.snapshot_parity = !self.snapshot_parity;
            return None;
        }
        let until = snapshot.next.saturating_add(limit).min(snapshot.end);
        let done = !self.snapshot_parity;
        let mut blocks = 0;
        while snapshot.next < until && blocks < BLOCKS_PER_STEP {
            let slot = snapshot.next;
            snapshot.next += 1;
            if let Some(inode) = self.slab.get(slot).filter(|inode| inode.in_snapshot() != done) {
                blocks += inode.blocks;
                inodes.extend(self.stored(slot));
                if let Some(inode) = self.slab.get_mut(slot) {
                    inode.set_in_snapshot(done);
                }
            }
        }
        self.snapshot = Some(snapshot);
        Some(inodes)
    }

    /// Called before anything about an inode changes, or it goes.
    pub(super) fn keep_for_snapshot(&mut self, slot: Slot) {
        if self.snapshot.is_none() {
            return;
        }
        let done = !self.snapshot_parity;
        if self.slab.get(slot).is_none_or(|inode| inode.in_snapshot() == done) {
            return;
        }
        let stored = self.stored(slot);
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.kept.extend(stored);
        }
        if let Some(inode) = self.slab.get_mut(slot) {
            inode.set_in_snapshot(done);
        }
    }

    /// How many inodes wait for the walker; writers wait when it falls behind.
    pub fn snapshot_backlog(&self) -> usize {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.kept.len())
    }

    fn tables(&self) -> CheckpointTables {
        let properties = |(path, properties): (&String, &_)| PathPropertiesEntry {
            path: Some(path.clone()),
            properties: std::collections::BTreeMap::clone(properties),
        };
        let mode = |(path, mode): (&String, &super::UfsMode)| UpdateUfsModeEntry {
            ufs_path: Some(path.clone()),
            ufs_mode: Some(*mode as i32),
        };
        CheckpointTables {
            next_container_id: Some(self.next_container),
            next_directory_id: Some(self.next_directory),
            cluster_id: Some(self.cluster_id.clone()),
            operation_ids: self.operation_ids.iter().collect(),
            mounts: self.mounts.journaled().map(|mount| mount.to_entry()).collect(),
            ufs_modes: self.mounts.modes().iter().map(mode).collect(),
            path_properties: self.path_properties.iter().map(properties).collect(),
            detached: self.detached.iter().filter_map(|slot| self.get(*slot)).map(|inode| inode.id).collect(),
        }
    }

    /// The hash of the tree as it is, with nothing in between. For tests and offline tools: it looks
    /// at every inode in one go.
    pub fn hash(&self) -> u64 {
        let inodes = (0..self.slab.end()).filter_map(|slot| self.stored(slot));
        inodes.fold(hash_tables(&self.tables()), |hash, inode| hash.wrapping_add(hash_inode(&inode)))
    }
}

/// The tree's hash is a wrapping sum over inodes and tables, so it does not depend on the order in
/// which a snapshot visits them.
pub fn hash_inode(inode: &meta::Inode) -> u64 {
    fnv1a(&inode.encode_to_vec())
}

pub fn hash_tables(tables: &CheckpointTables) -> u64 {
    fnv1a(&CheckpointChunk { tables: Some(tables.clone()), inodes: Vec::new() }.encode_to_vec())
}

/// FNV-1a, 64 bits (draft-eastlake-fnv). Not for adversaries: it compares trees that should be equal.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
