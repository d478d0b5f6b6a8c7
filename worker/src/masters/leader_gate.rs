//! Asks the leader which blocks may be evicted.

use super::{MasterLink, Registered};
use crate::store::{EvictionGate, GateError, Moment, Verdict};
use async_trait::async_trait;
use std::time::Duration;

/// See the module.
pub struct LeaderGate {
    link: MasterLink,
    registered: Registered,
}

impl LeaderGate {
    pub fn new(link: MasterLink, registered: Registered) -> LeaderGate {
        LeaderGate { link, registered }
    }

    /// What could be evicted, for other purposes than that. The leader does not stand by it.
    pub async fn look(&self, blocks: &[i64]) -> Result<Verdict, GateError> {
        self.ask(blocks, true).await
    }

    async fn ask(&self, blocks: &[i64], looking: bool) -> Result<Verdict, GateError> {
        // A leader that does not know this worker knows nothing of its blocks.
        let id = self.registered.id().ok_or_else(|| GateError("this worker is not registered".into()))?;
        // The leader's time begins when it looks, which is later.
        let asked = Moment::now();
        let answer = self.link.may_evict(id, blocks, looking).await;
        let answer = answer.map_err(|error| GateError(error.to_string()))?;
        Ok(Verdict {
            good_until: asked.after(Duration::from_millis(answer.valid_ms.unwrap_or(0))),
            evictable: answer.evictable.into_iter().collect(),
            not_persisted: answer.not_persisted.into_iter().collect(),
        })
    }
}

#[async_trait]
impl EvictionGate for LeaderGate {
    async fn may_evict(&self, blocks: &[i64]) -> Result<Verdict, GateError> {
        self.ask(blocks, false).await
    }
}
