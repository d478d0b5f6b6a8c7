//! Repeating calls that failed for the moment.
//!
//! Only what leads to the same when it is done twice: looks, and setting a mode or an owner. A repeated delete would
//! tell that nothing was there, a repeated rename that the target exists; what to make of a lost answer to these is
//! the caller's to judge, who knows the journal.

use std::time::{Duration, Instant};

use super::{Call, layered::Layer};
use crate::error::{Result, UfsError};

/// Attempts after the first.
const MORE: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// No attempt begins later than this after the first one began: a store that takes long to fail is not asked again,
/// somebody waits.
const NOT_LATER: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Repetition;

impl Layer for Repetition {
    async fn once<T: Send>(&self, _: Call<'_>, made: impl Future<Output = Result<T>> + Send) -> Result<T> {
        made.await
    }

    fn attempts(&self) -> Attempts {
        Attempts { left: MORE, pause: FIRST_PAUSE, until: Instant::now() + NOT_LATER }
    }
}

/// The attempts that one call has left.
#[derive(Debug)]
pub(super) struct Attempts {
    left: u32,
    pause: Duration,
    until: Instant,
}

impl Attempts {
    pub(super) fn none() -> Self {
        Self { left: 0, pause: Duration::ZERO, until: Instant::now() }
    }

    /// Whether to try again after `error`; waits before it says yes.
    pub(super) async fn are_left_after(&mut self, error: &UfsError) -> bool {
        // Between half of the pause and all of it, so that those who failed together do not come back together.
        let pause = self.pause.mul_f64(0.5 + rand::random::<f64>() / 2.0);
        if self.left == 0 || !error.kind().is_temporary() || Instant::now() + pause > self.until {
            return false;
        }
        self.left -= 1;
        self.pause *= 3;
        tracing::debug!(%error, "tried again");
        tokio::time::sleep(pause).await;
        true
    }
}
