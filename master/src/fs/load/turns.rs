//! One load of a directory at a time. Who waited for a load that began after he asked has his answer
//! and need not load again.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use alluxio_fs::AlluxioPath;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

#[derive(Default)]
pub struct LoadTurns {
    turns: Mutex<HashMap<AlluxioPath, Arc<Turn>>>,
}

#[derive(Default)]
struct Turn {
    busy: Arc<tokio::sync::Mutex<()>>,
    begun: AtomicU64,
    /// The newest load that was carried to its end.
    finished: AtomicU64,
}

/// Somebody who loads a directory or waits for it; the last one takes the directory off the table.
struct Interest<'a> {
    all: &'a LoadTurns,
    path: AlluxioPath,
    turn: Arc<Turn>,
}

/// The right to load one directory.
pub struct MyTurn<'a> {
    interest: Interest<'a>,
    number: u64,
    _busy: OwnedMutexGuard<()>,
}

impl LoadTurns {
    /// Waits for others who load the same directory. `None` when one of them began after this call and
    /// came to its end.
    pub async fn enter(&self, path: &AlluxioPath) -> Option<MyTurn<'_>> {
        let (interest, asked) = {
            let mut turns = self.turns.lock();
            let turn = turns.entry(path.clone()).or_default().clone();
            let begun = turn.begun.load(Ordering::Relaxed);
            (Interest { all: self, path: path.clone(), turn }, begun)
        };
        let busy = interest.turn.busy.clone().lock_owned().await;
        if interest.turn.finished.load(Ordering::Relaxed) > asked {
            return None;
        }
        let number = interest.turn.begun.fetch_add(1, Ordering::Relaxed) + 1;
        Some(MyTurn { interest, number, _busy: busy })
    }
}

impl MyTurn<'_> {
    /// The directory was loaded to its end.
    pub fn done(self) {
        self.interest.turn.finished.store(self.number, Ordering::Relaxed);
    }
}

impl Drop for Interest<'_> {
    fn drop(&mut self) {
        let mut turns = self.all.turns.lock();
        // The table and this one hold it: nobody else is interested.
        if Arc::strong_count(&self.turn) == 2 {
            turns.remove(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn path(text: &str) -> AlluxioPath {
        AlluxioPath::parse(text).unwrap()
    }

    #[tokio::test]
    async fn waiters_share_a_load_that_began_after_they_asked() {
        let turns = Arc::new(LoadTurns::default());
        let first = turns.enter(&path("/a")).await.unwrap();
        assert!(turns.enter(&path("/b")).await.is_some(), "another directory does not wait");
        let wait = || {
            let turns = turns.clone();
            tokio::spawn(async move {
                let turn = turns.enter(&path("/a")).await;
                let loads = turn.is_some();
                if let Some(turn) = turn {
                    turn.done();
                }
                loads
            })
        };
        let waiters = [wait(), wait(), wait()];
        tokio::time::sleep(Duration::from_millis(20)).await;
        first.done();
        let mut loads = 0;
        for waiter in waiters {
            loads += u32::from(waiter.await.unwrap());
        }
        assert_eq!(loads, 1, "the first began before they asked; the second is theirs");
        assert!(turns.turns.lock().is_empty());
    }

    #[tokio::test]
    async fn a_load_that_failed_is_nobody_elses_answer() {
        let turns = Arc::new(LoadTurns::default());
        let first = turns.enter(&path("/a")).await.unwrap();
        let other = turns.clone();
        let second = tokio::spawn(async move { other.enter(&path("/a")).await.is_some() });
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(first);
        assert!(second.await.unwrap());
    }
}
