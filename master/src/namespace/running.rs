//! Operations that are being carried out and have an id. A client that repeats a call while the first
//! is still running joins it instead of starting a second one (invariant 9).

use std::collections::HashMap;

use alluxio_fs::FsError;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::tree::OperationId;

#[derive(Default)]
pub struct RunningOperations {
    running: Mutex<HashMap<OperationId, watch::Receiver<()>>>,
}

/// While it lives, the operation runs.
pub struct Running<'a> {
    all: &'a RunningOperations,
    id: Option<OperationId>,
    /// Dropping it wakes those who joined.
    _done: Option<watch::Sender<()>>,
}

impl RunningOperations {
    /// Waits while an operation of the same id runs, then enters this one. Operations without id
    /// always enter. The caller looks for the id among the finished ones afterwards.
    pub async fn enter(&self, id: Option<OperationId>) -> Result<Running<'_>, FsError> {
        let Some(key) = id else { return Ok(Running { all: self, id: None, _done: None }) };
        loop {
            let mut other = {
                let mut running = self.running.lock();
                match running.get(&key) {
                    Some(other) => other.clone(),
                    None => {
                        let (done, receiver) = watch::channel(());
                        running.insert(key, receiver);
                        return Ok(Running { all: self, id, _done: Some(done) });
                    }
                }
            };
            // Errs when the sender is dropped, which is the end of the first.
            while other.changed().await.is_ok() {}
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.all.running.lock().remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;

    #[tokio::test]
    async fn the_second_waits_for_the_first() {
        let all = Arc::new(RunningOperations::default());
        let first = all.enter(Some((1, 2))).await.unwrap();
        assert!(all.enter(Some((3, 4))).await.is_ok(), "another id does not wait");
        let other = all.clone();
        let second = tokio::spawn(async move { other.enter(Some((1, 2))).await.map(|_| ()) });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!second.is_finished());
        drop(first);
        second.await.unwrap().unwrap();
        assert!(all.running.lock().is_empty());
    }
}
