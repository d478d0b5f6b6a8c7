//! So many calls of one mount at a time: a store that is slow must not fill the process with calls that wait for it.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{Call, layered::Layer};
use crate::error::{Result, UfsErrorKind};

/// See the module. An open file or listing takes part only while something is asked of it.
#[derive(Clone, Debug)]
pub(super) struct Limit(Arc<Semaphore>);

impl Limit {
    pub(super) fn new(calls: usize) -> Self {
        Self(Arc::new(Semaphore::new(calls.clamp(1, Semaphore::MAX_PERMITS))))
    }
}

impl Layer for Limit {
    async fn once<T: Send>(&self, call: Call<'_>, made: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let permit = self.0.acquire().await;
        let _permit = permit.map_err(|closed| call.error(UfsErrorKind::Unavailable).caused_by(closed))?;
        made.await
    }
}
