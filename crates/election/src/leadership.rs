//! What a master holds while it leads, and the other end of it.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::{candidacy::Lost, lease::Lease};

/// This master leads, until [`lost`](Self::lost). Dropping it resigns: its nodes go, others can lead, and it
/// stands again at the end of the queue. While it is kept, this master does not stand again.
#[derive(Debug)]
pub struct Leadership {
    lease: Arc<Lease>,
    announce: mpsc::Sender<oneshot::Sender<()>>,
    lost: watch::Receiver<Option<Lost>>,
}

impl Leadership {
    /// It was valid once before this was handed out.
    #[must_use]
    pub fn lease(&self) -> Arc<Lease> {
        Arc::clone(&self.lease)
    }

    /// Shows this master's address under the leader path, for clients: to be called when it serves.
    ///
    /// # Errors
    /// When the leadership is lost.
    pub async fn announce(&self) -> Result<(), Lost> {
        let (done, announced) = oneshot::channel();
        let asked = self.announce.send(done).await.is_ok();
        if asked && announced.await.is_ok() {
            return Ok(());
        }
        Err(self.lost().await)
    }

    /// Waits until the leadership is lost. The lease has ended then.
    pub async fn lost(&self) -> Lost {
        let mut lost = self.lost.clone();
        match lost.wait_for(Option::is_some).await {
            Ok(reason) => reason.unwrap_or(Lost::Resigned),
            // The election has ended.
            Err(_) => Lost::Resigned,
        }
    }
}

/// The election's end of a leadership.
#[derive(Debug)]
pub(crate) struct Held {
    pub lease: Arc<Lease>,
    /// Closed when the master has let go.
    pub announcements: mpsc::Receiver<oneshot::Sender<()>>,
    lost: watch::Sender<Option<Lost>>,
}

impl Held {
    pub(crate) fn new(lease: Lease) -> (Leadership, Held) {
        let lease = Arc::new(lease);
        let (announce, announcements) = mpsc::channel(1);
        let (lost, receiver) = watch::channel(None);
        let leadership = Leadership { lease: Arc::clone(&lease), announce, lost: receiver };
        (leadership, Held { lease, announcements, lost })
    }

    /// Ends the lease, then tells the master.
    pub(crate) fn end(&self, lost: Lost) {
        self.lease.set(std::time::Duration::ZERO);
        self.lost.send_replace(Some(lost));
    }

    /// Waits until the master has let go. Nothing is announced any more.
    pub(crate) async fn released(&mut self) {
        while self.announcements.recv().await.is_some() {}
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Whatever way the election ends, the lease ends with it.
        self.lease.set(std::time::Duration::ZERO);
    }
}
