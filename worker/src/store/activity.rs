//! Which folders clients use, or used a moment ago: background moves keep out of their way.

use super::DirId;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Activity(Arc<Inner>);

struct Inner {
    began: Instant,
    dirs: Vec<Use>,
}

#[derive(Default)]
struct Use {
    open: AtomicUsize,
    /// Milliseconds from `began` to the last end of a use, and one.
    ended: AtomicU64,
}

/// A use of a folder; ends when dropped.
pub struct InUse {
    activity: Activity,
    dir: DirId,
}

impl Activity {
    pub fn new(dirs: usize) -> Activity {
        let dirs = (0..dirs).map(|_| Use::default()).collect();
        Activity(Arc::new(Inner { began: Instant::now(), dirs }))
    }

    pub fn begin(&self, dir: DirId) -> InUse {
        self.of(dir).open.fetch_add(1, Ordering::Relaxed);
        InUse { activity: self.clone(), dir }
    }

    /// Whether a client uses the folder, or did within `rest`.
    pub fn is_busy(&self, dir: DirId, rest: Duration) -> bool {
        self.is_used(self.of(dir), rest)
    }

    /// The same for any folder.
    pub fn is_any_busy(&self, rest: Duration) -> bool {
        self.0.dirs.iter().any(|dir| self.is_used(dir, rest))
    }

    fn is_used(&self, dir: &Use, rest: Duration) -> bool {
        let ended = dir.ended.load(Ordering::Relaxed);
        let rest = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX);
        dir.open.load(Ordering::Relaxed) > 0 || (ended > 0 && self.now() < ended.saturating_add(rest))
    }

    fn of(&self, dir: DirId) -> &Use {
        &self.0.dirs[usize::from(dir.0)]
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let (now, dir) = (self.activity.now(), self.activity.of(self.dir));
        dir.ended.fetch_max(now, Ordering::Relaxed);
        dir.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_busy_while_it_is_used_and_a_moment_longer() {
        let activity = Activity::new(2);
        let (one, other) = (DirId(0), DirId(1));
        let hour = Duration::from_secs(3600);
        assert!(!activity.is_any_busy(hour), "nobody came yet");
        let (first, second) = (activity.begin(one), activity.begin(one));
        assert!(activity.is_busy(one, Duration::ZERO) && !activity.is_busy(other, hour));
        drop(first);
        assert!(activity.is_busy(one, Duration::ZERO));
        drop(second);
        assert!(!activity.is_busy(one, Duration::ZERO));
        assert!(activity.is_busy(one, hour) && activity.is_any_busy(hour));
    }
}
