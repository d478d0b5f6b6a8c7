//! A read-write lock that knows how long it was held. The longest hold is a metric; more than 5 ms is
//! a bug.

use std::{
    ops::{Deref, DerefMut},
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

pub struct TrackedLock<T> {
    lock: RwLock<T>,
    longest_nanos: AtomicU64,
}

struct Watch<'a> {
    since: Instant,
    longest: &'a AtomicU64,
}

pub struct ReadHold<'a, T> {
    guard: RwLockReadGuard<'a, T>,
    _watch: Watch<'a>,
}

pub struct WriteHold<'a, T> {
    guard: RwLockWriteGuard<'a, T>,
    _watch: Watch<'a>,
}

impl<T> TrackedLock<T> {
    pub fn new(value: T) -> Self {
        Self { lock: RwLock::new(value), longest_nanos: AtomicU64::new(0) }
    }

    pub fn read(&self) -> ReadHold<'_, T> {
        let guard = self.lock.read();
        ReadHold { guard, _watch: self.watch() }
    }

    pub fn write(&self) -> WriteHold<'_, T> {
        let guard = self.lock.write();
        WriteHold { guard, _watch: self.watch() }
    }

    pub fn longest_hold_nanos(&self) -> u64 {
        self.longest_nanos.load(Ordering::Relaxed)
    }

    fn watch(&self) -> Watch<'_> {
        Watch { since: Instant::now(), longest: &self.longest_nanos }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let nanos = self.since.elapsed().as_nanos() as u64;
        // A plain load first: nearly every hold is shorter than the longest.
        if nanos > self.longest.load(Ordering::Relaxed) {
            self.longest.fetch_max(nanos, Ordering::Relaxed);
        }
    }
}

impl<T> Deref for ReadHold<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> Deref for WriteHold<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for WriteHold<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_longest_hold_is_kept() {
        let lock = TrackedLock::new(1);
        *lock.write() += 1;
        {
            let _hold = lock.read();
            std::thread::sleep(Duration::from_millis(3));
        }
        drop(lock.read());
        assert!(lock.longest_hold_nanos() >= 3_000_000);
        assert_eq!(*lock.read(), 2);
    }
}
