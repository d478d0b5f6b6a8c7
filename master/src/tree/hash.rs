//! The tree's hash: of its stored form, message by message. A tree that is served, a checkpoint being written and
//! one being read give the same hash for the same messages. A field that is not there adds nothing, so a
//! checkpoint from before a field was added keeps the hash it was written with.

use alluxio_proto::{meta, own::CheckpointTables};
use prost::Message;

/// Adds up. Inodes in any order: a wrapping sum, because a snapshot visits them in no particular one. Tables
/// in their order, however they are split into messages.
pub struct TreeHash {
    inodes: u64,
    tables: u64,
    buffer: Vec<u8>,
}

impl Default for TreeHash {
    fn default() -> Self {
        Self { inodes: 0, tables: EMPTY, buffer: Vec::new() }
    }
}

impl TreeHash {
    pub fn add_inode(&mut self, inode: &meta::Inode) {
        self.inodes = self.inodes.wrapping_add(self.continued(EMPTY, inode));
    }

    pub fn add_tables(&mut self, tables: CheckpointTables) {
        for entry in entries(tables) {
            self.tables = self.continued(self.tables, &entry);
        }
    }

    pub fn get(&self) -> u64 {
        self.tables.wrapping_add(self.inodes)
    }

    fn continued(&mut self, hash: u64, message: &impl Message) -> u64 {
        self.buffer.clear();
        message.encode_raw(&mut self.buffer);
        fnv1a(hash, &self.buffer)
    }
}

/// One message per entry. Names every field: a table that is added must be split, too, and counters are what
/// stays.
fn entries(tables: CheckpointTables) -> impl Iterator<Item = CheckpointTables> {
    let none = CheckpointTables::default;
    let CheckpointTables {
        next_container_id,
        next_directory_id,
        cluster_id,
        operation_ids,
        mounts,
        ufs_modes,
        path_properties,
        detached,
        load_jobs,
    } = tables;
    let counters = CheckpointTables { next_container_id, next_directory_id, cluster_id, ..none() };
    let operation_ids = operation_ids.into_iter();
    let mounts = mounts.into_iter();
    let ufs_modes = ufs_modes.into_iter();
    let properties = path_properties.into_iter();
    let detached = detached.into_iter();
    let load_jobs = load_jobs.into_iter();
    std::iter::once(counters)
        .chain(operation_ids.map(move |id| CheckpointTables { operation_ids: vec![id], ..none() }))
        .chain(mounts.map(move |mount| CheckpointTables { mounts: vec![mount], ..none() }))
        .chain(ufs_modes.map(move |mode| CheckpointTables { ufs_modes: vec![mode], ..none() }))
        .chain(properties.map(move |entry| CheckpointTables { path_properties: vec![entry], ..none() }))
        .chain(detached.map(move |id| CheckpointTables { detached: vec![id], ..none() }))
        .chain(load_jobs.map(move |job| CheckpointTables { load_jobs: vec![job], ..none() }))
}

const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, 64 bits (draft-eastlake-fnv), continued. Not for adversaries: it compares trees that should be
/// equal.
fn fnv1a(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
