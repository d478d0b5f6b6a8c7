//! From the journal to the tree.

use std::{future::pending, panic::resume_unwind, pin::pin, sync::Arc, time::Duration};

use alluxio_conf::{Configuration, key};
use alluxio_fs::{FsError, Mode, ids};
use alluxio_journal::{CheckpointReader, Journal, Options, Recovery, store::Store};
use alluxio_proto::{
    journal::{ClusterInfoEntry, InodeDirectoryEntry, JournalEntry},
    own::CheckpointChunk,
};
use alluxio_telemetry::metrics::Metrics;
use prost::Message;
use tokio::{task::spawn_blocking, time::timeout};

use super::{error::StartError, role::Role, standby::Warm};
use crate::{
    aside::Aside,
    backup::{RootStore, import},
    namespace::Namespace,
    tree::{Effects, Persistence, Restore, Tree},
};

pub(super) struct Restored {
    pub tree: Aside<Tree>,
    pub journal: Journal,
    /// The sequence of the checkpoint it began with; 0 without one.
    pub checkpoint: u64,
}

/// Records between two reports of how far the replay is.
const REPORT_EVERY: u64 = 1_000_000;

/// What lies between two steps of a replay takes a few seconds at most: sealing a journal on HDFS, putting a large
/// checkpoint together.
const STANDS_STILL: Duration = Duration::from_secs(60);

/// [`restore`] for one who was elected: what stands still is left to another master. A mounted path may hang for ever,
/// and nothing else would end this leadership.
pub(super) async fn restore_in_time(
    store: Arc<dyn Store>,
    options: Options,
    warm: &mut Option<Warm>,
    role: &Role,
) -> Result<Restored, StartError> {
    let mut restoring = pin!(restore(store, options, warm, role));
    loop {
        let before = role.steps();
        match timeout(STANDS_STILL, &mut restoring).await {
            Ok(restored) => return restored,
            Err(_) if role.steps() == before => return Err(StartError::StandsStill(STANDS_STILL)),
            Err(_) => {}
        }
    }
}

/// Claims the journal and brings the tree to its end: from what a standby has in memory, or else from the newest
/// checkpoint. What is in memory is taken only when the journal is ours.
pub(super) async fn restore(
    store: Arc<dyn Store>,
    options: Options,
    warm: &mut Option<Warm>,
    role: &Role,
) -> Result<Restored, StartError> {
    let mut recovery = match warm {
        None => Recovery::start(store, options).await?,
        Some(warm) => Recovery::take_over(store, options, warm.position()).await?,
    };
    let mut in_memory = warm.take();
    if let Some(why) = recovery.starts_over() {
        tracing::warn!("what this standby had in memory is dropped: {why}");
        in_memory = None;
    }
    let (mut tree, checkpoint) = match (in_memory, recovery.checkpoint()) {
        (Some(Warm { tree, checkpoint, .. }), _) => (tree, checkpoint),
        (None, Some(reader)) => from_checkpoint(reader, role).await?,
        (None, None) => (Aside::default(), 0),
    };
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

/// The tree of a checkpoint, and its sequence.
pub(super) async fn from_checkpoint(
    mut reader: CheckpointReader,
    role: &Role,
) -> Result<(Aside<Tree>, u64), StartError> {
    let footer = reader.footer().clone();
    let sequence = footer.position.sequence;
    let mut restore = Aside::<Restore>::default();
    while let Some(chunk) = reader.next_chunk().await? {
        let decode = |source| StartError::DecodeCheckpoint { sequence, source };
        let chunk = CheckpointChunk::decode(chunk).map_err(decode)?;
        restore.add(chunk).map_err(|source| StartError::Restore { sequence, source })?;
        role.step();
    }
    let found = restore.hash();
    if found != footer.tree_hash {
        return Err(StartError::TreeHash { sequence, expected: footer.tree_hash, found });
    }
    let restore = restore.into_inner();
    let tree = on_thread(move || restore.finish().map(Aside::new)).await;
    let tree = tree.map_err(|source| StartError::Restore { sequence, source })?;
    role.replayed(sequence);
    Ok((tree, sequence))
}

/// Seconds of work for a large tree: not on a thread that others need.
async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // It has been kept from beginning: the process ends.
            Err(_) => pending().await,
        },
    }
}

/// The first records of a cluster: those of the backup that the configuration names, else its id and its root
/// directory. To be called by whoever leads. True: all comes from a backup, just now.
pub(super) async fn bootstrap(
    conf: &Configuration,
    namespace: &Namespace,
    metrics: &Metrics,
) -> Result<bool, StartError> {
    let backup = conf.opt(key::MASTER_JOURNAL_INIT_FROM_BACKUP).filter(|backup| !backup.is_empty());
    let location = namespace.journal().status().location;
    if namespace.peek(|tree| !tree.cluster_id().is_empty()) {
        if let Some(backup) = backup {
            tracing::warn!(
                "the backup {backup} is not read: {location} holds a journal that is in use. To fill a journal from it, \
                 give an empty folder as alluxio.master.journal.folder; else remove alluxio.master.journal.init.from.backup"
            );
        }
        return Ok(false);
    }
    // The cluster's id is the last of an import.
    if namespace.journal().position().sequence > 0 {
        return Err(StartError::HalfImported { location });
    }
    if let Some(backup) = backup {
        let root = namespace.peek(|tree| RootStore::of(tree, conf));
        let file = root.ok_or_else(no_root_mount)?.file(&backup)?;
        import(namespace, &file, metrics).await?;
        return Ok(true);
    }
    new_cluster(conf, namespace).await?;
    Ok(false)
}

fn no_root_mount() -> StartError {
    StartError::Bootstrap(FsError::internal("The root has no under storage."))
}

async fn new_cluster(conf: &Configuration, namespace: &Namespace) -> Result<(), StartError> {
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
