//! A limit of time for calls that only look.
//!
//! A change is not given up: it may still take effect, and as long as it may its paths must stay reserved
//! (docs/under-storage-order.md). Who waits for one is told by the caller's own limit.

use std::time::Duration;

use super::{Call, layered::Layer};
use crate::error::{Result, UfsErrorKind};

/// Shorter than the wait of a master's operation for it (45 s), so that the message says which store it was.
const LOOK: Duration = Duration::from_secs(40);

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct TimeLimit(Duration);

impl TimeLimit {
    #[cfg(test)]
    pub(super) fn of(limit: Duration) -> Self {
        Self(limit)
    }
}

impl Default for TimeLimit {
    fn default() -> Self {
        Self(LOOK)
    }
}

impl Layer for TimeLimit {
    async fn once<T: Send>(&self, call: Call<'_>, made: impl Future<Output = Result<T>> + Send) -> Result<T> {
        if !call.method.only_looks() {
            return made.await;
        }
        tokio::time::timeout(self.0, made).await.unwrap_or_else(|_| {
            let reason = format!("the under storage has not answered for {:?}", self.0);
            Err(call.error(UfsErrorKind::Unavailable).because(reason))
        })
    }
}
