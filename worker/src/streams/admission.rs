//! Who may start a stream: bounds on their number, and the doors closed at shutdown.

use alluxio_fs::FsError;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

/// Counts streams and refuses new ones above the limits.
#[derive(Clone)]
pub struct Admission {
    readers: Arc<Semaphore>,
    writers: Arc<Semaphore>,
    most_readers: usize,
    most_writers: usize,
    others: TaskTracker,
    leaving: CancellationToken,
    decommissioned: Arc<AtomicBool>,
}

/// Held as long as the stream lasts.
pub type Ticket = OwnedSemaphorePermit;

/// Held as long as other work lasts: blocks to cache, files to persist.
pub type Work = TaskTrackerToken;

impl Admission {
    /// `alluxio.worker.network.block.reader.threads.max` and `…writer.threads.max`.
    pub fn new(most_readers: usize, most_writers: usize) -> Admission {
        Admission {
            readers: Arc::new(Semaphore::new(most_readers)),
            writers: Arc::new(Semaphore::new(most_writers)),
            most_readers,
            most_writers,
            others: TaskTracker::new(),
            leaving: CancellationToken::new(),
            decommissioned: Arc::default(),
        }
    }

    pub fn read(&self) -> Result<Ticket, FsError> {
        Arc::clone(&self.readers).try_acquire_owned().map_err(|_| {
            FsError::resource_exhausted(format!(
                "This worker serves {} block reads already. Try another worker or later.",
                self.most_readers
            ))
        })
    }

    pub fn write(&self) -> Result<Ticket, FsError> {
        // Counted first: who then finds the door open is seen by a shutdown that waits for the writers.
        let ticket = Arc::clone(&self.writers).try_acquire_owned();
        self.takes_blocks()?;
        ticket.map_err(|_| {
            FsError::resource_exhausted(format!(
                "This worker takes {} block writes already. Try another worker or later.",
                self.most_writers
            ))
        })
    }

    /// Whether new blocks are taken, written or cached.
    pub fn takes_blocks(&self) -> Result<(), FsError> {
        let decommissioned = self.decommissioned.load(Ordering::Acquire);
        for (closed, why) in [(self.is_leaving(), "shuts down"), (decommissioned, "is decommissioned")] {
            if closed {
                return Err(FsError::unavailable(format!(
                    "This worker {why} and takes no new blocks. Try another."
                )));
            }
        }
        Ok(())
    }

    /// Counts work that is no stream; its bounds are elsewhere.
    pub fn other_work(&self) -> Work {
        self.others.token()
    }

    /// What goes on: whoever wants to stop this worker waits until there is none.
    pub fn active_operations(&self) -> usize {
        self.active_readers() + self.active_writers() + self.others.len()
    }

    /// Refuses new writes for good; streams under way go on.
    pub fn leave(&self) {
        self.leaving.cancel();
    }

    pub fn is_leaving(&self) -> bool {
        self.leaving.is_cancelled()
    }

    /// Ends when [`Self::leave`] was called.
    pub async fn left(&self) {
        self.leaving.cancelled().await;
    }

    /// Refuses new writes as long as the master wants it.
    pub fn set_decommissioned(&self, decommissioned: bool) {
        self.decommissioned.store(decommissioned, Ordering::Release);
    }

    pub fn active_readers(&self) -> usize {
        self.most_readers - self.readers.available_permits()
    }

    pub fn active_writers(&self) -> usize {
        self.most_writers - self.writers.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alluxio_fs::ErrorKind;

    #[test]
    fn streams_are_bounded_and_writes_can_be_closed() {
        let admission = Admission::new(1, 2);
        let reader = admission.read().unwrap();
        assert_eq!(admission.read().unwrap_err().kind, ErrorKind::ResourceExhausted);
        let work = admission.clone().other_work();
        assert_eq!(admission.active_operations(), 2);
        drop((reader, work));
        assert_eq!(admission.active_operations(), 0);
        assert!(admission.read().is_ok());
        let _writer = admission.write().unwrap();
        assert_eq!(admission.active_writers(), 1);
        admission.set_decommissioned(true);
        assert_eq!(admission.write().unwrap_err().kind, ErrorKind::Unavailable);
        admission.set_decommissioned(false);
        assert!(admission.write().is_ok());
        admission.leave();
        admission.set_decommissioned(false);
        assert_eq!(admission.write().unwrap_err().kind, ErrorKind::Unavailable);
    }
}
