//! A read-write lock that knows how long it was held. The longest hold is a metric; more than 5 ms is
//! a bug. Beside it stands the most processor time that one hold took. A thread that is interrupted while
//! it holds the lock, as happens where there is more to do than there are processors, makes the first grow
//! and not the second.

use std::{
    ops::{Deref, DerefMut},
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use nix::time::{ClockId, clock_gettime};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

pub struct TrackedLock<T> {
    lock: RwLock<T>,
    longest: AtomicU64,
    most_cpu: AtomicU64,
}

/// The time from the lock's acquisition to its release.
struct Wall<'a> {
    since: Instant,
    longest: &'a AtomicU64,
}

/// The processor time of the thread. Reading it is a system call, which is made before the lock is taken and
/// after it is released: a little more than the hold itself is counted.
struct Cpu<'a> {
    since: u64,
    most: &'a AtomicU64,
}

// The fields are dropped in their order. The wall clock stops before the release, which wakes those who
// wait: a woken thread often takes the processor from this one, when nobody is held up any more.
pub struct ReadHold<'a, T> {
    _wall: Wall<'a>,
    guard: RwLockReadGuard<'a, T>,
    _cpu: Cpu<'a>,
}

pub struct WriteHold<'a, T> {
    _wall: Wall<'a>,
    guard: RwLockWriteGuard<'a, T>,
    _cpu: Cpu<'a>,
}

impl<T> TrackedLock<T> {
    pub fn new(value: T) -> Self {
        Self { lock: RwLock::new(value), longest: AtomicU64::new(0), most_cpu: AtomicU64::new(0) }
    }

    pub fn read(&self) -> ReadHold<'_, T> {
        let _cpu = Cpu { since: thread_nanos(), most: &self.most_cpu };
        let guard = self.lock.read();
        ReadHold { _wall: self.wall(), guard, _cpu }
    }

    pub fn write(&self) -> WriteHold<'_, T> {
        let _cpu = Cpu { since: thread_nanos(), most: &self.most_cpu };
        let guard = self.lock.write();
        WriteHold { _wall: self.wall(), guard, _cpu }
    }

    pub fn longest_hold_nanos(&self) -> u64 {
        self.longest.load(Ordering::Relaxed)
    }

    /// At most: see [`Cpu`].
    pub fn most_cpu_nanos(&self) -> u64 {
        self.most_cpu.load(Ordering::Relaxed)
    }

    fn wall(&self) -> Wall<'_> {
        Wall { since: Instant::now(), longest: &self.longest }
    }
}

fn thread_nanos() -> u64 {
    // It cannot fail on Linux; if it does, the metric shows nothing.
    let Ok(time) = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID) else { return 0 };
    time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
}

fn raise(longest: &AtomicU64, nanos: u64) {
    // A plain load first: nearly every hold is shorter than the longest.
    if nanos > longest.load(Ordering::Relaxed) {
        longest.fetch_max(nanos, Ordering::Relaxed);
    }
}

impl Drop for Wall<'_> {
    fn drop(&mut self) {
        raise(self.longest, self.since.elapsed().as_nanos() as u64);
    }
}

impl Drop for Cpu<'_> {
    fn drop(&mut self) {
        raise(self.most, thread_nanos().saturating_sub(self.since));
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
    fn the_longest_hold_and_the_most_work_are_kept() {
        let lock = TrackedLock::new(1);
        *lock.write() += 1;
        {
            let _hold = lock.read();
            std::thread::sleep(Duration::from_millis(30));
        }
        assert!(lock.longest_hold_nanos() >= 30_000_000);
        assert!(lock.most_cpu_nanos() < 30_000_000, "a thread that sleeps uses no processor");
        {
            let hold = lock.write();
            let began = thread_nanos();
            while thread_nanos() - began < 40_000_000 {
                std::hint::black_box(*hold);
            }
        }
        assert!(lock.most_cpu_nanos() >= 40_000_000);
        assert_eq!(*lock.read(), 2);
    }
}
