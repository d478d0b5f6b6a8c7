//! Trying again: how often and how long.

use std::time::{Duration, Instant};

use alluxio_conf::{Configuration, Span, key};
use alluxio_fs::{ErrorKind, FsError};

/// Where a property says "forever": nothing here waits longer.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Exponential sleeps with jitter, bounded in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryPolicy {
    base: Duration,
    max_sleep: Duration,
    max_duration: Duration,
}

/// Whether a failed call may succeed later: what the Java client tries again.
pub(crate) fn may_pass(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::Cancelled | ErrorKind::Unauthenticated)
}

impl RetryPolicy {
    pub(crate) fn new(base: Span, max_sleep: Span, max_duration: Span) -> Self {
        let of = |span: Span| span.duration().unwrap_or(LONGEST).min(LONGEST);
        // Never zero, so that no loop spins.
        Self {
            base: of(base).max(Duration::from_millis(1)),
            max_sleep: of(max_sleep),
            max_duration: of(max_duration),
        }
    }

    /// For calls to masters: `alluxio.user.rpc.retry.*`.
    pub(crate) fn of_calls(conf: &Configuration) -> Self {
        Self::new(
            conf.get(key::USER_RPC_RETRY_BASE_SLEEP),
            conf.get(key::USER_RPC_RETRY_MAX_SLEEP),
            conf.get(key::USER_RPC_RETRY_MAX_DURATION),
        )
    }

    /// For reads of blocks: `alluxio.user.block.read.retry.*`.
    pub(crate) fn of_reads(conf: &Configuration) -> Self {
        Self::new(
            conf.get(key::USER_BLOCK_READ_RETRY_SLEEP_BASE),
            conf.get(key::USER_BLOCK_READ_RETRY_SLEEP_MAX),
            conf.get(key::USER_BLOCK_READ_RETRY_MAX_DURATION),
        )
    }

    /// The same, for a shorter time.
    pub(crate) fn at_most(self, max_duration: Duration) -> Self {
        Self { max_duration: self.max_duration.min(max_duration), ..self }
    }

    pub(crate) fn start(self) -> Attempts {
        Attempts { policy: self, began: Instant::now(), tries: 1 }
    }

    /// The sleep before try `tries + 1`, before jitter.
    fn sleep(&self, tries: u32) -> Duration {
        self.base.saturating_mul(1 << tries.saturating_sub(1).min(20)).min(self.max_sleep)
    }
}

/// One operation's tries.
pub(crate) struct Attempts {
    policy: RetryPolicy,
    began: Instant,
    tries: u32,
}

impl Attempts {
    /// Sleeps before another try; false when the time is over.
    pub(crate) async fn again(&mut self, error: &FsError) -> bool {
        let left = self.policy.max_duration.saturating_sub(self.began.elapsed());
        if left.is_zero() {
            return false;
        }
        // Between half and all of it, so that clients that failed together do not return together.
        let sleep = self.policy.sleep(self.tries).mul_f64(rand::random_range(0.5..=1.0)).min(left);
        tracing::debug!(%error, tries = self.tries, ?sleep, "trying again");
        tokio::time::sleep(sleep).await;
        self.tries += 1;
        true
    }

    /// The error to report, with what was done about it.
    pub(crate) fn last(&self, error: FsError) -> FsError {
        if self.tries <= 1 {
            return error;
        }
        let seconds = self.began.elapsed().as_secs_f32();
        FsError::new(error.kind, format!("{} (tried {} times in {seconds:.1} s)", error.message, self.tries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(base_ms: u64, max_sleep_ms: u64, max_ms: u64) -> RetryPolicy {
        let ms = Duration::from_millis;
        RetryPolicy { base: ms(base_ms), max_sleep: ms(max_sleep_ms), max_duration: ms(max_ms) }
    }

    #[test]
    fn sleeps_double_up_to_the_longest() {
        let policy = policy(50, 3000, 120_000);
        let sleeps: Vec<u128> = (1..=8).map(|tries| policy.sleep(tries).as_millis()).collect();
        assert_eq!(sleeps, [50, 100, 200, 400, 800, 1600, 3000, 3000]);
        assert_eq!(policy.sleep(u32::MAX).as_millis(), 3000);
    }

    #[tokio::test]
    async fn it_ends() {
        let mut attempts = policy(1, 5, 60).start();
        let error = FsError::unavailable("nobody there");
        while attempts.again(&error).await {}
        assert!(attempts.tries > 2);
        assert!(attempts.last(error).message.starts_with("nobody there (tried "));
    }

    #[tokio::test]
    async fn with_no_time_there_is_one_try() {
        let mut attempts = policy(1, 5, 0).start();
        let error = FsError::unavailable("nobody there");
        assert!(!attempts.again(&error).await);
        assert_eq!(attempts.last(error.clone()), error);
    }
}
