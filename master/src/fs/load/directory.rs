//! Bringing in what a directory holds in the under storage.

use std::{collections::HashSet, sync::Arc};

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_proto::journal::{JournalEntry, UpdateInodeDirectoryEntry};
use alluxio_ufs::{ListOptions, ListPage, UfsErrorKind, UfsStatus};

use super::{LoadedInodes, removals::Mark};
use crate::{
    fs::{
        FileSystemMaster,
        ufs::{UfsPlace, check_mode, mark_persisted, no_mount, ufs_call},
    },
    namespace::{Draft, MAX_CHANGES_PER_HOLD},
    tree::{Inode, Mount, Slot, Tree},
};

/// Children per record.
const CHUNK: usize = MAX_CHANGES_PER_HOLD;

/// Names told in the warning about names that cannot be shown.
const TOLD: usize = 5;

/// The directory being loaded.
struct Target {
    path: AlluxioPath,
    id: i64,
    mount: Arc<Mount>,
    loaded: bool,
}

/// What a listing found out about the directory.
#[derive(Default)]
pub struct Found {
    /// Children that the tree had and the under storage has.
    pub seen: HashSet<i64>,
    /// Those of them that look different there.
    pub changed: Vec<AlluxioPath>,
    /// The directory itself is not there.
    pub gone: bool,
    /// Children that could not be added now.
    postponed: bool,
    invalid: Vec<String>,
    invalid_total: u64,
}

/// One entry of a listing.
struct Entry<'a> {
    path: AlluxioPath,
    status: &'a UfsStatus,
    fingerprint: Option<String>,
}

impl FileSystemMaster {
    /// Adds to a directory what the under storage has in it and the tree lacks. With `again` also when
    /// that was done before.
    pub(in crate::fs) async fn load_children(&self, path: &AlluxioPath, again: bool) -> Result<(), FsError> {
        self.list_into_tree(path, again, false).await.map(drop)
    }

    /// The same, and compares what the tree has already. `None` when there is no such directory, or
    /// somebody else has just done it.
    pub(in crate::fs) async fn compare_children(&self, path: &AlluxioPath) -> Result<Option<Found>, FsError> {
        self.list_into_tree(path, true, true).await
    }

    async fn list_into_tree(
        &self,
        path: &AlluxioPath,
        again: bool,
        compare: bool,
    ) -> Result<Option<Found>, FsError> {
        // Who compares needs what was found, so he cannot take over somebody else's answer.
        let turn = self.load_turns.enter(path).await;
        if turn.is_none() && !compare {
            return Ok(None);
        }
        let Some(target) = self.namespace.peek(|tree| target(tree, path))? else { return Ok(None) };
        if target.loaded && !again {
            return Ok(None);
        }
        let mark = self.removals.mark();
        let place = self.ufs_place(target.mount.clone(), path)?;
        let mut found = Found::default();
        self.list_pages(&target, &place, mark, compare, &mut found).await?;
        if found.invalid_total > 0 {
            tracing::warn!(
                directory = %place.ufs.uri().join(&place.path),
                count = found.invalid_total,
                names = ?found.invalid,
                "names that Alluxio cannot show are left out"
            );
        }
        if !found.gone {
            self.mark_loaded(&target, found.postponed).await?;
        }
        if let Some(turn) = turn {
            turn.done();
        }
        Ok(Some(found))
    }

    async fn list_pages(
        &self,
        target: &Target,
        place: &UfsPlace,
        mark: Mark,
        compare: bool,
        found: &mut Found,
    ) -> Result<(), FsError> {
        let absent = |kind| matches!(kind, UfsErrorKind::NotFound | UfsErrorKind::NotDirectory);
        let mut lister = match ufs_call(place.ufs.list(&place.path, ListOptions::default())).await? {
            Ok(lister) => lister,
            Err(error) if absent(error.kind()) => {
                found.gone = true;
                return Ok(());
            }
            Err(error) => return Err(crate::fs::ufs::ufs_error(error)),
        };
        loop {
            let page = match ufs_call(lister.next()).await? {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(()),
                Err(error) if absent(error.kind()) => {
                    found.gone = true;
                    return Ok(());
                }
                Err(error) => return Err(crate::fs::ufs::ufs_error(error)),
            };
            let entries = entries(target, &page, compare.then(|| place.ufs.ufs_type()), found);
            for chunk in entries.chunks(CHUNK) {
                let lacking = self.namespace.peek(|tree| look(tree, target, chunk, found));
                if !lacking.is_empty() {
                    self.add_children(target, &lacking, place.ufs.ufs_type(), mark, found).await?;
                }
            }
        }
    }

    async fn add_children(
        &self,
        target: &Target,
        lacking: &[&Entry<'_>],
        ufs_type: &'static str,
        mark: Mark,
        found: &mut Found,
    ) -> Result<(), FsError> {
        let postponed = self
            .namespace
            .mutate(&[], None, |tree, draft| {
                Ok(self.draft_children(tree, target, lacking, ufs_type, mark, draft))
            })
            .await?;
        found.postponed |= postponed;
        Ok(())
    }

    /// Whether something had to be left out for now.
    fn draft_children(
        &self,
        tree: &Tree,
        target: &Target,
        lacking: &[&Entry<'_>],
        ufs_type: &'static str,
        mark: Mark,
        draft: &mut Draft,
    ) -> bool {
        let lookup = tree.lookup(&target.path);
        let Some(directory) = still(tree, target) else { return true };
        let block_size = self.options.loaded_block_size;
        let mut inodes = LoadedInodes::new(tree, directory, &target.mount, ufs_type, block_size);
        // In this order: see `removals`.
        let reservations = self.namespace.reservations();
        let reserved: Vec<bool> = lacking.iter().map(|entry| reservations.is_reserved(&entry.path)).collect();
        let removed = self.removals.since(mark, &target.path);
        let mut postponed = false;
        for (entry, reserved) in lacking.iter().zip(reserved) {
            if tree.child(directory, entry.path.name()).is_some() {
                continue;
            }
            if reserved || removed.covers(&entry.path) {
                postponed = true;
                continue;
            }
            inodes.draft(target.id, entry.path.name(), entry.status, draft);
        }
        if !draft.is_empty() {
            mark_persisted(tree, &target.path, &lookup, draft);
        }
        postponed
    }

    /// The directory is there, and known from now on unless something was left out.
    async fn mark_loaded(&self, target: &Target, postponed: bool) -> Result<(), FsError> {
        let known = |tree: &Tree| {
            still(tree, target)
                .is_none_or(|inode| inode.is_persisted() && (inode.children_loaded() || postponed))
        };
        if self.namespace.peek(known) {
            return Ok(());
        }
        self.namespace
            .mutate(&[], None, |tree, draft| {
                let Some(inode) = still(tree, target) else { return Ok(()) };
                mark_persisted(tree, &target.path, &tree.lookup(&target.path), draft);
                if !inode.children_loaded() && !postponed {
                    draft.push(JournalEntry {
                        update_inode_directory: Some(UpdateInodeDirectoryEntry {
                            id: Some(target.id),
                            direct_children_loaded: Some(true),
                            ..UpdateInodeDirectoryEntry::default()
                        }),
                        ..JournalEntry::default()
                    });
                }
                Ok(())
            })
            .await
    }
}

fn target(tree: &Tree, path: &AlluxioPath) -> Result<Option<Target>, FsError> {
    let inode = tree.lookup(path).target().and_then(|slot| tree.get(slot));
    let Some(inode) = inode.filter(|inode| inode.is_directory()) else { return Ok(None) };
    let mount = tree.mounts().mount_of(path).ok_or_else(|| no_mount(path))?;
    check_mode(tree, &mount, false)?;
    Ok(Some(Target { path: path.clone(), id: inode.id, mount, loaded: inode.children_loaded() }))
}

/// The directory, when it is still where it was and belongs to the same mount.
fn still<'a>(tree: &'a Tree, target: &Target) -> Option<&'a Inode> {
    let inode = tree.lookup(&target.path).target().and_then(|slot| tree.get(slot))?;
    let mount = tree.mounts().mount_of(&target.path)?;
    (inode.id == target.id && mount.id == target.mount.id).then_some(inode)
}

/// The entries of a page that can be paths.
fn entries<'a>(
    target: &Target,
    page: &'a ListPage,
    compared_as: Option<&'static str>,
    found: &mut Found,
) -> Vec<Entry<'a>> {
    found.invalid_total += page.unreadable_total;
    let room = TOLD.saturating_sub(found.invalid.len());
    found.invalid.extend(page.unreadable.iter().take(room).cloned());
    let mut entries = Vec::with_capacity(page.entries.len());
    for status in &page.entries {
        let path = target.path.join(status.name());
        if AlluxioPath::parse(path.as_str()).is_ok_and(|parsed| parsed == path) {
            let fingerprint = compared_as.map(|ufs_type| status.fingerprint(ufs_type).to_string());
            entries.push(Entry { path, status, fingerprint });
        } else {
            found.invalid_total += 1;
            if found.invalid.len() < TOLD {
                found.invalid.push(status.name().to_owned());
            }
        }
    }
    entries
}

/// Which entries the tree lacks; what it has is noted when it is to be compared.
fn look<'a, 'b>(
    tree: &Tree,
    target: &Target,
    chunk: &'a [Entry<'b>],
    found: &mut Found,
) -> Vec<&'a Entry<'b>> {
    let Some(directory) = still(tree, target) else { return Vec::new() };
    let mut lacking = Vec::new();
    for entry in chunk {
        let child = tree.child(directory, entry.path.name()).and_then(|slot| Some((slot, tree.get(slot)?)));
        match (child, &entry.fingerprint) {
            (None, _) => lacking.push(entry),
            (Some((slot, inode)), Some(fingerprint)) => {
                found.seen.insert(inode.id);
                if differs(tree, slot, inode, fingerprint) {
                    found.changed.push(entry.path.clone());
                }
            }
            (Some(_), None) => {}
        }
    }
    lacking
}

/// Whether it is worth a closer look.
fn differs(tree: &Tree, slot: Slot, inode: &Inode, fingerprint: &str) -> bool {
    let stored = tree.rare(slot, inode).map_or("", |rare| &rare.fingerprint);
    inode.is_persisted() && !inode.is_mount_point() && stored != fingerprint
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::fixture::{Rig, path};

    #[tokio::test]
    async fn what_was_removed_since_the_look_is_left_out() {
        let rig = Rig::new().await;
        rig.ufs_write("/d/a", "1");
        rig.ufs_write("/d/b", "1");
        rig.status("/d").await.unwrap();
        let target = rig.fs.namespace.peek(|tree| target(tree, &path("/d"))).unwrap().unwrap();
        let mark = rig.fs.removals.mark();
        let place = rig.fs.ufs_place_of(&path("/d")).unwrap();
        let mut lister = place.ufs.list(&place.path, ListOptions::default()).await.unwrap();
        let page = lister.next().await.unwrap().unwrap();
        // Now the look is over, and somebody removes what it saw.
        rig.fs.delete_path(&rig.root().await, &path("/d/a"), &Default::default()).await.unwrap();
        let mut found = Found::default();
        let entries = entries(&target, &page, None, &mut found);
        let lacking = rig.fs.namespace.peek(|tree| look(tree, &target, &entries, &mut found));
        rig.fs.add_children(&target, &lacking, "local", mark, &mut found).await.unwrap();
        let there = |at: &str| rig.fs.namespace.peek(|tree| tree.lookup(&path(at)).target().is_some());
        assert!(!there("/d/a") && there("/d/b"));
        assert!(found.postponed, "so the directory is not known yet");
    }
}
