//! Fills an empty journal from a backup: `alluxio.master.journal.init.from.backup`.
//!
//! The backup is read twice: first to see that it is whole and all of it of known kinds, before anything is
//! written; then record by record. Only then an entry is found that does not fit those before it. What ends an
//! import on its way leaves a journal without a cluster id, which comes last: no master starts from such a one.

use std::{
    collections::{BTreeMap, HashSet},
    time::Instant,
};

use alluxio_fs::{AlluxioPath, FsError, ids};
use alluxio_proto::{
    journal::{ClusterInfoEntry, JournalEntry},
    shared::AccessControlList,
};
use alluxio_telemetry::metrics::Metrics;
use prost::Message;
use tokio::sync::mpsc;

use super::{
    error::BackupError,
    gauges,
    place::Place,
    read::{Visitor, visit},
};
use crate::{
    namespace::{MAX_INODES_PER_HOLD, Namespace},
    tree::Tree,
};

/// A record ends with the entry that goes beyond this.
const RECORD_BYTES: usize = 1 << 20;
/// Records that are read ahead.
const AHEAD: usize = 4;

/// What the first reading found.
#[derive(Debug, Default)]
struct Survey {
    cluster_id: Option<String>,
    has_root: bool,
    /// The lengths of their blocks stand anywhere in the backup, and are not those of full blocks.
    has_open_files: bool,
    left_out: BTreeMap<&'static str, u64>,
}

/// Takes over all of the backup. The tree must be empty.
pub async fn import(namespace: &Namespace, backup: &Place, metrics: &Metrics) -> Result<(), BackupError> {
    let (uri, begun) = (backup.uri(), Instant::now());
    tracing::info!("reading the backup {uri}");
    let (survey, entries) = visit(backup, Survey::default()).await?;
    for (what, count) in &survey.left_out {
        tracing::warn!("{count} entries of the backup {uri} are left out: they are of {what}");
    }
    if !survey.has_root {
        return Err(BackupError::NoRoot { uri, entries });
    }
    let state = |entry: &JournalEntry| entry.block_info.is_none() && entry.cluster_info.is_none();
    take_over(namespace, backup, state).await?;
    if survey.has_open_files {
        take_over(namespace, backup, |entry| entry.block_info.is_some()).await?;
    }
    let own = namespace.journal().status().cluster.to_string();
    let cluster_id = Some(survey.cluster_id.unwrap_or(own));
    let last =
        JournalEntry { cluster_info: Some(ClusterInfoEntry { cluster_id }), ..JournalEntry::default() };
    namespace
        .mutate(&[], None, |_, draft| {
            draft.push(last.clone());
            Ok(())
        })
        .await?;
    tracing::info!("all {entries} entries of the backup {uri} are taken over");
    gauges::taken_over(metrics, entries, begun.elapsed());
    Ok(())
}

impl Visitor for Survey {
    fn take(&mut self, _: u64, entry: JournalEntry) -> Result<(), BackupError> {
        if let Some(info) = entry.cluster_info {
            self.cluster_id = info.cluster_id.filter(|id| !id.is_empty());
        }
        self.has_root |= entry.inode_directory.is_some_and(|entry| entry.parent_id() == ids::NO_PARENT);
        self.has_open_files |= entry.inode_file.is_some_and(|e| !e.completed() && !e.blocks.is_empty());
        Ok(())
    }

    fn left_out(&mut self, what: &'static str) {
        *self.left_out.entry(what).or_default() += 1;
    }
}

/// Journals the entries that `wanted` says, in their order.
async fn take_over(
    namespace: &Namespace,
    backup: &Place,
    wanted: fn(&JournalEntry) -> bool,
) -> Result<(), BackupError> {
    let (sender, mut records) = mpsc::channel(AHEAD);
    let uri = backup.uri();
    let reading = async {
        let (mut reader, _) = visit(backup, Gather { wanted, record: Record::default(), sender }).await?;
        let last = std::mem::take(&mut reader.record);
        reader.sender.send(last).await.map_err(|_| BackupError::GivenUp)
    };
    let writing = async {
        while let Some(record) = records.recv().await {
            record.write(namespace, &uri).await?;
        }
        Ok(())
    };
    // When one fails, the other is given up: the reading thread finds that nobody takes its records.
    tokio::try_join!(writing, reading)?;
    Ok(())
}

struct Gather {
    wanted: fn(&JournalEntry) -> bool,
    record: Record,
    sender: mpsc::Sender<Record>,
}

impl Visitor for Gather {
    fn take(&mut self, number: u64, entry: JournalEntry) -> Result<(), BackupError> {
        if (self.wanted)(&entry) {
            self.record.push(number, entry);
            if self.record.is_full() {
                let full = std::mem::take(&mut self.record);
                self.sender.blocking_send(full).map_err(|_| BackupError::GivenUp)?;
            }
        }
        Ok(())
    }
}

/// Entries that are journaled and applied at once, with their numbers in the backup.
#[derive(Default)]
struct Record {
    entries: Vec<(u64, JournalEntry)>,
    bytes: usize,
}

impl Record {
    fn push(&mut self, number: u64, entry: JournalEntry) {
        self.bytes += entry.encoded_len();
        self.entries.push((number, entry));
    }

    fn is_full(&self) -> bool {
        self.entries.len() == MAX_INODES_PER_HOLD || self.bytes >= RECORD_BYTES
    }

    async fn write(self, namespace: &Namespace, uri: &str) -> Result<(), BackupError> {
        let mut misfit = None;
        let written = namespace
            .mutate(&[], None, |tree, draft| {
                let mut check =
                    Check { tree, directories: HashSet::new(), ids: HashSet::new(), names: HashSet::new() };
                for (number, entry) in &self.entries {
                    match check.fits(entry) {
                        Ok(true) => draft.push(ours(entry.clone())),
                        Ok(false) => {}
                        Err(reason) => {
                            let uri = uri.to_owned();
                            misfit = Some(BackupError::DoesNotFit { uri, entry: *number, reason });
                            return Err(FsError::internal("an entry does not fit"));
                        }
                    }
                }
                Ok(())
            })
            .await;
        match misfit {
            Some(misfit) => Err(misfit),
            None => Ok(written?),
        }
    }
}

/// In the form of our own records: a Java master names owner and group in the list of rights, and lists the ids of
/// blocks, which follow from the file's.
fn ours(mut entry: JournalEntry) -> JournalEntry {
    if let Some(directory) = &mut entry.inode_directory {
        name_owner(&mut directory.owner, &mut directory.group, directory.acl.as_ref());
        directory.path = None;
        if directory.id() == ids::ROOT_ID {
            directory.mount_point = Some(true);
        }
    } else if let Some(file) = &mut entry.inode_file {
        name_owner(&mut file.owner, &mut file.group, file.acl.as_ref());
        file.path = None;
        file.block_count = u32::try_from(std::mem::take(&mut file.blocks).len()).ok();
    }
    entry
}

fn name_owner(owner: &mut Option<String>, group: &mut Option<String>, acl: Option<&AccessControlList>) {
    let Some(acl) = acl else { return };
    *owner = owner.take().filter(|name| !name.is_empty()).or_else(|| acl.owning_user.clone());
    *group = group.take().filter(|name| !name.is_empty()).or_else(|| acl.owning_group.clone());
}

/// Whether entries fit a tree and those before them in the same record. What does not would leave it undefined.
struct Check<'a> {
    tree: &'a Tree,
    /// Of this record.
    directories: HashSet<i64>,
    ids: HashSet<i64>,
    names: HashSet<(i64, String)>,
}

impl Check<'_> {
    /// False: there is nothing to do.
    fn fits(&mut self, entry: &JournalEntry) -> Result<bool, String> {
        if let Some(block) = &entry.block_info {
            let file = self.tree.by_id(ids::file_id_of_block(block.block_id()));
            return Ok(file.is_some_and(|(_, inode)| !inode.is_completed()));
        }
        if let Some(mount) = &entry.add_mount_point {
            AlluxioPath::parse(mount.alluxio_path()).map_err(|error| error.message)?;
        }
        if let Some(e) = &entry.inode_directory {
            if e.parent_id() == ids::NO_PARENT {
                self.root(e.id())?;
            } else {
                self.child(e.id(), e.parent_id(), e.name())?;
            }
            self.directories.insert(e.id());
        }
        if let Some(e) = &entry.inode_file {
            self.child(e.id(), e.parent_id(), e.name())?;
            let container = ids::container_of(e.id());
            if !ids::is_file_id(e.id())
                || !e.blocks.iter().zip(0..).all(|(block, n)| *block == ids::block_id(container, n))
            {
                return Err(format!(
                    "the ids of file {} (\"{}\") and its blocks do not belong together",
                    e.id(),
                    e.name()
                ));
            }
        }
        Ok(true)
    }

    fn root(&self, id: i64) -> Result<(), String> {
        if id != ids::ROOT_ID {
            return Err(format!("the root directory has the id {id}, and not {}", ids::ROOT_ID));
        }
        let again = self.tree.root().is_some() || self.directories.contains(&id);
        if again { Err("there are two root directories".to_owned()) } else { Ok(()) }
    }

    fn child(&mut self, id: i64, parent: i64, name: &str) -> Result<(), String> {
        let directory = self.tree.by_id(parent).map(|(_, inode)| inode);
        if !self.directories.contains(&parent) && directory.is_none_or(|inode| !inode.is_directory()) {
            return Err(format!("inode {id} (\"{name}\") comes before its directory {parent}"));
        }
        if name.is_empty() || name.contains('/') {
            return Err(format!("inode {id} has the name \"{name}\""));
        }
        let there = directory.is_some_and(|directory| self.tree.child(directory, name).is_some());
        if there || !self.names.insert((parent, name.to_owned())) {
            return Err(format!("\"{name}\" is in directory {parent} twice"));
        }
        if self.tree.find(id).is_some() || !self.ids.insert(id) {
            return Err(format!("inode {id} is there twice"));
        }
        Ok(())
    }
}
