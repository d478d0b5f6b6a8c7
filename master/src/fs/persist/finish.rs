//! The last step of persisting: the file a worker has written gets its name, and the tree says
//! PERSISTED.
//!
//! Under storage first, then journal. A crash in between leaves the file under its final name and no
//! temporary file; whoever repeats the step knows the file by the fingerprint that was journaled with
//! the worker's report.

use std::{str::FromStr, sync::Arc};

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_proto::journal::{JournalEntry, UpdateInodeEntry, UpdateInodeFileEntry};
use alluxio_ufs::{Fingerprint, UfsErrorKind, UfsPath, UfsStatus};
use tokio::time::Instant;

use super::{assign::to_persist, jobs::Job};
use crate::{
    fs::{
        FileSystemMaster,
        ufs::{PATIENCE, UfsPlace, bounded, held, mark_persisted, ufs_error},
    },
    namespace::{Claim, Reservation},
    tree::Tree,
};

/// What came of the step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Persisted,
    /// The file was deleted, or another job has it.
    Obsolete,
    /// What the worker wrote is not there, or not the file: it must be written again.
    Again(String),
}

/// The file as the tree has it.
struct Target {
    path: AlluxioPath,
    length: u64,
    fingerprint: String,
    owner: String,
    group: String,
    mode: u16,
}

impl FileSystemMaster {
    pub(super) async fn finish_job(self: Arc<Self>, file: i64, job: Job) {
        let now = Instant::now();
        match self.finish(file, &job).await {
            Ok(Outcome::Persisted) => {
                self.metrics.files_persisted.inc();
                self.persist.forget(file);
            }
            Ok(Outcome::Obsolete) => {
                self.persist.forget(file);
                self.drop_temporary(&job.temporary).await;
            }
            Ok(Outcome::Again(reason)) => {
                tracing::warn!(file, reason, "the file must be written to the under storage again");
                self.persist.jobs.lock().failed(file, job.id, now);
                self.drop_temporary(&job.temporary).await;
            }
            Err(error) => {
                let since = self.persist.jobs.lock().not_finished(file, now);
                if since.is_some_and(|since| now.duration_since(since) > self.persist.max_total) {
                    tracing::error!(file, %error, "the file could not be persisted for very long; its blocks are kept");
                } else {
                    tracing::warn!(file, %error, "the file is written, but cannot get its name; it is tried again");
                }
            }
        }
    }

    pub(super) async fn finish(&self, file: i64, job: &Job) -> Result<Outcome, FsError> {
        let Some((target, reservation)) = self.reserve_target(file, job).await? else {
            return Ok(Outcome::Obsolete);
        };
        // The mount may have changed; then the job's file is in the hands of its present under storage.
        let place = self.ufs_place_of(&target.path)?;
        let Ok(temporary) = place.ufs.uri().relative(&job.temporary.address) else {
            return Ok(Outcome::Again("its mount has changed".to_owned()));
        };
        let status = match self.give_name(&target, &place, &temporary, &reservation).await? {
            Ok(status) => status,
            Err(reason) => return Ok(Outcome::Again(reason)),
        };
        let fingerprint = status.fingerprint(place.ufs.ufs_type()).to_string();
        let done = self.mark_done(file, job, &target, fingerprint, &reservation).await?;
        drop(reservation);
        if done {
            self.sweep_orphans(&place, &target.path.parent().unwrap_or_else(AlluxioPath::root)).await;
        }
        Ok(if done { Outcome::Persisted } else { Outcome::Obsolete })
    }

    /// Reserves the file's present path. `None` when the job has become pointless.
    async fn reserve_target(
        &self,
        file: i64,
        job: &Job,
    ) -> Result<Option<(Target, Arc<Reservation>)>, FsError> {
        loop {
            let look = || self.namespace.peek(|tree| target(tree, file, job));
            let Some(before) = look() else { return Ok(None) };
            let reservation = self.namespace.reservations().reserve(vec![Claim::edge(&before.path)]).await?;
            // Renamed while we waited: follow it. What else has changed counts as it is now.
            if let Some(target) = look().filter(|target| target.path == before.path) {
                // What this rests on must be durable before the under storage changes.
                self.namespace.settled().await?;
                return Ok(Some((target, Arc::new(reservation))));
            }
        }
    }

    /// Renames the temporary file. The inner error says why it must be written again.
    async fn give_name(
        &self,
        target: &Target,
        place: &UfsPlace,
        temporary: &UfsPath,
        reservation: &Arc<Reservation>,
    ) -> Result<Result<UfsStatus, String>, FsError> {
        let Some(written) = bounded(place.ufs.status(temporary)).await? else {
            // Either it has its name already, or it is lost.
            return match bounded(place.ufs.status(&place.path)).await? {
                Some(status) if is_written(&status, target, place) => Ok(Ok(status)),
                _ => Ok(Err("the temporary file is not there".to_owned())),
            };
        };
        if written.length != target.length {
            return Ok(Err(format!(
                "the temporary file has {} bytes instead of {}",
                written.length, target.length
            )));
        }
        self.set_attributes(target, place, temporary, reservation).await?;
        // Missing parents, as the tree has them.
        let parent = target.path.parent().unwrap_or_else(AlluxioPath::root);
        self.make_ufs_directories(&self.own_subject(), &parent, None, true, reservation).await?;
        let (at, from) = (place.clone(), temporary.clone());
        let rename = async move { at.ufs.rename_file(&from, &at.path).await };
        match held(reservation, PATIENCE, rename).await? {
            Ok(()) => {}
            Err(error) if error.kind() == UfsErrorKind::AlreadyExists => {
                return Err(FsError::already_exists(format!(
                    "{} is in the under storage already, and Alluxio did not write it. Move it away, and the file is persisted.",
                    place.ufs.uri().join(&place.path)
                )));
            }
            Err(error) => return Err(ufs_error(error)),
        }
        match bounded(place.ufs.status(&place.path)).await? {
            Some(status) if status.length == target.length => Ok(Ok(status)),
            Some(status) => {
                Ok(Err(format!("it has {} bytes instead of {} under its name", status.length, target.length)))
            }
            None => Ok(Err("it vanished right after it got its name".to_owned())),
        }
    }

    /// As far as the process may: a master that is not root can give away no files.
    async fn set_attributes(
        &self,
        target: &Target,
        place: &UfsPlace,
        temporary: &UfsPath,
        reservation: &Arc<Reservation>,
    ) -> Result<(), FsError> {
        let name = |name: &'_ String| Some(name.clone()).filter(|name| !name.is_empty());
        let (owner, group, mode) = (name(&target.owner), name(&target.group), target.mode);
        let (ufs, at) = (place.ufs.clone(), temporary.clone());
        let set = async move { ufs.set_owner(&at, owner.as_deref(), group.as_deref()).await };
        match held(reservation, PATIENCE, set).await? {
            // A user that the under storage does not know keeps the file Alluxio's only.
            Err(error) if error.kind() != UfsErrorKind::InvalidArgument => return Err(ufs_error(error)),
            _ => {}
        }
        let (ufs, at) = (place.ufs.clone(), temporary.clone());
        let set = async move { ufs.set_mode(&at, mode).await };
        held(reservation, PATIENCE, set).await?.map(drop).map_err(ufs_error)
    }

    async fn mark_done(
        &self,
        file: i64,
        job: &Job,
        at: &Target,
        fingerprint: String,
        reservation: &Reservation,
    ) -> Result<bool, FsError> {
        self.namespace
            .mutate(&[&at.path], Some(reservation), |tree, draft| {
                if target(tree, file, job).is_none_or(|now| now.path != at.path) {
                    return Ok(false);
                }
                draft.push(JournalEntry {
                    update_inode: Some(UpdateInodeEntry {
                        id: Some(file),
                        persistence_state: Some(crate::tree::Persistence::Persisted.as_str().to_owned()),
                        ufs_fingerprint: Some(fingerprint.clone()),
                        ..UpdateInodeEntry::default()
                    }),
                    ..JournalEntry::default()
                });
                draft.push(JournalEntry {
                    update_inode_file: Some(UpdateInodeFileEntry {
                        id: Some(file),
                        persist_job_id: Some(-1),
                        temp_ufs_path: Some(String::new()),
                        ..UpdateInodeFileEntry::default()
                    }),
                    ..JournalEntry::default()
                });
                mark_persisted(tree, &at.path, &tree.lookup(&at.path), draft);
                Ok(true)
            })
            .await
    }
}

fn target(tree: &Tree, file: i64, job: &Job) -> Option<Target> {
    let (path, inode) = to_persist(tree, file)?;
    let rare = tree.rare(tree.find(file)?, inode)?;
    (rare.persist_job == job.id).then(|| Target {
        path,
        length: u64::try_from(inode.file_length()).unwrap_or(0),
        fingerprint: rare.fingerprint.to_string(),
        owner: tree.owner(inode).to_owned(),
        group: tree.group(inode).to_owned(),
        mode: inode.mode().get(),
    })
}

/// Whether this is the file that the worker reported. Owner and mode were changed since.
fn is_written(status: &UfsStatus, target: &Target, place: &UfsPlace) -> bool {
    // A store that renames by copying makes another tag for the copy of a large file. There the temporary file, whose
    // name is this job's alone, goes only after the copy is whole: that it is gone is sign enough.
    let same = || {
        let reported = Fingerprint::from_str(&target.fingerprint);
        reported.is_ok_and(|reported| reported.same_content(&status.fingerprint(place.ufs.ufs_type())))
    };
    !status.is_dir && status.length == target.length && (!place.ufs.capabilities().rename_file || same())
}
