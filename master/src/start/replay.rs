//! From the journal to the tree.

use std::sync::Arc;

use alluxio_conf::{Configuration, key};
use alluxio_fs::{Mode, ids};
use alluxio_journal::{Journal, Options, Recovery, store::Store};
use alluxio_proto::{
    journal::{ClusterInfoEntry, InodeDirectoryEntry, JournalEntry},
    own::CheckpointChunk,
};
use prost::Message;

use super::{error::StartError, role::Role};
use crate::{
    namespace::Namespace,
    tree::{Effects, Persistence, Restore, Tree},
};

pub(super) struct Restored {
    pub tree: Tree,
    pub journal: Journal,
    /// The sequence of the checkpoint it began with; 0 without one.
    pub checkpoint: u64,
}

/// Records between two reports of how far the replay is.
const REPORT_EVERY: u64 = 1_000_000;

/// Claims the journal, restores the newest checkpoint, applies the records after it.
pub(super) async fn restore(
    store: Arc<dyn Store>,
    options: Options,
    role: &Role,
) -> Result<Restored, StartError> {
    let mut recovery = Recovery::start(store, options).await?;
    let mut tree = Tree::default();
    let mut checkpoint = 0;
    if let Some(mut reader) = recovery.checkpoint() {
        let footer = reader.footer().clone();
        checkpoint = footer.position.sequence;
        let mut restore = Restore::default();
        while let Some(chunk) = reader.next_chunk().await? {
            let decode = |source| StartError::DecodeCheckpoint { sequence: checkpoint, source };
            let chunk = CheckpointChunk::decode(chunk).map_err(decode)?;
            restore.add(chunk).map_err(|source| StartError::Restore { sequence: checkpoint, source })?;
        }
        let found = restore.hash();
        if found != footer.tree_hash {
            return Err(StartError::TreeHash { sequence: checkpoint, expected: footer.tree_hash, found });
        }
        tree = restore.finish().map_err(|source| StartError::Restore { sequence: checkpoint, source })?;
        role.replayed(checkpoint);
    }
    let mut effects = Effects::default();
    while let Some(record) = recovery.next().await? {
        let sequence = record.sequence();
        let entry =
            JournalEntry::decode(record.payload).map_err(|source| StartError::Decode { sequence, source })?;
        tree.apply(&entry, &mut effects).map_err(|source| StartError::Replay { sequence, source })?;
        // Workers list what they hold when they register, and what no file owns is freed then.
        effects = Effects::default();
        role.replayed(sequence);
        if sequence.is_multiple_of(REPORT_EVERY) {
            tracing::info!(sequence, "replaying the journal");
        }
    }
    let journal = recovery.finish().await?;
    Ok(Restored { tree, journal, checkpoint })
}

/// The first records of a new cluster: its id and its root directory.
pub(super) async fn bootstrap(conf: &Configuration, namespace: &Namespace) -> Result<(), StartError> {
    if namespace.peek(|tree| tree.root().is_some()) {
        return Ok(());
    }
    let owner = alluxio_rpc::login_user(conf);
    let umask = Mode::parse_octal(&conf.get(key::SECURITY_AUTHORIZATION_PERMISSION_UMASK));
    let mode = Mode::new(0o777).masked_by(umask.unwrap_or(Mode::new(0o022)));
    let cluster_id = namespace.journal().status().cluster.to_string();
    namespace
        .mutate(&[], None, |_, draft| {
            draft.push(JournalEntry {
                cluster_info: Some(ClusterInfoEntry { cluster_id: Some(cluster_id.clone()) }),
                ..JournalEntry::default()
            });
            draft.push(JournalEntry {
                inode_directory: Some(InodeDirectoryEntry {
                    id: Some(ids::ROOT_ID),
                    parent_id: Some(ids::NO_PARENT),
                    name: Some(String::new()),
                    // The root mount is there before anything is written.
                    persistence_state: Some(Persistence::Persisted.as_str().to_owned()),
                    creation_time_ms: Some(draft.now_ms),
                    last_modification_time_ms: Some(draft.now_ms),
                    last_access_time_ms: Some(draft.now_ms),
                    owner: Some(owner.clone()),
                    // As the original: the root's group is its owner's name.
                    group: Some(owner.clone()),
                    mode: Some(i32::from(mode.get())),
                    mount_point: Some(true),
                    ..InodeDirectoryEntry::default()
                }),
                ..JournalEntry::default()
            });
            Ok(())
        })
        .await
        .map_err(StartError::Bootstrap)
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
