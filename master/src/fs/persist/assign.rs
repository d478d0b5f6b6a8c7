//! From the files that are to be persisted to jobs that workers have.

use std::{ops::Bound, sync::Arc, time::Duration};

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_proto::{
    grpc::file::PersistFile,
    journal::{JournalEntry, UpdateInodeEntry, UpdateInodeFileEntry},
};
use alluxio_ufs::UfsPath;
use tokio::time::Instant;

use super::{
    Wait,
    jobs::{Job, Temporary},
    temporary::{file_name, job_id},
};
use crate::{
    fs::{
        FileSystemMaster,
        ufs::{bounded, check_mode, check_writable, no_mount},
    },
    namespace::MAX_CHANGES_PER_HOLD,
    tree::{BlockRange, Inode, Mount, Persistence, Tree},
};

/// Jobs per record.
const BATCH: usize = 100;

/// When to look again for blocks that no live worker has.
const LOST_BLOCKS: Duration = Duration::from_secs(10);

/// Where the look through the files to be persisted stands.
#[derive(Default)]
pub struct Cursor {
    after: Option<i64>,
}

/// A file that is to be persisted.
struct Wanted {
    id: i64,
    path: AlluxioPath,
    blocks: BlockRange,
    length: i64,
    block_size: i64,
    mount: Arc<Mount>,
    /// The deepest directory above it that is in the under storage.
    directory: AlluxioPath,
}

/// A job about to be journaled.
struct Proposed {
    file: i64,
    worker: i64,
    job: Job,
    command: PersistFile,
}

/// A job that a file has from before.
struct Before {
    job: Job,
    /// Its temporary file is complete.
    written: bool,
}

impl FileSystemMaster {
    /// Enters files into the table that are not in it yet.
    pub(super) async fn find_new_files(&self, cursor: &mut Cursor) -> Result<(), FsError> {
        let now = Instant::now();
        let mut room = self.persist.jobs.lock().room();
        let mut seen = 0;
        while room > 0 {
            let from = cursor.after.map_or(Bound::Unbounded, Bound::Excluded);
            let limit = MAX_CHANGES_PER_HOLD.min(room);
            let mut files: Vec<i64> = self.namespace.peek(|tree| {
                tree.to_be_persisted().range((from, Bound::Unbounded)).take(limit).copied().collect()
            });
            cursor.after = files.last().copied();
            seen += files.len();
            let last = files.is_empty();
            {
                let jobs = self.persist.jobs.lock();
                files.retain(|file| !jobs.has(*file));
            }
            let found: Vec<(i64, Option<Before>)> = self.namespace.peek(|tree| {
                let look = |file: i64| {
                    // Files that are still being written stay with the tree: there is nothing to do for them yet.
                    let (path, inode) = to_persist(tree, file)?;
                    Some((file, before(tree, file, &path, inode)))
                };
                files.into_iter().filter_map(look).collect()
            });
            {
                let mut jobs = self.persist.jobs.lock();
                for (file, before) in found {
                    match (before, self.persist.wait(file)) {
                        (Some(before), _) => jobs.inherit(file, before.job, before.written, now),
                        (None, Some(Wait::Asked)) => {}
                        (None, Some(Wait::Until(at))) if at > now => {}
                        (None, Some(Wait::Until(_)) | None) => jobs.add(file, now, now),
                    }
                }
                room = jobs.room();
            }
            tokio::task::yield_now().await;
            // Not more than that in one step, and the whole set once at most.
            if last || seen >= super::jobs::MAX_FILES {
                break;
            }
        }
        Ok(())
    }

    /// Takes jobs back that nobody works on any more, and removes what they may have written.
    pub(super) async fn take_back_jobs(&self) {
        let given_up =
            self.persist.jobs.lock().take_back(Instant::now(), |worker| self.blocks.is_worker_alive(worker));
        for (file, job) in given_up {
            tracing::info!(
                file,
                job = job.id,
                "no worker reports on persisting this file; another will do it"
            );
            self.drop_temporary(&job.temporary).await;
        }
    }

    /// Gives out what is ready: first the journal, then the workers.
    pub(super) async fn assign_jobs(&self) -> Result<(), FsError> {
        // Before all workers are back nobody knows who holds which block.
        if self.blocks.safe_mode() {
            return Ok(());
        }
        loop {
            let ready = self.persist.jobs.lock().ready(Instant::now(), BATCH);
            let count = ready.len();
            let mut proposed = Vec::new();
            for file in ready {
                let Some(wanted) = self.wanted(file)? else {
                    self.persist.forget(file);
                    continue;
                };
                if self.lost_of(wanted.blocks).await > 0 {
                    tracing::debug!(file, "a block of the file is on no live worker; persisting it waits");
                    self.persist.jobs.lock().delay(file, Instant::now() + LOST_BLOCKS);
                    continue;
                }
                let Some(worker) = self.blocks.choose_worker_for_persist(wanted.blocks.ids()) else {
                    self.tell_no_worker(true);
                    return Ok(());
                };
                self.tell_no_worker(false);
                if !self.persist.jobs.lock().is_full(worker) && !proposed_enough(&proposed, worker) {
                    match self.propose(wanted, worker).await {
                        Ok(proposal) => proposed.push(proposal),
                        Err(error) => self.put_off(file, &error),
                    }
                }
            }
            let given = proposed.len();
            self.give_out(proposed).await?;
            if count < BATCH || given == 0 {
                return Ok(());
            }
        }
    }

    fn wanted(&self, file: i64) -> Result<Option<Wanted>, FsError> {
        self.namespace.peek(|tree| {
            let Some((path, inode)) = to_persist(tree, file) else { return Ok(None) };
            let mount = tree.mounts().mount_of(&path).ok_or_else(|| no_mount(&path))?;
            Ok(Some(Wanted {
                id: file,
                blocks: BlockRange::of_file(file, inode.block_count()),
                length: inode.file_length(),
                block_size: tree.block_size(inode),
                directory: persisted_directory(tree, &path, &mount),
                mount,
                path,
            }))
        })
    }

    async fn propose(&self, wanted: Wanted, worker: i64) -> Result<Proposed, FsError> {
        self.namespace.peek(|tree| {
            check_writable(tree, &wanted.path)?;
            check_mode(tree, &wanted.mount, true)
        })?;
        let id = job_id(self.namespace.journal().term(), rand::random());
        let directory = self.ufs_place(wanted.mount.clone(), &wanted.directory)?;
        let name = file_name(wanted.path.name(), id);
        let path = directory.path.child(&name).map_err(crate::fs::ufs::ufs_error)?;
        let address = directory.ufs.uri().join(&path).to_string();
        let command = PersistFile {
            file_id: Some(wanted.id),
            block_ids: wanted.blocks.ids().collect(),
            job_id: Some(id),
            temp_ufs_path: Some(address.clone()),
            mount_id: Some(wanted.mount.id),
            length: Some(wanted.length),
            block_size: Some(wanted.block_size),
        };
        let job = Job { id, temporary: Temporary { mount_id: wanted.mount.id, address } };
        Ok(Proposed { file: wanted.id, worker, job, command })
    }

    async fn give_out(&self, proposed: Vec<Proposed>) -> Result<(), FsError> {
        if proposed.is_empty() {
            return Ok(());
        }
        let given = self
            .namespace
            .mutate(&[], None, |tree, draft| {
                let mut given = Vec::new();
                for Proposed { file, job, .. } in &proposed {
                    if to_persist(tree, *file).is_none() {
                        continue;
                    }
                    given.push(*file);
                    draft.push(JournalEntry {
                        update_inode_file: Some(UpdateInodeFileEntry {
                            id: Some(*file),
                            persist_job_id: Some(job.id),
                            temp_ufs_path: Some(job.temporary.address.clone()),
                            ..UpdateInodeFileEntry::default()
                        }),
                        ..JournalEntry::default()
                    });
                    // What an earlier job wrote does not count for this one.
                    draft.push(JournalEntry {
                        update_inode: Some(UpdateInodeEntry {
                            id: Some(*file),
                            ufs_fingerprint: Some(String::new()),
                            ..UpdateInodeEntry::default()
                        }),
                        ..JournalEntry::default()
                    });
                }
                Ok(given)
            })
            .await?;
        let now = Instant::now();
        let mut jobs = self.persist.jobs.lock();
        for Proposed { file, worker, job, command } in proposed {
            if given.contains(&file) {
                jobs.assign(file, worker, job, command, now);
            }
        }
        Ok(())
    }

    /// A file that no job can be made for now.
    fn put_off(&self, file: i64, error: &FsError) {
        tracing::warn!(file, %error, "the file cannot be persisted now; it is tried again");
        self.persist.jobs.lock().postpone(file, Instant::now());
    }

    fn tell_no_worker(&self, none: bool) {
        let mut told = self.persist.told_no_worker.lock();
        if none && !*told {
            tracing::warn!(
                "files are to be persisted, but no live worker takes such jobs; they stay in Alluxio until one does \
                 (workers of Alluxio 2.9 do not)"
            );
        }
        *told = none;
    }

    /// Removes a file that a job may have written. Nothing depends on it: a failure is only logged.
    pub(super) async fn drop_temporary(&self, temporary: &Temporary) {
        let Some(mount) = self.namespace.peek(|tree| tree.mounts().by_id(temporary.mount_id).cloned()) else {
            return;
        };
        let dropped = async {
            let ufs = self.ufs.get(&mount)?;
            let path: UfsPath = ufs.uri().relative(&temporary.address).map_err(crate::fs::ufs::ufs_error)?;
            // Nothing but what a job of ours wrote.
            if super::temporary::term_in_name(path.name()).is_some() {
                bounded(ufs.delete_file(&path)).await?;
            }
            Ok::<_, FsError>(())
        };
        if let Err(error) = dropped.await {
            tracing::warn!(file = temporary.address, %error, "a temporary file is left behind");
        }
    }
}

fn proposed_enough(proposed: &[Proposed], worker: i64) -> bool {
    proposed.iter().filter(|other| other.worker == worker).count() >= super::jobs::PER_WORKER
}

/// A file that still is to be persisted, with its present path.
pub(super) fn to_persist(tree: &Tree, file: i64) -> Option<(AlluxioPath, &Inode)> {
    let (slot, inode) = tree.by_id(file)?;
    let wanted = inode.persistence() == Persistence::ToBePersisted && inode.is_completed();
    Some((tree.path_of(slot).filter(|_| wanted)?, inode))
}

fn before(tree: &Tree, file: i64, path: &AlluxioPath, inode: &Inode) -> Option<Before> {
    let rare = tree.rare(tree.find(file)?, inode).filter(|rare| rare.persist_job >= 0)?;
    let mount_id = tree.mounts().mount_of(path).map_or(-1, |mount| mount.id);
    let temporary = Temporary { mount_id, address: rare.persist_path.to_string() };
    Some(Before { job: Job { id: rare.persist_job, temporary }, written: !rare.fingerprint.is_empty() })
}

fn persisted_directory(tree: &Tree, path: &AlluxioPath, mount: &Mount) -> AlluxioPath {
    let lookup = tree.lookup(path);
    let mut deepest = mount.path.clone();
    let mut at = AlluxioPath::root();
    for (name, slot) in path.components().zip(lookup.found.iter().skip(1)) {
        at = at.join(name);
        let persisted = tree.get(*slot).is_some_and(|inode| inode.is_directory() && inode.is_persisted());
        if persisted && at.starts_with(&deepest) {
            deepest = at.clone();
        }
    }
    deepest
}
