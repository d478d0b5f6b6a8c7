//! Looking for one path in the under storage.

use std::sync::Arc;

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_ufs::{UfsStatus, is_temporary_name};

use super::{LoadedInodes, removals::Mark};
use crate::{
    fs::{
        FileSystemMaster,
        ufs::{bounded, check_mode, mark_persisted, no_mount},
    },
    namespace::Draft,
    tree::{Mount, Tree},
};

/// Where the tree ends on the way to a path.
struct Base {
    id: i64,
    /// Components of the path that exist.
    depth: usize,
    mount: Arc<Mount>,
}

/// What the under storage has beyond the base, one component after the other.
struct Chain {
    found: Vec<(AlluxioPath, UfsStatus)>,
    ufs_type: &'static str,
    /// Taken before the first look.
    mark: Mark,
}

impl FileSystemMaster {
    /// Looks for a path that the tree does not have, and adds what is found on the way to it.
    pub(in crate::fs) async fn load_missing(&self, path: &AlluxioPath) -> Result<(), FsError> {
        let mark = self.removals.mark();
        let Some(base) = self.namespace.peek(|tree| base(tree, path))? else { return Ok(()) };
        let chain = self.look(path, &base, mark).await?;
        let Some((deepest, _)) = chain.found.last() else { return Ok(()) };
        self.absent.forget(deepest);
        self.namespace
            .mutate(&[], None, |tree, draft| {
                self.add_chain(tree, path, &base, &chain, draft);
                Ok(())
            })
            .await
    }

    async fn look(&self, path: &AlluxioPath, base: &Base, mark: Mark) -> Result<Chain, FsError> {
        let ufs_type = self.ufs_place(base.mount.clone(), path)?.ufs.ufs_type();
        let mut chain = Chain { found: Vec::new(), ufs_type, mark };
        let mut at = path.components().take(base.depth).fold(AlluxioPath::root(), |at, name| at.join(name));
        for name in path.components().skip(base.depth) {
            at = at.join(name);
            // Half-written files are nobody's.
            if is_temporary_name(name) {
                break;
            }
            let place = self.ufs_place(base.mount.clone(), &at)?;
            let Some(status) = bounded(place.ufs.status(&place.path)).await? else {
                self.remember_absent(&at);
                break;
            };
            let is_dir = status.is_dir;
            chain.found.push((at.clone(), status));
            if !is_dir {
                break;
            }
        }
        Ok(chain)
    }

    fn remember_absent(&self, path: &AlluxioPath) {
        self.absent.add(path);
        // Created since we looked: whoever did may have called `forget` before our `add`.
        if self.namespace.peek(|tree| tree.lookup(path).target().is_some()) {
            self.absent.forget(path);
        }
    }

    fn add_chain(&self, tree: &Tree, path: &AlluxioPath, base: &Base, chain: &Chain, draft: &mut Draft) {
        let lookup = tree.lookup(path);
        let at_base = lookup.found.get(base.depth).and_then(|slot| tree.get(*slot));
        let same_mount = tree.mounts().mount_of(path).is_some_and(|mount| mount.id == base.mount.id);
        if !same_mount || at_base.is_none_or(|inode| inode.id != base.id) {
            return;
        }
        // Others may have added a part of it meanwhile.
        let Some(last) = lookup.last().and_then(|slot| tree.get(slot)).filter(|inode| inode.is_directory())
        else {
            return;
        };
        let have = lookup.found.len() - 1 - base.depth;
        let block_size = self.options.loaded_block_size;
        let mut inodes = LoadedInodes::new(tree, last, &base.mount, chain.ufs_type, block_size);
        let mut parent = last.id;
        let lacking = chain.found.get(have..).unwrap_or_default();
        let Some((first, _)) = lacking.first() else { return };
        // In this order: see `removals`.
        let reservations = self.namespace.reservations();
        let free = lacking.iter().take_while(|(at, _)| !reservations.is_reserved(at)).count();
        let removed = self.removals.since(chain.mark, first);
        for (at, status) in &lacking[..free] {
            if removed.covers(at) {
                break;
            }
            parent = inodes.draft(parent, at.name(), status, draft);
        }
        if !draft.is_empty() {
            mark_persisted(tree, path, &lookup, draft);
        }
    }
}

/// `None` when there is nothing to look for: the path exists, or a file is in its way.
fn base(tree: &Tree, path: &AlluxioPath) -> Result<Option<Base>, FsError> {
    let lookup = tree.lookup(path);
    if lookup.missing == 0 {
        return Ok(None);
    }
    let Some(inode) = lookup.last().and_then(|slot| tree.get(slot)).filter(|inode| inode.is_directory())
    else {
        return Ok(None);
    };
    let mount = tree.mounts().mount_of(path).ok_or_else(|| no_mount(path))?;
    check_mode(tree, &mount, false)?;
    Ok(Some(Base { id: inode.id, depth: lookup.found.len() - 1, mount }))
}
