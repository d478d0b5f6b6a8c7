//! Metadata of files that were in the under storage before Alluxio: brought into the tree when somebody
//! asks for them.
//!
//! [`missing`] looks for one path, [`directory`] for everything in a directory. Both look at the under
//! storage without holding anything, and check again when they add: what was removed meanwhile
//! ([`removals`]), or is in the hands of another operation, is left out. [`absent`] remembers what is
//! not there; [`turns`] keeps two from listing the same directory at once.
//!
//! A directory whose children were loaded once is known: with ONCE nothing in it is looked for again.

mod absent;
mod directory;
mod inodes;
mod missing;
mod removals;
mod turns;

use std::time::Instant;

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_proto::grpc::file::LoadMetadataPType;
use futures::{StreamExt, stream::FuturesUnordered};

pub use self::{
    absent::AbsentPaths,
    inodes::{LoadedInodes, loaded_mode},
    removals::Removals,
    turns::LoadTurns,
};
use super::{FileSystemMaster, sync::SyncDepth};
use crate::{
    namespace::MAX_INODES_PER_HOLD,
    tree::{Lookup, Tree},
};

/// Directories loaded at the same time for one recursive load: enough to hide the latency of a file
/// server, few enough to leave room for others.
const AT_ONCE: usize = 16;

/// What the tree knows of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    There,
    /// Not there, and the directory it would be in is known.
    Absent,
    /// Not there, but nobody has looked into the directory it would be in.
    Unknown,
}

fn known(tree: &Tree, lookup: &Lookup) -> Known {
    if lookup.target().is_some() {
        return Known::There;
    }
    match lookup.last().and_then(|slot| tree.get(slot)) {
        Some(inode) if inode.is_directory() && !inode.children_loaded() => Known::Unknown,
        // Below a file there is nothing.
        _ => Known::Absent,
    }
}

/// One directory on the way through a subtree.
struct Step {
    path: AlluxioPath,
    after: String,
}

impl FileSystemMaster {
    /// Brings in a path that is not known, with what is above it; with a sync interval, compares what
    /// is known. `None` stands for the master's own default. Nothing there is no error.
    pub(super) async fn load_for_status(
        &self,
        path: &AlluxioPath,
        load: Option<LoadMetadataPType>,
        sync_interval_ms: Option<i64>,
    ) -> Result<(), FsError> {
        let load = load.unwrap_or(self.options.load_type);
        let interval = sync_interval_ms.unwrap_or(self.options.sync_interval_ms);
        let due = self.sync_times.due(path, SyncDepth::Itself, interval);
        self.counted(due, self.load_itself(path, load, due)).await
    }

    /// Counts one look, which is a metadata sync when that is due.
    async fn counted(
        &self,
        due: bool,
        look: impl Future<Output = Result<(), FsError>>,
    ) -> Result<(), FsError> {
        let sync = &self.metrics.sync;
        sync.ops.inc();
        if !due {
            sync.skipped.inc();
            return look.await;
        }
        let begun = Instant::now();
        let looked = look.await;
        sync.time_ms.add(begun.elapsed().as_millis() as i64);
        if looked.is_ok() { &sync.success } else { &sync.fail }.inc();
        looked
    }

    async fn load_itself(
        &self,
        path: &AlluxioPath,
        load: LoadMetadataPType,
        due: bool,
    ) -> Result<(), FsError> {
        match self.namespace.peek(|tree| known(tree, &tree.lookup(path))) {
            Known::There if due => self.sync_path(path).await,
            Known::There => Ok(()),
            _ if due => {
                let begun = self.sync_times.now();
                self.load_missing(path).await?;
                self.sync_times.synced(path, SyncDepth::Itself, begun);
                Ok(())
            }
            Known::Absent | Known::Unknown if load == LoadMetadataPType::Always => {
                self.load_missing(path).await
            }
            Known::Unknown if load == LoadMetadataPType::Once && !self.absent.contains(path) => {
                self.load_missing(path).await
            }
            Known::Absent | Known::Unknown => Ok(()),
        }
    }

    /// Brings in a path and what is in it; with `recursive` all below.
    pub(super) async fn load_for_listing(
        &self,
        path: &AlluxioPath,
        load: Option<LoadMetadataPType>,
        sync_interval_ms: Option<i64>,
        recursive: bool,
    ) -> Result<(), FsError> {
        let load = load.unwrap_or(self.options.load_type);
        let interval = sync_interval_ms.unwrap_or(self.options.sync_interval_ms);
        let depth = if recursive { SyncDepth::All } else { SyncDepth::Children };
        let due = |depth| self.sync_times.due(path, depth, interval);
        let itself = due(SyncDepth::Itself);
        let look = async {
            self.load_itself(path, load, itself).await?;
            self.load_with_children(path, load, due(depth), depth).await
        };
        self.counted(itself || due(depth), look).await
    }

    async fn load_with_children(
        &self,
        path: &AlluxioPath,
        load: LoadMetadataPType,
        due: bool,
        depth: SyncDepth,
    ) -> Result<(), FsError> {
        let begun = self.sync_times.now();
        self.load_one(path, load, due).await?;
        if depth == SyncDepth::All {
            self.load_below(path, load, due).await?;
        }
        if due {
            self.sync_times.synced(path, depth, begun);
        }
        Ok(())
    }

    /// Brings in everything below a path that nobody has looked at.
    pub(super) async fn load_tree(&self, path: &AlluxioPath) -> Result<(), FsError> {
        self.load_for_listing(path, Some(LoadMetadataPType::Once), Some(-1), true).await
    }

    async fn load_one(&self, path: &AlluxioPath, load: LoadMetadataPType, due: bool) -> Result<(), FsError> {
        let loaded = self.namespace.peek(|tree| {
            let inode = tree.lookup(path).target().and_then(|slot| tree.get(slot));
            // Of a file there is nothing more to load.
            inode.is_none_or(|inode| !inode.is_directory() || inode.children_loaded())
        });
        match load {
            _ if due => self.sync_children(path).await,
            LoadMetadataPType::Always => self.load_children(path, true).await,
            LoadMetadataPType::Once if !loaded => self.load_children(path, false).await,
            LoadMetadataPType::Once | LoadMetadataPType::Never => Ok(()),
        }
    }

    async fn load_below(
        &self,
        path: &AlluxioPath,
        load: LoadMetadataPType,
        due: bool,
    ) -> Result<(), FsError> {
        if load == LoadMetadataPType::Never && !due {
            return Ok(());
        }
        // Whatever the shape of the tree, so many are under way. What waits is bounded: of loaded directories the newest is
        // looked through first, and only when all that were found are given out.
        let mut loaded = vec![Step { path: path.clone(), after: String::new() }];
        let mut found: Vec<AlluxioPath> = Vec::new();
        let mut loading = FuturesUnordered::new();
        loop {
            while loading.len() < AT_ONCE {
                if let Some(next) = found.pop() {
                    loading.push(async move { self.load_one(&next, load, due).await.map(|()| next) });
                    continue;
                }
                let Some(step) = loaded.pop() else { break };
                let (directories, next) = self.namespace.peek(|tree| directories_after(tree, &step));
                loaded.extend(next.map(|after| Step { after, ..step }));
                found.extend(directories);
                // Directories without any in them may follow each other by the thousand.
                tokio::task::yield_now().await;
            }
            match loading.next().await {
                Some(path) => loaded.push(Step { path: path?, after: String::new() }),
                None => return Ok(()),
            }
        }
    }
}

/// The directories among the next children, and where to go on when there are more.
fn directories_after(tree: &Tree, step: &Step) -> (Vec<AlluxioPath>, Option<String>) {
    let inode = tree.lookup(&step.path).target().and_then(|slot| tree.get(slot));
    let Some(inode) = inode.filter(|inode| inode.is_directory()) else { return (Vec::new(), None) };
    let mut directories = Vec::new();
    let mut children = tree.children_after(inode, &step.after).filter_map(|slot| tree.get(slot));
    let mut last = None;
    for child in children.by_ref().take(MAX_INODES_PER_HOLD) {
        if child.is_directory() {
            directories.push(step.path.join(&child.name));
        }
        last = Some(&child.name);
    }
    let next = last.filter(|_| children.next().is_some()).map(ToString::to_string);
    (directories, next)
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
