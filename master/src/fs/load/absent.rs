//! Paths that were looked for in the under storage and are not there, so that asking again for a name
//! that does not exist costs nothing. Bounded: the least recently used go first.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use alluxio_fs::AlluxioPath;
use parking_lot::Mutex;

use crate::fs::options::FsOptions;

/// Bytes of the longest path remembered.
const LONGEST: usize = 1024;

/// See the [module](self).
pub struct AbsentPaths {
    capacity: usize,
    known: Mutex<Known>,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Default)]
struct Known {
    /// When each path was last asked for, by a count of questions.
    paths: BTreeMap<AlluxioPath, u64>,
    order: BTreeMap<u64, AlluxioPath>,
    clock: u64,
}

impl AbsentPaths {
    pub fn new(options: &FsOptions) -> Self {
        Self {
            capacity: options.absent_capacity,
            known: Mutex::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    pub fn len(&self) -> usize {
        self.known.lock().paths.len()
    }

    /// How often a question was answered with yes, and with no.
    pub fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits.load(Relaxed), self.misses.load(Relaxed))
    }

    /// Whether this path, or a directory above it, is known to be absent.
    pub fn contains(&self, path: &AlluxioPath) -> bool {
        let contains = self.is_known(path);
        if contains { &self.hits } else { &self.misses }.fetch_add(1, Relaxed);
        contains
    }

    fn is_known(&self, path: &AlluxioPath) -> bool {
        let mut known = self.known.lock();
        if known.paths.is_empty() {
            return false;
        }
        let mut at = Some(path.clone());
        while let Some(path) = at {
            if known.paths.contains_key(&path) {
                known.touch(path);
                return true;
            }
            at = path.parent();
        }
        false
    }

    pub fn add(&self, path: &AlluxioPath) {
        // Long ones are not remembered, so that the number of paths bounds their bytes.
        if self.capacity == 0 || path.as_str().len() > LONGEST {
            return;
        }
        let mut known = self.known.lock();
        known.touch(path.clone());
        if known.paths.len() > self.capacity
            && let Some((_, oldest)) = known.order.pop_first()
        {
            known.paths.remove(&oldest);
        }
    }

    /// Something is at this path now: it, what is above it and what may be below are no longer known to
    /// be absent.
    pub fn forget(&self, path: &AlluxioPath) {
        let mut known = self.known.lock();
        if known.paths.is_empty() {
            return;
        }
        let mut at = Some(path.clone());
        while let Some(path) = at {
            known.remove(&path);
            at = path.parent();
        }
        // Below stand exactly those between "path/" and "path0", '0' being the byte after '/'.
        let first = if path.is_root() { path.clone() } else { path.join("") };
        let below = known.paths.range((Bound::Excluded(first), Bound::Unbounded));
        let below: Vec<AlluxioPath> =
            below.map(|(p, _)| p).take_while(|p| p.starts_with(path)).cloned().collect();
        for path in &below {
            known.remove(path);
        }
    }
}

impl Known {
    fn touch(&mut self, path: AlluxioPath) {
        self.clock += 1;
        if let Some(before) = self.paths.insert(path.clone(), self.clock) {
            self.order.remove(&before);
        }
        self.order.insert(self.clock, path);
    }

    fn remove(&mut self, path: &AlluxioPath) {
        if let Some(at) = self.paths.remove(path) {
            self.order.remove(&at);
        }
    }
}

#[cfg(test)]
mod tests {
    use alluxio_conf::Configuration;
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> AlluxioPath {
        AlluxioPath::parse(text).unwrap()
    }

    fn absent(capacity: usize) -> AbsentPaths {
        let options =
            FsOptions { absent_capacity: capacity, ..FsOptions::from_conf(&Configuration::defaults()) };
        AbsentPaths::new(&options)
    }

    #[test]
    fn what_is_below_an_absent_path_is_absent() {
        let absent = absent(10);
        absent.add(&path("/a/b"));
        assert!(absent.contains(&path("/a/b")) && absent.contains(&path("/a/b/c/d")));
        assert!(!absent.contains(&path("/a")) && !absent.contains(&path("/a/bc")));
    }

    #[test]
    fn long_paths_are_not_remembered() {
        let absent = absent(10);
        absent.add(&path(&format!("/{}", "x".repeat(LONGEST))));
        assert!(absent.known.lock().paths.is_empty());
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let absent = absent(2);
        absent.add(&path("/a"));
        absent.add(&path("/b"));
        assert!(absent.contains(&path("/a")));
        absent.add(&path("/c"));
        assert!(
            absent.contains(&path("/a")) && !absent.contains(&path("/b")) && absent.contains(&path("/c"))
        );
        assert_eq!(absent.known.lock().order.len(), 2);
    }

    proptest! {
        /// Forgetting a path leaves only what is beside it.
        #[test]
        fn forgetting_takes_ancestors_and_descendants(all in prop::collection::vec("(/[a-b.!0]{1,2}){1,4}", 1..20), gone in "(/[a-b.!0]{1,2}){1,3}") {
            let Ok(gone) = AlluxioPath::parse(&gone) else { return Ok(()) };
            let all: Vec<_> = all.iter().filter_map(|text| AlluxioPath::parse(text).ok()).collect();
            let absent = absent(100);
            for path in &all {
                absent.add(path);
            }
            absent.forget(&gone);
            let known = absent.known.lock();
            for path in &all {
                let related = path.starts_with(&gone) || gone.starts_with(path);
                prop_assert_eq!(known.paths.contains_key(path), !related, "{} after forgetting {}", path, &gone);
            }
            prop_assert_eq!(known.paths.len(), known.order.len());
        }
    }
}
