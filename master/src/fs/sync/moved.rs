//! Fingerprints over a rename. A store that copies gives many objects another tag, so what was moved is measured anew where it
//! stands then.
//!
//! That goes for what was as it is known before the rename. A file that others had changed keeps its fingerprint, so that
//! the next sync sees the change, and so does one whose tag is a plain sum and changed on the way; where something goes wrong all
//! keep theirs. Then the next sync takes what has another tag for another file, which costs what is cached of it and is never
//! wrong. Not seen is a change, with the same length, of what has another kind of tag, between the two looks.

use std::collections::HashSet;

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_ufs::{Fingerprint, ListOptions, UfsErrorKind, UfsLister, UfsStatus};

use super::{FileSystemMaster, Verdict, inode_takes_part, target, update, verdict_at};
use crate::{
    fs::ufs::{UfsPlace, bounded, ufs_call, ufs_error},
    namespace::{MAX_CHANGES_PER_HOLD, Reservation},
};

/// Changed files that are remembered. Where there are more, nothing is measured.
const MOST: usize = 10_000;

/// The files that others had changed before a rename.
pub(in crate::fs) struct Changed(HashSet<i64>);

/// The files at and below a place, by a look or a listing.
struct Files {
    alone: Option<UfsStatus>,
    below: Option<Box<dyn UfsLister>>,
}

impl Files {
    async fn of(place: &UfsPlace, directory: bool) -> Result<Self, FsError> {
        if !directory {
            return Ok(Self { alone: bounded(place.ufs.status(&place.path)).await?, below: None });
        }
        let options = ListOptions { limit: MAX_CHANGES_PER_HOLD, ..ListOptions::recursive() };
        let below = match ufs_call(place.ufs.list(&place.path, options)).await? {
            Err(error) if error.kind() == UfsErrorKind::NotFound => None,
            listed => Some(listed.map_err(ufs_error)?),
        };
        Ok(Self { alone: None, below })
    }

    async fn next(&mut self) -> Result<Option<Vec<UfsStatus>>, FsError> {
        if let Some(file) = self.alone.take() {
            return Ok(Some(vec![file]));
        }
        let Some(below) = &mut self.below else { return Ok(None) };
        match ufs_call(below.next()).await? {
            Err(error) if error.kind() == UfsErrorKind::NotFound => Ok(None),
            page => Ok(page.map_err(ufs_error)?.map(|page| page.entries)),
        }
    }
}

impl FileSystemMaster {
    /// To be asked before a rename; `None` where there will be nothing to measure.
    pub(in crate::fs) async fn changed_before_rename(
        &self,
        from: &AlluxioPath,
        directory: bool,
    ) -> Result<Option<Changed>, FsError> {
        let place = self.ufs_place_of(from)?;
        let can = place.ufs.capabilities();
        let is_moved = if directory { can.rename_directory } else { can.rename_file };
        if is_moved {
            return Ok(None);
        }
        let mut files = Files::of(&place, directory).await?;
        let mut changed = HashSet::new();
        let mut any = false;
        while let Some(page) = files.next().await? {
            any = true;
            let page = named(from, &place, page);
            self.namespace.peek(|tree| {
                let differs = |(at, status): &(AlluxioPath, UfsStatus)| {
                    let verdict = verdict_at(tree, at, &place, Some(status))?;
                    let (_, inode) = target(tree, at)?;
                    (verdict == Verdict::Content).then_some(inode.id)
                };
                changed.extend(page.iter().filter_map(differs));
            });
            if changed.len() > MOST {
                tracing::warn!(%from, "so many files were changed in the under storage that fingerprints are not kept over the rename");
                return Ok(None);
            }
        }
        Ok(any.then_some(Changed(changed)))
    }

    /// To be called when all was moved in the under storage, and not yet in the tree. What an error left unmeasured the next sync
    /// may take for other files.
    pub(in crate::fs) async fn measure_moved(
        &self,
        changed: &Changed,
        from: &AlluxioPath,
        to: &AlluxioPath,
        directory: bool,
        reservation: &Reservation,
    ) -> Result<(), FsError> {
        let place = self.ufs_place_of(to)?;
        let mut files = Files::of(&place, directory).await?;
        while let Some(page) = files.next().await? {
            let page = named(from, &place, page);
            let paths: Vec<&AlluxioPath> = page.iter().map(|(at, _)| at).collect();
            self.namespace
                .mutate(&paths, Some(reservation), |tree, draft| {
                    for (at, status) in &page {
                        let Some((slot, inode)) = target(tree, at) else { continue };
                        let same_length = u64::try_from(inode.file_length()) == Ok(status.length);
                        if inode.is_directory()
                            || !inode_takes_part(inode)
                            || !same_length
                            || changed.0.contains(&inode.id)
                        {
                            continue;
                        }
                        let now = status.fingerprint(place.ufs.ufs_type());
                        let stored = tree.rare(slot, inode).map_or("", |rare| &rare.fingerprint);
                        let print = match stored.parse::<Fingerprint>() {
                            // Somebody wrote it anew while it was moved: the next sync is to see that.
                            Ok(stored) if stored.is_of_another_sum(&now) => continue,
                            Ok(stored) => stored.with_content_of(&now),
                            Err(_) => now,
                        };
                        if print.to_string() != stored {
                            draft.push(update(inode.id, print.to_string(), None));
                        }
                    }
                    Ok(())
                })
                .await?;
        }
        Ok(())
    }
}

/// The files of a page, each with its path when what lies at `place` lay at `top`.
fn named(top: &AlluxioPath, place: &UfsPlace, page: Vec<UfsStatus>) -> Vec<(AlluxioPath, UfsStatus)> {
    let name = |status: UfsStatus| {
        let below = status.path.strip_prefix(&place.path)?;
        Some((below.components().fold(top.clone(), |at, name| at.join(name)), status))
    };
    page.into_iter().filter(|status| !status.is_dir).filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use alluxio_ufs::{
        Operation,
        faults::{Fault, FaultyUfs},
    };

    use super::*;
    use crate::fs::fixture::{Rig, modified, path};

    /// `/d` with two files, on a store whose copies have other tags.
    async fn rig() -> (Rig, FaultyUfs) {
        let rig = Rig::new().await;
        let place = rig.fs.ufs_place_of(&AlluxioPath::root()).unwrap();
        let ufs = FaultyUfs::copying(place.ufs);
        rig.fs.ufs.replace(place.mount.id, Arc::new(ufs.clone()));
        for at in ["/d/f", "/d/sub/g"] {
            rig.ufs_write(at, "old");
            rig.status(at).await.unwrap();
        }
        (rig, ufs)
    }

    async fn mv(rig: &Rig, from: &str, to: &str) -> Result<(), FsError> {
        rig.fs.rename(&rig.root().await, &path(from), &path(to), &Default::default()).await
    }

    async fn id(rig: &Rig, at: &str, sync_ms: i64) -> i64 {
        rig.status_with(at, None, Some(sync_ms)).await.unwrap().file_id()
    }

    /// By others, with the same length.
    fn overwrite(rig: &Rig, at: &str) {
        rig.ufs_write(at, "new");
        modified(&rig.in_ufs(at), 77);
    }

    #[tokio::test]
    async fn what_was_moved_is_known_again_and_its_next_change_seen() {
        let (rig, _ufs) = rig().await;
        let [f, g] = [id(&rig, "/d/f", -1).await, id(&rig, "/d/sub/g", -1).await];
        mv(&rig, "/d", "/e").await.unwrap();
        mv(&rig, "/e/f", "/e/h").await.unwrap();
        for (at, known) in [("/e/h", f), ("/e/sub/g", g)] {
            assert_eq!(id(&rig, at, 0).await, known, "{at} is taken for another file");
        }
        // Also when nobody has looked since.
        mv(&rig, "/e", "/d").await.unwrap();
        for (at, known) in [("/d/h", f), ("/d/sub/g", g)] {
            overwrite(&rig, at);
            assert_ne!(id(&rig, at, 0).await, known, "{at} is taken for the old one");
        }
        let hash = rig.hash();
        assert_eq!(rig.crash().await.hash(), hash);
    }

    #[tokio::test]
    async fn what_was_changed_before_the_rename_is_not_taken_for_the_same() {
        let (rig, _ufs) = rig().await;
        let [f, g] = [id(&rig, "/d/f", -1).await, id(&rig, "/d/sub/g", -1).await];
        overwrite(&rig, "/d/sub/g");
        mv(&rig, "/d", "/e").await.unwrap();
        overwrite(&rig, "/e/f");
        // Nobody looks in between.
        let at = path("/e/f");
        rig.fs.rename(&rig.root().await, &at, &path("/e/h"), &Default::default()).await.unwrap();
        assert_ne!(id(&rig, "/e/h", 0).await, f);
        assert_ne!(id(&rig, "/e/sub/g", 0).await, g);
    }

    /// Between the two looks; a sum tells, and others do not (as docs/object-stores.md says).
    #[tokio::test]
    async fn what_is_written_anew_while_it_is_moved_is_seen_by_its_sum() {
        let rig = Rig::new().await;
        let place = rig.fs.ufs_place_of(&AlluxioPath::root()).unwrap();
        let ufs = FaultyUfs::copying_sums(place.ufs);
        rig.fs.ufs.replace(place.mount.id, Arc::new(ufs.clone()));
        for at in ["/d/f", "/d/g"] {
            rig.ufs_write(at, "old");
            rig.status(at).await.unwrap();
        }
        let [f, g] = [id(&rig, "/d/f", -1).await, id(&rig, "/d/g", -1).await];
        let written = rig.in_ufs("/d/f");
        ufs.inject(Fault::meanwhile(Operation::Rename, move || {
            std::fs::write(&written, "new").unwrap();
            modified(&written, 77);
        }));
        mv(&rig, "/d", "/e").await.unwrap();
        ufs.heal();
        assert_ne!(id(&rig, "/e/f", 0).await, f, "taken for the old one");
        assert_eq!(id(&rig, "/e/g", 0).await, g);
    }

    #[tokio::test]
    async fn after_a_rename_that_failed_changes_are_seen() {
        let (rig, ufs) = rig().await;
        let f = id(&rig, "/d/f", -1).await;
        ufs.inject(Fault::fail(Operation::Rename, UfsErrorKind::Unavailable));
        mv(&rig, "/d", "/e").await.unwrap_err();
        mv(&rig, "/d/f", "/d/h").await.unwrap_err();
        assert_eq!(id(&rig, "/d/f", 0).await, f);
        overwrite(&rig, "/d/f");
        assert_ne!(id(&rig, "/d/f", 0).await, f);
    }

    #[tokio::test]
    async fn what_could_not_be_measured_is_not_taken_for_the_same() {
        let (rig, ufs) = rig().await;
        let f = id(&rig, "/d/f", -1).await;
        // The listing before it, and its end, go well.
        ufs.inject(Fault::fail(Operation::List, UfsErrorKind::Unavailable).after(2));
        mv(&rig, "/d", "/e").await.unwrap();
        ufs.heal();
        overwrite(&rig, "/e/f");
        assert_ne!(id(&rig, "/e/f", 0).await, f);
    }
}
