//! Making in the under storage what a write-through is about to need there.

use std::sync::Arc;

use alluxio_fs::{AlluxioPath, Bits, FsError, Mode};
use alluxio_ufs::{Attributes, MkdirsOptions};

use super::{
    FileSystemMaster,
    status::traversable,
    subject::Subject,
    ufs::{PATIENCE, check_mode, check_writable, held, mark_persisted, no_mount, ufs_error},
};
use crate::{
    namespace::{Claim, Reservation},
    tree::Tree,
};

/// One directory to be made, with what it will look like.
struct Wanted {
    path: AlluxioPath,
    attributes: Attributes,
}

impl FileSystemMaster {
    /// Keeps a path to write it through. When directories above it are missing in the tree, the first of
    /// them is kept with all below it: nothing may take their place once the under storage has them.
    pub(super) async fn reserve_for_write(&self, path: &AlluxioPath) -> Result<Arc<Reservation>, FsError> {
        loop {
            let claim = self.namespace.peek(|tree| claim_for_write(tree, path));
            let reservation = self.namespace.reservations().reserve(vec![claim.clone()]).await?;
            // While we waited, what was missing may have been made, or what was there removed.
            if self.namespace.peek(|tree| claim_for_write(tree, path)) == claim {
                return Ok(Arc::new(reservation));
            }
        }
    }

    /// Makes `directory`, and what misses above it, in the under storage. Directories that exist in
    /// the tree keep their owner and mode; new ones get the caller's. The order is under storage, then
    /// journal: a crash in between leaves an empty directory that the next listing may bring in.
    /// The caller has reserved the path, or one below it, and adds what misses to the tree.
    pub(super) async fn make_ufs_directories(
        &self,
        subject: &Subject,
        directory: &AlluxioPath,
        mode: Option<Mode>,
        recursive: bool,
        reservation: &Arc<Reservation>,
    ) -> Result<(), FsError> {
        let wanted = self
            .namespace
            .read_path(directory, |tree, lookup| {
                self.permissions.traverse(tree, subject, directory, lookup)?;
                traversable(tree, lookup, directory)?;
                if lookup.missing > 0 {
                    self.permissions.parent(tree, subject, directory, lookup, Bits::WRITE)?;
                }
                if lookup.missing > usize::from(mode.is_some()) && !recursive {
                    return Err(FsError::path_does_not_exist(
                        directory.parent().unwrap_or_else(AlluxioPath::root),
                    ));
                }
                check_writable(tree, directory)?;
                let mount = tree.mounts().mount_of(directory).ok_or_else(|| no_mount(directory))?;
                check_mode(tree, &mount, true)?;
                let mut wanted = Vec::new();
                let mut path = AlluxioPath::root();
                let names = std::iter::once("").chain(directory.components());
                for (n, name) in names.enumerate() {
                    path = if n == 0 { path } else { path.join(name) };
                    if path == mount.path || !path.starts_with(&mount.path) {
                        continue;
                    }
                    let inode = lookup.found.get(n).and_then(|slot| tree.get(*slot));
                    if inode.is_some_and(|inode| inode.is_persisted() || !inode.is_directory()) {
                        continue;
                    }
                    let last = path == *directory;
                    let mode = inode.map_or_else(
                        || mode.filter(|_| last).unwrap_or(Mode::new(0o777).masked_by(self.options.umask)),
                        |inode| inode.mode(),
                    );
                    let owner = inode.map_or(subject.user.as_str(), |inode| tree.owner(inode));
                    let group = inode.map_or(subject.primary_group(), |inode| tree.group(inode));
                    let name = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
                    let attributes =
                        Attributes { owner: name(owner), group: name(group), mode: Some(mode.get()) };
                    wanted.push(Wanted { path: path.clone(), attributes });
                }
                Ok((mount, wanted))
            })
            .await?;
        let (mount, wanted) = wanted;
        if wanted.is_empty() {
            return Ok(());
        }
        for Wanted { path, attributes } in wanted {
            let place = self.ufs_place(mount.clone(), &path)?;
            let options = MkdirsOptions { attributes, ..MkdirsOptions::default() };
            let make = async move { place.ufs.mkdirs(&place.path, options).await };
            held(reservation, PATIENCE, make).await?.map_err(ufs_error)?;
        }
        // Those that are in the tree are persisted, whatever comes of the rest: deleting or renaming them
        // must reach the under storage from now on.
        self.namespace
            .mutate(&[], None, |tree, draft| {
                mark_persisted(tree, directory, &tree.lookup(directory), draft);
                Ok(())
            })
            .await
    }
}

fn claim_for_write(tree: &Tree, path: &AlluxioPath) -> Claim {
    let lookup = tree.lookup(path);
    if lookup.missing <= 1 {
        return Claim::edge(path);
    }
    // The root is the first found, so this many components lead to the first that is missing.
    let components = path.components().take(lookup.found.len());
    Claim::subtree(&components.fold(AlluxioPath::root(), |at, name| at.join(name)))
}
