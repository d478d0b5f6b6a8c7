//! What a checkpoint holds beside inodes: counters, operation ids, mounts and the like. They are copied under
//! the lock at the snapshot's cut, as they lie in memory (a block of memory per queue, a pointer per mount or
//! property), and turned into messages afterwards, one entry after the other.

use std::{collections::VecDeque, sync::Arc};

use alluxio_proto::{
    journal::{LoadJobEntry, PathPropertiesEntry, UpdateUfsModeEntry},
    own::CheckpointTables,
};
use prost::Message;

use super::{
    Properties, Tree,
    mounts::{Mount, UfsMode},
    operation_ids::{OperationId, entry_of},
};

/// The tables at one sequence number.
pub struct Tables {
    counters: CheckpointTables,
    operation_ids: VecDeque<OperationId>,
    mounts: Vec<Arc<Mount>>,
    ufs_modes: Vec<(String, UfsMode)>,
    path_properties: Vec<(Arc<str>, Arc<Properties>)>,
    detached: VecDeque<i64>,
    load_jobs: Vec<Arc<LoadJobEntry>>,
}

impl Tree {
    pub(super) fn tables(&self) -> Tables {
        Tables {
            counters: CheckpointTables {
                next_container_id: Some(self.next_container),
                next_directory_id: Some(self.next_directory),
                cluster_id: Some(self.cluster_id.clone()),
                ..CheckpointTables::default()
            },
            operation_ids: self.operation_ids.in_order().clone(),
            mounts: self.mounts.journaled().cloned().collect(),
            ufs_modes: self.mounts.modes().iter().map(|(path, mode)| (path.clone(), *mode)).collect(),
            path_properties: self
                .path_properties
                .iter()
                .map(|(path, properties)| (path.clone(), properties.clone()))
                .collect(),
            detached: self.detached.clone(),
            load_jobs: self.load_jobs.values().cloned().collect(),
        }
    }
}

impl Tables {
    /// Messages with one entry each, the counters first.
    fn entries(&self) -> impl Iterator<Item = CheckpointTables> + '_ {
        let none = CheckpointTables::default;
        let operation_ids = self.operation_ids.iter();
        let mounts = self.mounts.iter();
        let ufs_modes = self.ufs_modes.iter();
        let properties = self.path_properties.iter();
        let detached = self.detached.iter();
        let load_jobs = self.load_jobs.iter();
        std::iter::once(self.counters.clone())
            .chain(
                operation_ids
                    .map(move |id| CheckpointTables { operation_ids: vec![entry_of(*id)], ..none() }),
            )
            .chain(mounts.map(move |mount| CheckpointTables { mounts: vec![mount.to_entry()], ..none() }))
            .chain(ufs_modes.map(move |(path, mode)| CheckpointTables {
                ufs_modes: vec![UpdateUfsModeEntry {
                    ufs_path: Some(path.clone()),
                    ufs_mode: Some(*mode as i32),
                }],
                ..none()
            }))
            .chain(properties.map(move |(path, properties)| CheckpointTables {
                path_properties: vec![PathPropertiesEntry {
                    path: Some(path.to_string()),
                    properties: Properties::clone(properties),
                }],
                ..none()
            }))
            .chain(detached.map(move |id| CheckpointTables { detached: vec![*id], ..none() }))
            .chain(
                load_jobs
                    .map(move |job| CheckpointTables { load_jobs: vec![LoadJobEntry::clone(job)], ..none() }),
            )
    }

    /// Messages that end with the entry that goes beyond `bytes`.
    pub fn messages(&self, bytes: usize) -> impl Iterator<Item = CheckpointTables> + '_ {
        let mut entries = self.entries();
        std::iter::from_fn(move || {
            let mut message = entries.next()?;
            let mut length = message.encoded_len();
            while length < bytes
                && let Some(entry) = entries.next()
            {
                length += entry.encoded_len();
                append(&mut message, entry);
            }
            Some(message)
        })
    }
}

/// Adds what an entry has to a message that begins with the counters, or has none.
fn append(message: &mut CheckpointTables, entry: CheckpointTables) {
    message.operation_ids.extend(entry.operation_ids);
    message.mounts.extend(entry.mounts);
    message.ufs_modes.extend(entry.ufs_modes);
    message.path_properties.extend(entry.path_properties);
    message.detached.extend(entry.detached);
    message.load_jobs.extend(entry.load_jobs);
}
