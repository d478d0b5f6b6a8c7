//! Asks the leader which blocks may be evicted.

use super::{MasterLink, Registered};
use crate::store::{EvictionGate, GateError, Verdict};
use async_trait::async_trait;

/// See the module.
pub struct LeaderGate {
    link: MasterLink,
    registered: Registered,
}

impl LeaderGate {
    pub fn new(link: MasterLink, registered: Registered) -> LeaderGate {
        LeaderGate { link, registered }
    }
}

#[async_trait]
impl EvictionGate for LeaderGate {
    async fn may_evict(&self, blocks: &[i64]) -> Result<Verdict, GateError> {
        // A leader that does not know this worker knows nothing of its blocks.
        let id = self.registered.id().ok_or_else(|| GateError("this worker is not registered".into()))?;
        let answer = self.link.may_evict(id, blocks).await.map_err(|error| GateError(error.to_string()))?;
        Ok(Verdict {
            evictable: answer.evictable.into_iter().collect(),
            not_persisted: answer.not_persisted.into_iter().collect(),
        })
    }
}
