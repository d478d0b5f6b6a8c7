//! Until when this process may act.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::clock;

/// Clones are the same. Starts as one that is not held.
#[derive(Clone, Debug, Default)]
pub struct Tenure {
    /// Milliseconds of [`clock::now`]; 0: not held.
    ends: Arc<AtomicU64>,
}

impl Tenure {
    /// One that never ends: for an operator without election, and for tests.
    pub fn endless() -> Self {
        Self { ends: Arc::new(AtomicU64::new(u64::MAX)) }
    }

    pub fn holds(&self) -> bool {
        millis(clock::now()) < self.ends.load(Ordering::Acquire)
    }

    pub(super) fn until(&self, end: Duration) {
        self.ends.store(millis(end), Ordering::Release);
    }

    pub(super) fn give_up(&self) {
        self.ends.store(0, Ordering::Release);
    }

    /// Calls `over` when a tenure that had begun is over by the clock. [`give_up`](Self::give_up) is not that. On a
    /// thread of its own: it must run when the runtime does not.
    pub fn watch(&self, over: impl FnOnce() + Send + 'static) {
        let tenure = self.clone();
        std::thread::spawn(move || {
            loop {
                let ends = tenure.ends.load(Ordering::Acquire);
                if ends != 0 && millis(clock::now()) >= ends {
                    break;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            over();
        });
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn holds_until_its_end() {
        let tenure = Tenure::default();
        assert!(!tenure.holds());
        tenure.until(clock::now() + Duration::from_secs(60));
        assert!(tenure.holds() && tenure.clone().holds());
        tenure.give_up();
        assert!(!tenure.holds());
        tenure.until(clock::now());
        assert!(!tenure.holds());
        assert!(Tenure::endless().holds());
    }

    #[test]
    fn its_end_is_noticed_and_giving_up_is_not_one() {
        let (tenure, (told, heard)) = (Tenure::default(), mpsc::channel());
        tenure.watch(move || told.send(()).unwrap());
        tenure.until(clock::now() + Duration::from_secs(60));
        tenure.give_up();
        assert!(heard.recv_timeout(Duration::from_millis(300)).is_err());
        tenure.until(clock::now() + Duration::from_millis(1));
        heard.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
