//! From paths to inodes and back.

use alluxio_fs::AlluxioPath;
use smallvec::SmallVec;

use super::{
    Tree,
    inode::{Inode, NO_SLOT, Slot},
};

/// Longest chain of parents followed; a path has fewer components than bytes.
const MAX_DEPTH: usize = 64 * 1024;

/// How far a path leads.
#[derive(Debug)]
pub struct Lookup {
    /// From the root to the last inode found.
    pub found: SmallVec<[Slot; 12]>,
    /// How many components of the path have no inode.
    pub missing: usize,
}

impl Lookup {
    /// The inode of the whole path.
    pub fn target(&self) -> Option<Slot> {
        if self.missing == 0 { self.found.last().copied() } else { None }
    }

    /// The deepest inode that exists.
    pub fn last(&self) -> Option<Slot> {
        self.found.last().copied()
    }
}

impl Tree {
    pub fn lookup(&self, path: &AlluxioPath) -> Lookup {
        let mut found = SmallVec::new();
        let mut components = path.components();
        let Some(mut slot) = self.root else { return Lookup { found, missing: components.count() + 1 } };
        found.push(slot);
        let mut rest = components.clone();
        while let Some(name) = components.next() {
            match self.get(slot).and_then(|inode| self.child(inode, name)) {
                Some(child) => {
                    found.push(child);
                    slot = child;
                    rest = components.clone();
                }
                None => break,
            }
        }
        Lookup { found, missing: rest.count() }
    }

    pub fn child(&self, directory: &Inode, name: &str) -> Option<Slot> {
        self.children(directory)?.find(name, |slot| self.get(slot).map_or("", |inode| inode.name.as_str()))
    }

    /// The children after `name` in order; all of them after the empty name, which no child has.
    pub fn children_after<'a>(&'a self, directory: &Inode, name: &str) -> impl Iterator<Item = Slot> + 'a {
        let names = |slot| self.get(slot).map_or("", |inode: &Inode| inode.name.as_str());
        self.children(directory).map(|children| children.iter_after(name, names)).into_iter().flatten()
    }

    /// The children from a position on, in order.
    pub fn children_from<'a>(&'a self, directory: &Inode, index: usize) -> impl Iterator<Item = Slot> + 'a {
        self.children(directory).map(|children| children.iter_from(index)).into_iter().flatten()
    }

    /// How many children come before `name`.
    pub fn rank_of(&self, directory: &Inode, name: &str) -> usize {
        let names = |slot| self.get(slot).map_or("", |inode: &Inode| inode.name.as_str());
        self.children(directory).map_or(0, |children| children.rank(name, names))
    }

    /// The path of an inode; `None` when it, or a directory above it, was deleted.
    pub fn path_of(&self, slot: Slot) -> Option<AlluxioPath> {
        let mut names: SmallVec<[&str; 12]> = SmallVec::new();
        let mut slot = slot;
        for _ in 0..MAX_DEPTH {
            let inode = self.get(slot)?;
            if Some(slot) == self.root {
                names.reverse();
                // Names come from parsed paths, so this cannot fail; a tree restored from elsewhere
                // may hold others, and such an inode has no path.
                return AlluxioPath::parse(&format!("/{}", names.join("/"))).ok();
            }
            if inode.parent == NO_SLOT {
                return None;
            }
            names.push(&inode.name);
            slot = inode.parent;
        }
        None
    }
}
