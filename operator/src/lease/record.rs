//! What stands in the Lease, and whether it may be taken. Pure.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};

/// What was last seen of the Lease, and when by our own clock. The times in it are other machines' clocks: they are
/// for people, and are compared with themselves only.
#[derive(Clone, Debug)]
pub struct Seen {
    lease: Lease,
    since: Duration,
}

impl Seen {
    pub fn new(lease: Lease, now: Duration) -> Self {
        Self { lease, since: now }
    }

    /// Takes in what is there now; the time counts from the last change.
    pub fn update(&mut self, lease: Lease, now: Duration) {
        if lease.spec != self.lease.spec {
            self.since = now;
        }
        self.lease = lease;
    }

    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    pub fn holder(&self) -> Option<&str> {
        let holder = self.lease.spec.as_ref()?.holder_identity.as_deref()?;
        (!holder.is_empty()).then_some(holder)
    }

    /// Whether `identity` may write itself into it. The holder's own word says how long it has to be left alone, or
    /// `duration` where that is longer.
    pub fn may_take(&self, identity: &str, duration: Duration, now: Duration) -> bool {
        let Some(holder) = self.holder() else { return true };
        let told = self.lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds).unwrap_or(0);
        let left_alone = duration.max(Duration::from_secs(u64::try_from(told).unwrap_or(0)));
        holder == identity || now.saturating_sub(self.since) >= left_alone
    }
}

/// The Lease as its holder writes it.
pub fn held(before: Option<&Lease>, identity: &str, duration: Duration) -> LeaseSpec {
    let now = MicroTime(Timestamp::now());
    let spec = before.and_then(|lease| lease.spec.clone()).unwrap_or_default();
    let ours = spec.holder_identity.as_deref() == Some(identity);
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: i32::try_from(duration.as_secs()).ok(),
        acquire_time: if ours { spec.acquire_time.clone() } else { Some(now.clone()) },
        renew_time: Some(now),
        lease_transitions: Some(spec.lease_transitions.unwrap_or(0) + i32::from(!ours && before.is_some())),
        ..spec
    }
}

/// The Lease as its holder leaves it: the next one needs not wait.
pub fn released(before: &Lease) -> LeaseSpec {
    let spec = before.spec.clone().unwrap_or_default();
    LeaseSpec { holder_identity: Some(String::new()), lease_duration_seconds: Some(1), ..spec }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(15);

    fn lease(holder: &str, renewed: i64) -> Lease {
        let spec = LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(15),
            renew_time: Some(MicroTime(Timestamp::from_second(renewed).unwrap())),
            ..LeaseSpec::default()
        };
        Lease { spec: Some(spec), ..Lease::default() }
    }

    fn second(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    #[test]
    fn taken_when_it_was_not_written_for_long_by_our_clock() {
        let mut seen = Seen::new(lease("other", 1), second(100));
        assert!(!seen.may_take("we", LEASE, second(114)));
        seen.update(lease("other", 3), second(110));
        assert!(!seen.may_take("we", LEASE, second(124)), "it was written in between");
        seen.update(lease("other", 3), second(124));
        assert!(seen.may_take("we", LEASE, second(125)));
    }

    #[test]
    fn a_holder_that_asks_for_longer_gets_it() {
        let mut asks = lease("other", 1);
        asks.spec.as_mut().unwrap().lease_duration_seconds = Some(60);
        let seen = Seen::new(asks, second(100));
        assert!(!seen.may_take("we", LEASE, second(159)));
        assert!(seen.may_take("we", LEASE, second(160)));
    }

    #[test]
    fn free_or_our_own_is_taken_at_once() {
        for holder in ["", "we"] {
            assert!(Seen::new(lease(holder, 1), second(100)).may_take("we", LEASE, second(100)));
        }
        assert!(Seen::new(Lease::default(), second(100)).may_take("we", LEASE, second(100)));
        let released = Lease { spec: Some(released(&lease("other", 1))), ..Lease::default() };
        assert!(Seen::new(released, second(100)).may_take("we", LEASE, second(100)));
    }

    #[test]
    fn transitions_are_counted_and_the_time_of_taking_kept() {
        let first = held(None, "we", LEASE);
        assert_eq!((first.lease_transitions, first.lease_duration_seconds), (Some(0), Some(15)));
        let again = held(Some(&Lease { spec: Some(first.clone()), ..Lease::default() }), "we", LEASE);
        assert_eq!((again.lease_transitions, &again.acquire_time), (Some(0), &first.acquire_time));
        let other = held(Some(&Lease { spec: Some(again), ..Lease::default() }), "other", LEASE);
        assert_eq!(other.lease_transitions, Some(1));
    }
}
