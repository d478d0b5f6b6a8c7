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

    /// Of one who has just been elected: what is left of the lease is about all of it.
    pub fn elected(lease: Arc<Lease>) -> Self {
        // Renewed in time it never has less than four fifths of its length left.
        let margin = lease.left() / 2;
        Self { lease: Some(lease), margin, over: CancellationToken::new() }
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
            if self.lease.as_ref().is_none_or(|lease| lease.left() >= self.margin) {
                return true;
            }
            tokio::select! {
                () = self.over.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
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

    fn with_margin(margin: u64) -> Mandate {
        let lease = Arc::new(Lease::lasting(Duration::from_secs(600)));
        Mandate { margin: Duration::from_secs(margin), ..Mandate::elected(lease) }
    }

    #[tokio::test]
    async fn what_cannot_be_taken_back_begins_only_with_time_to_spare() {
        assert!(Mandate::sole().is_valid() && Mandate::sole().is_firm().await);
        assert!(with_margin(60).is_firm().await);
        let mandate = with_margin(6_000);
        assert!(mandate.is_valid());
        let mut firm = std::pin::pin!(mandate.is_firm());
        assert!(firm.as_mut().now_or_never().is_none(), "it begins with too little time left");
        mandate.end();
        assert!(!firm.await);
    }

    #[tokio::test]
    async fn nothing_begins_when_it_is_over() {
        let mandate = with_margin(60);
        mandate.end();
        assert!(!mandate.is_firm().await);
    }
}
