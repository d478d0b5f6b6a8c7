//! The part of a delete that happens in the under storage.

use std::sync::Arc;

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_ufs::{ListOptions, UfsError, UfsErrorKind, UfsStatus, is_temporary_name};

use super::{DeleteOptions, Target};
use crate::{
    fs::{
        FileSystemMaster,
        ufs::{DIRECTORY_PATIENCE, PATIENCE, UfsPlace, bounded, held, ufs_call, ufs_error},
    },
    namespace::{MAX_CHANGES_PER_HOLD, Reservation},
};

/// Why the under storage still has something.
pub(super) enum Failure {
    /// Nothing was touched, or the under storage is still at it: there is nothing to be followed now.
    Plain(FsError),
    /// A part may be gone.
    Partly(FsError),
}

impl From<FsError> for Failure {
    fn from(error: FsError) -> Self {
        Self::Plain(error)
    }
}

impl DeleteOptions {
    /// Whether the content of mounts is deleted in their under storages.
    pub(super) fn empties_mounts(&self) -> bool {
        self.recursive && !self.alluxio_only && !self.unchecked
    }
}

/// Whether the under storage is compared with the tree before anything goes.
pub(super) fn is_checked(target: &Target, options: &DeleteOptions) -> bool {
    target.in_ufs && target.directory && options.recursive && !options.unchecked
}

impl FileSystemMaster {
    /// Deletes in the under storages what is to go there.
    pub(super) async fn delete_below(
        &self,
        path: &AlluxioPath,
        target: &Target,
        options: &DeleteOptions,
        reservation: &Arc<Reservation>,
    ) -> Result<(), Failure> {
        let mut gone = false;
        let deleted = self.look_and_delete(path, target, options, reservation, &mut gone).await;
        deleted.map_err(|failure| match failure {
            Failure::Plain(error) if gone => Failure::Partly(error),
            failure => failure,
        })
    }

    /// First all is looked at, then the first thing goes; `gone` says whether one has.
    async fn look_and_delete(
        &self,
        path: &AlluxioPath,
        target: &Target,
        options: &DeleteOptions,
        reservation: &Arc<Reservation>,
        gone: &mut bool,
    ) -> Result<(), Failure> {
        if is_checked(target, options) {
            self.check_nothing_unknown(path, &self.ufs_place_of(path)?).await?;
        }
        let emptied: Vec<&AlluxioPath> =
            target.mounts.iter().filter(|_| options.empties_mounts()).map(|mount| &mount.path).collect();
        for mount in &emptied {
            let mut after = String::new();
            while let Some(known) = self.known_in_mount(mount, &mut after).await? {
                for (at, _) in known.iter().filter(|(_, directory)| *directory) {
                    self.check_nothing_unknown(at, &self.ufs_place_of(at)?).await?;
                }
            }
        }
        for mount in emptied {
            let mut after = String::new();
            while let Some(known) = self.known_in_mount(mount, &mut after).await? {
                for (at, directory) in known {
                    self.delete_one(&at, directory, true, reservation).await?;
                    *gone = true;
                }
            }
        }
        if target.in_ufs {
            self.delete_one(path, target.directory, options.recursive, reservation).await?;
        }
        Ok(())
    }

    /// The next persisted files and directories right below a mount point, and whether each is a directory.
    async fn known_in_mount(
        &self,
        mount: &AlluxioPath,
        after: &mut String,
    ) -> Result<Option<Vec<(AlluxioPath, bool)>>, FsError> {
        let (children, _) = self.children_of(mount, after).await?;
        let Some((last, _)) = children.last() else { return Ok(None) };
        last.name().clone_into(after);
        Ok(Some(self.namespace.peek(|tree| {
            let known = |path: AlluxioPath| {
                let inode = tree.lookup(&path).target().and_then(|slot| tree.get(slot))?;
                let there = inode.is_persisted() && tree.mounts().at(&path).is_none();
                there.then(|| (path, inode.is_directory()))
            };
            children.into_iter().filter_map(|(path, _)| known(path)).collect()
        })))
    }

    async fn delete_one(
        &self,
        path: &AlluxioPath,
        directory: bool,
        recursive: bool,
        reservation: &Arc<Reservation>,
    ) -> Result<(), Failure> {
        let (place, removals, gone) = (self.ufs_place_of(path)?, self.removals.clone(), path.clone());
        let delete = async move {
            let deleted = delete_in_ufs(&place, directory, recursive).await;
            // Also when it failed: a part may be gone.
            removals.note(&gone);
            deleted
        };
        let patience = if directory && recursive { DIRECTORY_PATIENCE } else { PATIENCE };
        held(reservation, patience, delete).await?.map_err(|error| Failure::Partly(ufs_error(error)))
    }

    /// What a failed delete has removed from the under storage goes from the tree, too. The caller has given
    /// up the reservation.
    pub(super) async fn failed(
        &self,
        path: &AlluxioPath,
        options: &DeleteOptions,
        failure: Failure,
    ) -> FsError {
        let error = match failure {
            Failure::Plain(error) => return error,
            Failure::Partly(error) => error,
        };
        if options.recursive
            && let Err(error) = self.load_for_listing(path, None, Some(0), true).await
        {
            tracing::warn!(%path, %error, "a delete failed half-way; the next metadata sync shows what is left");
        }
        error
    }

    /// Nothing may be below the directory in the under storage that Alluxio does not know of: a
    /// recursive delete would take it along unseen.
    async fn check_nothing_unknown(&self, path: &AlluxioPath, place: &UfsPlace) -> Result<(), FsError> {
        let mut lister = match ufs_call(place.ufs.list(&place.path, ListOptions::recursive())).await? {
            Ok(lister) => lister,
            Err(error) if error.kind() == UfsErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(ufs_error(error)),
        };
        while let Some(page) = bounded(lister.next()).await? {
            if let Some(name) = page.unreadable.first() {
                return Err(FsError::failed_precondition(format!(
                    "Cannot delete {path}: its under storage holds {name:?}, which Alluxio cannot show. \
                     Remove it there, or delete unchecked (rm -R -U)."
                )));
            }
            for chunk in page.entries.chunks(MAX_CHANGES_PER_HOLD) {
                let at = |entry: &UfsStatus| {
                    let below = entry.path.strip_prefix(&place.path)?;
                    Some(below.components().fold(path.clone(), |at, name| at.join(name)))
                };
                let there: Vec<AlluxioPath> =
                    chunk.iter().filter_map(at).filter(|at| !is_temporary_name(at.name())).collect();
                let unknown =
                    self.namespace.peek(|tree| there.iter().find(|at| tree.lookup(at).target().is_none()));
                if let Some(unknown) = unknown {
                    return Err(FsError::failed_precondition(format!(
                        "Cannot delete {path}: its under storage holds {unknown}, which Alluxio does not know. \
                         List the directory to load it, or delete unchecked (rm -R -U)."
                    )));
                }
            }
        }
        Ok(())
    }
}

/// A file that somebody is just writing can keep a directory from going; then it is tried again.
async fn delete_in_ufs(place: &UfsPlace, directory: bool, recursive: bool) -> Result<(), UfsError> {
    if !directory {
        return place.ufs.delete_file(&place.path).await.map(drop);
    }
    let mut attempts = if recursive { 3 } else { 1 };
    loop {
        attempts -= 1;
        match place.ufs.delete_directory(&place.path, recursive).await {
            Err(error) if error.kind() == UfsErrorKind::DirectoryNotEmpty && attempts > 0 => {}
            other => return other.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use alluxio_ufs::{
        Operation,
        faults::{Fault, FaultyUfs},
    };

    use super::*;
    use crate::{
        fs::fixture::{Rig, path, recursive},
        namespace::Claim,
    };

    /// Deletes the mounted `/o` with the files `a` and `b`, where the under storage hangs at one of them.
    async fn failure(hangs_at: &str) -> Failure {
        let rig = Rig::new().await;
        let other = rig.outside("other");
        std::fs::create_dir(&other).unwrap();
        for name in ["a", "b"] {
            std::fs::write(other.join(name), "1").unwrap();
        }
        let (root, at) = (rig.root().await, path("/o"));
        let uri = other.display().to_string();
        rig.fs.mount(&root, &at, &uri, &Default::default()).await.unwrap();
        rig.list("/o", recursive()).await.unwrap();
        let place = rig.fs.ufs_place_of(&at).unwrap();
        let faulty = FaultyUfs::new(place.ufs);
        faulty.inject(Fault::delay(Operation::Delete, Duration::from_secs(100_000)).on(hangs_at));
        rig.fs.ufs.replace(place.mount.id, Arc::new(faulty));
        let options = DeleteOptions { recursive: true, mount_points: true, ..Default::default() };
        let look = |tree: &crate::tree::Tree, lookup: &crate::tree::Lookup| {
            rig.fs.delete_target(tree, lookup, &root, &at, &options)
        };
        let target = rig.fs.namespace.read_path(&at, look).await.unwrap();
        let reservation = rig.fs.namespace.reservations().reserve(vec![Claim::subtree(&at)]).await.unwrap();
        let deleted = rig.fs.delete_below(&at, &target, &options, &Arc::new(reservation)).await;
        assert_eq!(other.join("a").exists(), hangs_at == "a");
        deleted.expect_err("it hangs")
    }

    #[tokio::test(start_paused = true)]
    async fn when_something_has_gone_no_failure_is_told_as_if_nothing_had() {
        assert!(matches!(failure("a").await, Failure::Plain(_)));
        assert!(matches!(failure("b").await, Failure::Partly(_)));
    }
}
