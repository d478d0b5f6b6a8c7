//! Changing attributes: owner, group, mode, pin, TTL, replication, xattr. A recursive change goes
//! through the subtree by cursor, one record per bounded chunk: it is not atomic as a whole, each
//! inode changes once, and an error says how far it came by its path.

use std::{collections::BTreeMap, sync::Arc};

use alluxio_fs::{AlluxioPath, Bits, FsError, Mode};
use alluxio_proto::{
    grpc::{TtlAction, file::SetAttributePOptions},
    journal::{
        JournalEntry, PTtlAction, UpdateInodeDirectoryEntry, UpdateInodeEntry, UpdateInodeFileEntry,
        XAttrUpdateStrategy,
    },
};
use alluxio_ufs::Fingerprint;
use futures::{StreamExt, TryStreamExt, stream};

use super::{
    FileSystemMaster,
    limits::{check_media, check_more_xattr, check_name, check_xattr},
    status::existing,
    subject::Subject,
    ufs::{PATIENCE, UfsPlace, bounded, check_mode, check_writable, held, ufs_error},
    walk::Walk,
};
use crate::{
    namespace::{Claim, Draft, Reservation},
    tree::{Inode, Rare, Slot, Tree},
};

/// Files changed in the under storage at the same time.
const FILES_AT_ONCE: usize = 16;

impl FileSystemMaster {
    pub async fn set_attribute(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &SetAttributePOptions,
    ) -> Result<(), FsError> {
        validate(options)?;
        if let (Some(owner), Some(group)) = (&options.owner, &options.group) {
            self.check_member(path, owner, group).await?;
        }
        let sync = options.common_options.as_ref().and_then(|common| common.sync_interval_ms);
        self.load_for_status(path, None, sync).await?;
        self.namespace
            .read_path(path, |tree, lookup| {
                self.permissions.traverse(tree, subject, path, lookup)?;
                existing(tree, lookup, path)?;
                self.may_change(tree, subject, path, options)
            })
            .await?;
        if options.recursive() {
            // Not before it is known that the caller may change anything: it may take very long.
            self.load_for_listing(path, None, sync, true).await?;
        }
        // A directory hands these on to all that is in it, also when nothing else is to be changed there.
        let handed_on = handed_on(options);
        let deep = options.recursive() || handed_on.is_some();
        let in_ufs = options.owner.is_some() || options.group.is_some() || options.mode.is_some();
        let scope = if deep { Claim::subtree(path) } else { Claim::edge(path) };
        let reservation = Arc::new(self.namespace.reservations().reserve(vec![scope]).await?);
        let mut walk = Walk::new(path, deep);
        while let Some(paths) = self.next_chunk(&mut walk).await? {
            let below = paths.first() != Some(path);
            match handed_on.as_ref().filter(|_| below && !options.recursive()) {
                // Whoever may pin the directory may: as in the original, those below are not asked.
                Some(options) => {
                    self.change_chunk(None, &paths, options, &Prints::new(), &reservation).await?;
                }
                None => {
                    let prints = match in_ufs {
                        true => self.change_in_ufs(subject, &paths, options, &reservation).await?,
                        false => Prints::new(),
                    };
                    self.change_chunk(Some(subject), &paths, options, &prints, &reservation).await?;
                }
            }
        }
        Ok(())
    }

    /// Who gives a file to an owner and a group at once must name a group of that owner, superuser or not. As
    /// in 2.9 only then, and before anything else is looked at.
    async fn check_member(&self, path: &AlluxioPath, owner: &str, group: &str) -> Result<(), FsError> {
        if self.groups_of(owner).await?.iter().any(|of| of == group) {
            return Ok(());
        }
        Err(FsError::unknown(format!(
            "Could not update owner:group for {path} to {owner}:{group}. Owner {owner} does not belong to the group {group}"
        )))
    }

    /// Owner needs the superuser, group and mode the owner, all else write permission: also who asks for
    /// nothing, since that too moves the modification time.
    fn may_change(
        &self,
        tree: &Tree,
        subject: &Subject,
        path: &AlluxioPath,
        options: &SetAttributePOptions,
    ) -> Result<(), FsError> {
        let lookup = tree.lookup(path);
        self.permissions.traverse(tree, subject, path, &lookup)?;
        let Some(slot) = lookup.target() else { return Ok(()) };
        if options.owner.is_some() {
            self.permissions.superuser(subject)?;
        }
        if options.group.is_some() || options.mode.is_some() {
            self.permissions.owner(tree, subject, path, slot)?;
        }
        let other = options.pinned.is_some()
            || options.replication_max.is_some()
            || options.replication_min.is_some()
            || options.xattr_update_strategy.is_some()
            || !options.xattr.is_empty()
            || options.common_options.as_ref().is_some_and(|common| common.ttl.is_some());
        if other || !(options.owner.is_some() || options.group.is_some() || options.mode.is_some()) {
            self.permissions.inode(tree, subject, path, slot, Bits::WRITE)?;
        }
        Ok(())
    }

    /// Returns what the paths look like afterwards, so that a later sync does not take that for somebody else's change.
    async fn change_in_ufs(
        &self,
        subject: &Subject,
        paths: &[AlluxioPath],
        options: &SetAttributePOptions,
        reservation: &Arc<Reservation>,
    ) -> Result<Prints, FsError> {
        let persisted = self.namespace.peek(|tree| {
            // The under storage must not be changed before it is known that the tree may be.
            for path in paths {
                self.may_change(tree, subject, path, options)?;
            }
            let persisted = |path: &AlluxioPath| {
                let inode = tree.lookup(path).target().and_then(|slot| tree.get(slot))?;
                let persisted = inode.is_persisted() && (inode.is_directory() || inode.is_completed());
                (persisted && !path.is_root()).then(|| (path.clone(), inode.is_directory()))
            };
            let persisted: Vec<(AlluxioPath, bool)> = paths.iter().filter_map(persisted).collect();
            for (path, _) in &persisted {
                check_writable(tree, path)?;
                if let Some(mount) = tree.mounts().mount_of(path) {
                    check_mode(tree, &mount, true)?;
                }
            }
            Ok::<_, FsError>(persisted)
        })?;
        let (mut directories, mut files) = (Vec::new(), Vec::new());
        for (path, is_directory) in persisted {
            let place = self.ufs_place_of(&path)?;
            let can = place.ufs.capabilities();
            // Where nothing of it is kept there is nothing to ask for.
            if can.owners || can.modes {
                let kind = if is_directory { &mut directories } else { &mut files };
                kind.push((place, path));
            }
        }
        let mut prints = Prints::new();
        // Directories first, and in their order: what is below one may be reached only when it was opened.
        for (place, path) in directories {
            prints.extend(self.change_one_in_ufs(place, path, options, reservation).await?);
        }
        let change = |(place, path)| self.change_one_in_ufs(place, path, options, reservation);
        let mut changed = stream::iter(files).map(change).buffer_unordered(FILES_AT_ONCE);
        while let Some(print) = changed.try_next().await? {
            prints.extend(print);
        }
        Ok(prints)
    }

    async fn change_one_in_ufs(
        &self,
        place: UfsPlace,
        path: AlluxioPath,
        options: &SetAttributePOptions,
        reservation: &Arc<Reservation>,
    ) -> Result<Option<(AlluxioPath, Fingerprint)>, FsError> {
        if options.owner.is_some() || options.group.is_some() {
            let (at, owner, group) = (place.clone(), options.owner.clone(), options.group.clone());
            let change = async move { at.ufs.set_owner(&at.path, owner.as_deref(), group.as_deref()).await };
            let changed = held(reservation, PATIENCE, change).await?.map_err(ufs_error);
            self.judge_owner(&place, changed)?;
        }
        if let Some(mode) = options.mode.as_ref().map(Mode::from_wire) {
            let at = place.clone();
            let change = async move { at.ufs.set_mode(&at.path, mode.get()).await };
            held(reservation, PATIENCE, change).await?.map_err(ufs_error)?;
        }
        let status = bounded(place.ufs.status(&place.path)).await?;
        Ok(status.map(|status| (path, status.fingerprint(place.ufs.ufs_type()))))
    }

    /// Whether an owner that was or was not set in the under storage may be set in the tree.
    fn judge_owner(&self, place: &UfsPlace, changed: Result<bool, FsError>) -> Result<(), FsError> {
        let refused = match changed {
            Ok(true) => return Ok(()),
            Ok(false) if !place.ufs.capabilities().owners => return Ok(()),
            Ok(false) => FsError::permission_denied(format!(
                "The owner of {} cannot be changed in the under storage: the master's process may not do that.",
                place.ufs.uri().join(&place.path)
            )),
            Err(error) => error,
        };
        if self.options.owner_may_differ {
            tracing::warn!(error = %refused, "an owner is set in Alluxio only, as alluxio.underfs.allow.set.owner.failure allows");
            return Ok(());
        }
        Err(refused)
    }

    /// Without a subject nobody's permission is asked for.
    async fn change_chunk(
        &self,
        subject: Option<&Subject>,
        paths: &[AlluxioPath],
        options: &SetAttributePOptions,
        prints: &Prints,
        reservation: &Reservation,
    ) -> Result<(), FsError> {
        let all: Vec<&AlluxioPath> = paths.iter().collect();
        self.namespace
            .mutate(&all, Some(reservation), |tree, draft| {
                for path in paths {
                    // Deleted since the walk saw it: nothing to change.
                    let Some(slot) = tree.lookup(path).target() else { continue };
                    let Some(inode) = tree.get(slot) else { continue };
                    match subject {
                        Some(subject) => self.may_change(tree, subject, path, options)?,
                        // How many copies there are matters to files only.
                        None if inode.is_directory() && options.pinned.is_none() => continue,
                        None => {}
                    }
                    draft_change(tree, slot, inode, options, prints.get(path), draft)?;
                }
                Ok(())
            })
            .await
    }
}

/// What paths look like in the under storage.
type Prints = BTreeMap<AlluxioPath, Fingerprint>;

/// Not when the content is another by now: that is for a sync to find out.
fn is_ours(tree: &Tree, slot: Slot, inode: &Inode, print: &Fingerprint) -> bool {
    let stored = tree.rare(slot, inode).and_then(|rare| rare.fingerprint.parse::<Fingerprint>().ok());
    stored.is_some_and(|stored| stored.same_content(print))
}

/// Pinning and replication reach what is in a directory without being asked to.
fn handed_on(options: &SetAttributePOptions) -> Option<SetAttributePOptions> {
    let handed_on = SetAttributePOptions {
        pinned: options.pinned,
        pinned_media: options.pinned_media.clone(),
        replication_max: options.replication_max,
        replication_min: options.replication_min,
        ..SetAttributePOptions::default()
    };
    let any =
        options.pinned.is_some() || options.replication_max.is_some() || options.replication_min.is_some();
    any.then_some(handed_on)
}

fn validate(options: &SetAttributePOptions) -> Result<(), FsError> {
    let (min, max) = (options.replication_min.unwrap_or(0), options.replication_max.unwrap_or(-1));
    if min < 0 || max < -1 || (options.replication_max.is_some() && max >= 0 && max < min) {
        return Err(FsError::invalid_argument(format!(
            "Replication between {min} and {max} is not possible: the minimum is 0 or more, the maximum -1 (none) or at least the minimum."
        )));
    }
    check_xattr(&options.xattr)?;
    check_media(&options.pinned_media)?;
    options.owner.iter().chain(&options.group).try_for_each(|name| check_name(name))?;
    if options.persisted == Some(false) {
        return Err(FsError::invalid_argument(
            "A file cannot be made not persisted: its data is in the under storage.",
        ));
    }
    Ok(())
}

fn draft_change(
    tree: &Tree,
    slot: Slot,
    inode: &Inode,
    options: &SetAttributePOptions,
    print: Option<&Fingerprint>,
    draft: &mut Draft,
) -> Result<(), FsError> {
    let adds = options.xattr_update_strategy.is_some()
        && matches!(
            options.xattr_update_strategy(),
            XAttrUpdateStrategy::UnionReplace | XAttrUpdateStrategy::UnionPreserve
        );
    if let Some(rare) = tree.rare(slot, inode).filter(|_| adds) {
        check_more_xattr(&rare.xattr, &options.xattr)?;
    }
    let common = options.common_options.as_ref();
    let ttl = common.and_then(|common| common.ttl);
    let ttl_action = common.filter(|_| ttl.is_some()).map(|common| match common.ttl_action() {
        TtlAction::Delete => PTtlAction::Delete as i32,
        TtlAction::Free => PTtlAction::Free as i32,
        TtlAction::DeleteAlluxio => PTtlAction::DeleteAlluxio as i32,
    });
    let mut acl = None;
    if let Some(mode) = options.mode.as_ref().map(Mode::from_wire) {
        let mut list = tree.access_acl(slot, inode);
        list.mode = mode;
        acl = list.has_extended().then(|| list.to_stored(tree.owner(inode), tree.group(inode), false));
    }
    let has = |rare: Option<&Rare>| rare.map_or((0, -1), |rare| (rare.replication_min, rare.replication_max));
    let (min, max) = has(tree.rare(slot, inode));
    let (min, max) = (options.replication_min.unwrap_or(min), options.replication_max.unwrap_or(max));
    if !inode.is_directory() && max >= 0 && max < min {
        return Err(FsError::invalid_argument(format!(
            "{} cannot have between {min} and {max} copies.",
            inode.name
        )));
    }
    // A minimum of copies pins, too, and leaves the media as they are.
    let pinned =
        options.pinned.or(options.replication_min.filter(|_| !inode.is_directory()).map(|min| min > 0));
    let media = tree.rare(slot, inode).map_or(&[][..], |rare| &rare.media[..]);
    let new_media = match options.pinned {
        Some(true) => &options.pinned_media[..],
        Some(false) => &[],
        None => media,
    };
    // A record that repeats the pin would wait for workers that may be evicting the file.
    let pinned = pinned.filter(|pinned| *pinned != inode.is_pinned() || new_media != media);
    draft.push(JournalEntry {
        update_inode: Some(UpdateInodeEntry {
            id: Some(inode.id),
            pinned,
            medium_type: pinned.map_or(Vec::new(), |_| new_media.to_vec()),
            ttl,
            ttl_action,
            owner: options.owner.clone(),
            group: options.group.clone(),
            mode: options.mode.as_ref().map(|mode| i32::from(Mode::from_wire(mode).get())),
            acl,
            x_attr: options.xattr.clone(),
            x_attr_update_strategy: options.xattr_update_strategy,
            ufs_fingerprint: print.filter(|print| is_ours(tree, slot, inode, print)).map(ToString::to_string),
            last_modification_time_ms: Some(draft.now_ms),
            ..UpdateInodeEntry::default()
        }),
        ..JournalEntry::default()
    });
    // Whether the next listing looks into the under storage (`syncDirNextTime` of the original's shell).
    if inode.is_directory() && options.direct_children_loaded.is_some() {
        draft.push(JournalEntry {
            update_inode_directory: Some(UpdateInodeDirectoryEntry {
                id: Some(inode.id),
                direct_children_loaded: options.direct_children_loaded,
                ..UpdateInodeDirectoryEntry::default()
            }),
            ..JournalEntry::default()
        });
    }
    if !inode.is_directory() && (options.replication_max.is_some() || options.replication_min.is_some()) {
        draft.push(JournalEntry {
            update_inode_file: Some(UpdateInodeFileEntry {
                id: Some(inode.id),
                replication_max: options.replication_max,
                replication_min: options.replication_min,
                ..UpdateInodeFileEntry::default()
            }),
            ..JournalEntry::default()
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::fs::PermissionsExt,
        time::{Duration, Instant},
    };

    use alluxio_ufs::{Operation, UfsErrorKind, faults::Fault};

    use super::*;
    use crate::fs::fixture::{Rig, path};

    async fn chmod(rig: &Rig, mode: u16) -> Result<(), FsError> {
        let options = SetAttributePOptions {
            mode: Some(Mode::new(mode).to_wire()),
            recursive: Some(true),
            ..SetAttributePOptions::default()
        };
        rig.fs.set_attribute(&rig.root().await, &path("/d"), &options).await
    }

    #[tokio::test]
    async fn files_are_changed_side_by_side_and_directories_before_them() {
        let rig = Rig::new().await;
        for number in 0..48 {
            rig.ufs_write(&format!("/d/sub/f{number}"), "x");
        }
        let mode = |at: &str| std::fs::metadata(rig.in_ufs(at)).unwrap().permissions().mode() & 0o777;
        let ufs = rig.faulty();
        ufs.inject(Fault::delay(Operation::SetMode, Duration::from_millis(300)).on("/f"));
        let began = Instant::now();
        chmod(&rig, 0o750).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(10), "one after the other: {:?}", began.elapsed());
        for at in ["/d", "/d/sub", "/d/sub/f0", "/d/sub/f47"] {
            assert_eq!((mode(at), rig.status(at).await.unwrap().mode()), (0o750, 0o750), "{at}");
        }
        ufs.inject(Fault::fail(Operation::SetMode, UfsErrorKind::PermissionDenied).on("sub").times(1));
        chmod(&rig, 0o700).await.unwrap_err();
        assert_eq!((mode("/d/sub"), mode("/d/sub/f0")), (0o750, 0o750));
    }
}
