//! What was removed from the under storage lately. A load looks at the under storage without holding
//! any lock; what it saw may have been deleted or renamed away by the time it adds it to the tree. So
//! it notes where this log stands before it looks, and leaves out what was removed since.
//!
//! An operation notes the path *after* it has changed the under storage and *before* it gives up its
//! reservation; a load asks for reservations first and for removals second. So one of the two tells.

use std::collections::{HashSet, VecDeque};

use alluxio_fs::AlluxioPath;
use parking_lot::Mutex;

/// Removals remembered. A load that was overtaken by more adds nothing and is tried again later.
const KEPT: usize = 4_096;

/// A place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

#[derive(Default)]
pub struct Removals {
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    next: u64,
    recent: VecDeque<AlluxioPath>,
}

/// What of one directory's subtree was removed since a mark.
#[derive(Debug, PartialEq, Eq)]
pub struct Removed {
    all: bool,
    paths: HashSet<AlluxioPath>,
}

impl Removed {
    /// Whether something at this path may be gone.
    pub fn covers(&self, path: &AlluxioPath) -> bool {
        if self.all || self.paths.is_empty() {
            return self.all;
        }
        // Up to the root, rather than through all that was removed: this is asked for many paths in a row.
        let mut at = Some(path.clone());
        while let Some(path) = at {
            if self.paths.contains(&path) {
                return true;
            }
            at = path.parent();
        }
        false
    }
}

impl Removals {
    /// This path, and what was below, is no longer where it was in the under storage.
    pub fn note(&self, path: &AlluxioPath) {
        let mut log = self.log.lock();
        log.next += 1;
        log.recent.push_back(path.clone());
        if log.recent.len() > KEPT {
            log.recent.pop_front();
        }
    }

    pub fn mark(&self) -> Mark {
        Mark(self.log.lock().next)
    }

    /// Removals since `mark` that matter to `directory` and what is below it.
    pub fn since(&self, mark: Mark, directory: &AlluxioPath) -> Removed {
        let log = self.log.lock();
        let count = log.next - mark.0;
        let matters = |path: &&AlluxioPath| path.starts_with(directory) || directory.starts_with(path);
        let known = (log.recent.len() as u64).min(count) as usize;
        let paths = log.recent.range(log.recent.len() - known..).filter(matters).cloned().collect();
        Removed { all: count > log.recent.len() as u64, paths }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AlluxioPath {
        AlluxioPath::parse(text).unwrap()
    }

    #[test]
    fn only_what_came_after_the_mark_and_matters() {
        let removals = Removals::default();
        removals.note(&path("/a/old"));
        let mark = removals.mark();
        removals.note(&path("/a/x"));
        removals.note(&path("/b"));
        let removed = removals.since(mark, &path("/a"));
        assert_eq!(removed.paths, HashSet::from([path("/a/x")]));
        assert!(removed.covers(&path("/a/x/y")) && !removed.covers(&path("/a/old")));
        removals.note(&path("/"));
        assert!(removals.since(mark, &path("/a")).covers(&path("/a/old")));
    }

    #[test]
    fn a_mark_that_is_too_old_covers_everything() {
        let removals = Removals::default();
        let mark = removals.mark();
        for _ in 0..=KEPT {
            removals.note(&path("/z"));
        }
        assert!(removals.since(mark, &path("/a")).covers(&path("/a/b")));
        assert!(!removals.since(removals.mark(), &path("/a")).covers(&path("/a/b")));
    }
}
