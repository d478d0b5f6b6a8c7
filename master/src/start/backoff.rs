//! How long a master that could not lead leaves it to others.

use std::time::Duration;

/// Who has led for so many session timeouts was able to.
const ABLE: u32 = 10;
/// In session timeouts. Longer would leave a cluster without a leader when what kept everyone from leading is over.
const LONGEST: u32 = 4;

/// The first time it only goes to the end of the queue, then it does not stand for a session timeout, then for twice
/// as long each time.
pub(super) struct Backoff {
    session: Duration,
    next: Duration,
}

impl Backoff {
    pub fn new(session: Duration) -> Self {
        Self { session, next: Duration::ZERO }
    }

    /// After it has led for so long.
    pub fn wait(&mut self, led: Duration) -> Duration {
        if led > self.session * ABLE {
            self.next = Duration::ZERO;
        }
        let wait = self.next;
        self.next = (wait * 2).clamp(self.session, self.session * LONGEST);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_until_the_master_has_led() {
        let session = Duration::from_secs(4);
        let mut backoff = Backoff::new(session);
        let mut waits = |led: u64| backoff.wait(Duration::from_secs(led)).as_secs();
        assert_eq!([waits(0), waits(1), waits(39), waits(0)], [0, 4, 8, 16]);
        assert_eq!([waits(41), waits(0)], [0, 4]);
        for _ in 0..20 {
            waits(0);
        }
        assert_eq!(waits(0), 16);
    }
}
