//! When paths were last compared with the under storage. Bounded: the oldest are forgotten, which costs
//! a comparison too many and nothing else.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use alluxio_fs::AlluxioPath;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Paths remembered.
const CAPACITY: usize = 100_000;

/// How much below a path was compared, or is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncDepth {
    Itself,
    Children,
    All,
}

#[derive(Default)]
pub struct SyncTimes {
    known: Mutex<Known>,
    /// Whether a comparison was ever asked for: most clusters never do, and need no look into `known` then.
    any_wanted: AtomicBool,
}

#[derive(Default)]
struct Known {
    times: BTreeMap<AlluxioPath, [Option<Instant>; 3]>,
    /// In the order in which paths were entered.
    order: VecDeque<AlluxioPath>,
    /// When a path was declared out of date.
    invalid: BTreeMap<AlluxioPath, Instant>,
    /// Those of them that are to be compared at the next access, whatever the interval.
    wanted: BTreeMap<AlluxioPath, Instant>,
}

impl SyncTimes {
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// Whether `path` must be compared to that depth: an interval below 0 is never, unless that was asked for; 0 is
    /// always, else how many milliseconds old the last comparison may be.
    pub fn due(&self, path: &AlluxioPath, depth: SyncDepth, interval_ms: i64) -> bool {
        match u64::try_from(interval_ms) {
            Err(_) => self.any_wanted.load(Relaxed) && self.known.lock().is_wanted(path, depth),
            Ok(0) => true,
            Ok(interval) => {
                let last = self.known.lock().last(path, depth);
                last.is_none_or(|last| last.elapsed() >= Duration::from_millis(interval))
            }
        }
    }

    /// `path` was compared to that depth by a comparison that began at `begun`.
    pub fn synced(&self, path: &AlluxioPath, depth: SyncDepth, begun: Instant) {
        let mut known = self.known.lock();
        let invalid = known.invalid_since(path);
        if invalid.is_some_and(|since| since >= begun) {
            return;
        }
        if !known.times.contains_key(path) {
            known.order.push_back(path.clone());
        }
        let times = known.times.entry(path.clone()).or_default();
        // Who compared more has compared less, too.
        for time in &mut times[..=depth as usize] {
            *time = (*time).max(Some(begun));
        }
        while known.times.len() > CAPACITY
            && let Some(oldest) = known.order.pop_front()
        {
            known.times.remove(&oldest);
        }
    }

    /// Whatever was compared at or below `path` before now counts no more.
    pub fn invalidate(&self, path: &AlluxioPath) {
        self.known.lock().invalidate(path);
    }

    /// The same, and the next access compares, also one that never would.
    pub fn want(&self, path: &AlluxioPath) {
        let mut known = self.known.lock();
        known.invalidate(path);
        known.wanted.insert(path.clone(), Instant::now());
        self.any_wanted.store(true, Relaxed);
    }
}

impl Known {
    /// The last comparison that covers `path` to that depth: its own, its parent's, or a whole
    /// subtree's above it.
    fn last(&self, path: &AlluxioPath, depth: SyncDepth) -> Option<Instant> {
        let mut last = self.times.get(path).and_then(|times| times[depth as usize]);
        let mut at = path.parent();
        let mut above = if depth == SyncDepth::Itself { SyncDepth::Children } else { SyncDepth::All };
        while let Some(path) = at {
            last = last.max(self.times.get(&path).and_then(|times| times[above as usize]));
            above = SyncDepth::All;
            at = path.parent();
        }
        match self.invalid_since(path) {
            Some(since) => last.filter(|last| *last > since),
            None => last,
        }
    }

    fn invalidate(&mut self, path: &AlluxioPath) {
        if self.invalid.len() >= CAPACITY {
            // Too many to remember: nothing is up to date, and all is to be compared if anything was.
            let any = self.wanted.keys().next().map(|_| (AlluxioPath::root(), Instant::now()));
            *self = Self { wanted: any.into_iter().collect(), ..Self::default() };
        }
        self.invalid.insert(path.clone(), Instant::now());
    }

    /// Whether a comparison was asked for that has not been made yet.
    fn is_wanted(&self, path: &AlluxioPath, depth: SyncDepth) -> bool {
        since(&self.wanted, path, depth > SyncDepth::Itself).is_some() && self.last(path, depth).is_none()
    }

    /// When this path, something above it or something below it was declared out of date: a
    /// comparison must reach it, and is what reaches it.
    fn invalid_since(&self, path: &AlluxioPath) -> Option<Instant> {
        since(&self.invalid, path, true)
    }
}

/// The latest time of `path`, of what is above it, and of what is `below`.
fn since(times: &BTreeMap<AlluxioPath, Instant>, path: &AlluxioPath, below: bool) -> Option<Instant> {
    if times.is_empty() {
        return None;
    }
    let mut since = times.get(path).copied();
    if below {
        let from = times.range(path..).take_while(|(at, _)| at.as_str().starts_with(path.as_str()));
        since = since.max(from.filter(|(at, _)| at.starts_with(path)).map(|(_, since)| *since).max());
    }
    let mut at = path.parent();
    while let Some(path) = at {
        since = since.max(times.get(&path).copied());
        at = path.parent();
    }
    since
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AlluxioPath {
        AlluxioPath::parse(text).unwrap()
    }

    async fn pass(ms: u64) {
        tokio::time::advance(Duration::from_millis(ms)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_interval_decides() {
        let times = SyncTimes::default();
        let due = |interval| times.due(&path("/a"), SyncDepth::Itself, interval);
        assert!(!due(-1) && due(0) && due(100));
        times.synced(&path("/a"), SyncDepth::Itself, times.now());
        pass(60).await;
        assert!(!due(-1) && due(0) && !due(100));
        pass(60).await;
        assert!(due(100) && !due(1_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_comparison_covers_what_it_looked_at() {
        let times = SyncTimes::default();
        let due = |at: &str, depth| times.due(&path(at), depth, 1_000);
        times.synced(&path("/a"), SyncDepth::Children, times.now());
        assert!(
            !due("/a/b", SyncDepth::Itself)
                && due("/a/b", SyncDepth::Children)
                && due("/a/b/c", SyncDepth::Itself)
        );
        assert!(due("/a", SyncDepth::All) && !due("/a", SyncDepth::Children));
        times.synced(&path("/a"), SyncDepth::All, times.now());
        assert!(!due("/a/b/c/d", SyncDepth::All) && due("/ab", SyncDepth::Itself));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_declared_out_of_date_is_due() {
        let times = SyncTimes::default();
        let begun = times.now();
        times.synced(&path("/a"), SyncDepth::All, begun);
        pass(1).await;
        times.invalidate(&path("/a/b"));
        assert!(times.due(&path("/a/b/c"), SyncDepth::Itself, 1_000));
        assert!(times.due(&path("/a"), SyncDepth::All, 1_000), "it has to reach what is below");
        assert!(!times.due(&path("/a/x"), SyncDepth::All, 1_000));
        times.synced(&path("/a/b"), SyncDepth::All, begun);
        assert!(times.due(&path("/a/b"), SyncDepth::Itself, 1_000), "that comparison began before");
        pass(1).await;
        times.synced(&path("/a/b"), SyncDepth::All, times.now());
        assert!(!times.due(&path("/a/b/c"), SyncDepth::Itself, 1_000));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_asked_for_is_compared_once_whatever_the_interval() {
        let times = SyncTimes::default();
        let due = |at: &str, depth| times.due(&path(at), depth, -1);
        times.invalidate(&path("/a"));
        assert!(!due("/a", SyncDepth::Itself), "nobody has asked for it");
        times.want(&path("/a/b"));
        assert!(due("/a/b", SyncDepth::Itself) && due("/a/b/c", SyncDepth::All));
        assert!(due("/a", SyncDepth::Children) && !due("/a", SyncDepth::Itself), "it is below");
        assert!(!due("/x", SyncDepth::All));
        pass(1).await;
        times.synced(&path("/a/b"), SyncDepth::Children, times.now());
        assert!(!due("/a/b/c", SyncDepth::Itself) && due("/a/b/c", SyncDepth::Children));
        // Too many: then all of it.
        for n in 0..CAPACITY {
            times.invalidate(&path(&format!("/{n}")));
        }
        assert!(due("/x", SyncDepth::Itself));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let times = SyncTimes::default();
        for n in 0..CAPACITY + 10 {
            times.synced(&path(&format!("/{n}")), SyncDepth::Itself, times.now());
        }
        assert_eq!(times.known.lock().times.len(), CAPACITY);
        assert!(times.due(&path("/0"), SyncDepth::Itself, 1_000));
        assert!(!times.due(&path("/20"), SyncDepth::Itself, 1_000));
        for n in 0..=CAPACITY {
            times.invalidate(&path(&format!("/{n}")));
        }
        assert_eq!(times.known.lock().invalid.len(), 1);
        assert!(times.due(&path("/20"), SyncDepth::Itself, 1_000));
    }
}
