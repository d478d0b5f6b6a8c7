//! Whether this master may act as the leader.

use std::sync::Arc;

use alluxio_election::Lease;

/// What a leader goes by.
#[derive(Clone, Debug)]
pub enum Mandate {
    /// There is no election: whoever holds the journal leads.
    Sole,
    /// Elected, for as long as the lease lasts.
    Lease(Arc<Lease>),
}

impl Mandate {
    /// Looked at after the state was read that an answer rests on, and before the answer is sent.
    pub fn is_valid(&self) -> bool {
        match self {
            Self::Sole => true,
            Self::Lease(lease) => lease.is_valid(),
        }
    }
}
