//! Whether this master may act as the leader.

use std::{sync::Arc, time::Duration};

use alluxio_election::Lease;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether the lease has been renewed.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a leader goes by. Clones are the same mandate.
#[derive(Clone, Debug)]
pub struct Mandate {
    /// `None` without an election: whoever holds the journal leads.
    lease: Option<Arc<Lease>>,
    /// What must be left of the lease for a change outside the journal to begin.
    margin: Duration,
    over: CancellationToken,
}

impl Mandate {
    pub fn sole() -> Self {
        Self { lease: None, margin: Duration::ZERO, over: CancellationToken::new() }
    }

    pub fn elected(lease: Arc<Lease>) -> Self {
        // Renewed in time it never has less than four fifths of its length left.
        let margin = lease.length() / 2;
        Self { lease: Some(lease), margin, over: CancellationToken::new() }
    }

    /// Whether another master could lead if this one cannot.
    pub fn is_contested(&self) -> bool {
        self.lease.is_some()
    }

    /// Looked at after the state was read that an answer rests on, and before the answer is sent.
    pub fn is_valid(&self) -> bool {
        self.lease.as_ref().is_none_or(|lease| lease.is_valid())
    }

    /// Waits until there is time left for a change that the journal's fence does not stop: of an under storage.
    /// Waiting, and not an error, because an answer must not say that it failed while it may be tried again.
    /// False when this master leads no more.
    pub async fn is_firm(&self) -> bool {
        loop {
            if self.over.is_cancelled() {
                return false;
            }
            if self.has_time() {
                return true;
            }
            tokio::select! {
                () = self.over.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// The same on a thread that may block: asked before each step of a change that takes many.
    pub fn waits_until_firm(&self) -> bool {
        while !self.over.is_cancelled() {
            if self.has_time() {
                return true;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        false
    }

    fn has_time(&self) -> bool {
        self.lease.as_ref().is_none_or(|lease| lease.is_valid() && lease.left() >= self.margin)
    }

    /// The leadership is over: nothing begins any more.
    pub fn end(&self) {
        self.over.cancel();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn with_left(left: u64) -> Mandate {
        let seconds = Duration::from_secs;
        Mandate::elected(Arc::new(Lease::lasting(seconds(left), seconds(600))))
    }

    #[tokio::test]
    async fn what_cannot_be_taken_back_begins_only_with_time_to_spare() {
        assert!(Mandate::sole().is_valid() && Mandate::sole().is_firm().await);
        let firm = with_left(400);
        assert!(firm.is_firm().await && firm.waits_until_firm());
        assert!(with_left(0).is_firm().now_or_never().is_none(), "it begins without a lease");
        // Also when the lease was as short as that from its first renewal on.
        let mandate = with_left(200);
        assert!(mandate.is_valid());
        let mut firm = std::pin::pin!(mandate.is_firm());
        assert!(firm.as_mut().now_or_never().is_none(), "it begins with too little time left");
        mandate.end();
        assert!(!firm.await);
    }

    #[tokio::test]
    async fn nothing_begins_when_it_is_over() {
        let mandate = with_left(400);
        mandate.end();
        assert!(!mandate.is_firm().await && !mandate.waits_until_firm());
    }
}
