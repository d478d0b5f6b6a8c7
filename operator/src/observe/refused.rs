//! Which pods a disruption budget does not let go. Each is asked for less and less often, and since when is known: a budget that never
//! lets go has to be told. Kept in memory only: an operator that starts anew waits anew.

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::jiff::Timestamp;

use super::{by_pod::ByPod, pulse::ClusterKey};

/// Until the second try, and the longest time between two.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(15);

/// Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Refused(ByPod<Refusal>);

/// What is known of a pod that may not go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub since: Timestamp,
    /// The last answer.
    pub why: String,
    pause: Duration,
    next: Timestamp,
}

impl Refused {
    /// Takes down that the pod was refused.
    pub fn refused(&self, cluster: &ClusterKey, pod_uid: &str, why: String, now: Timestamp) {
        self.0.of(cluster, |pods| {
            let before = pods.get(pod_uid);
            let pause = before.map_or(FIRST, |before| (before.pause * 2).min(LONGEST));
            let since = before.map_or(now, |before| before.since);
            pods.insert(pod_uid.to_owned(), Refusal { since, why, pause, next: now + pause });
        });
    }

    pub fn of(&self, cluster: &ClusterKey, pod_uid: &str) -> Option<Refusal> {
        self.0.of(cluster, |pods| pods.get(pod_uid).cloned())
    }

    /// Whether it may be asked for now.
    pub fn may_try(&self, cluster: &ClusterKey, pod_uid: &str, now: Timestamp) -> bool {
        self.retry_at(cluster, pod_uid).is_none_or(|at| at <= now)
    }

    /// When a pod that was refused is asked for again.
    pub fn retry_at(&self, cluster: &ClusterKey, pod_uid: &str) -> Option<Timestamp> {
        Some(self.of(cluster, pod_uid)?.next)
    }

    /// It may go now.
    pub fn granted(&self, cluster: &ClusterKey, pod_uid: &str) {
        self.0.of(cluster, |pods| pods.remove(pod_uid));
    }

    /// All others of the cluster shall not go any more, or have gone.
    pub fn keep(&self, cluster: &ClusterKey, to_go: &BTreeSet<&str>) {
        self.0.keep(cluster, |uid| to_go.contains(uid));
    }

    pub fn forget(&self, cluster: &ClusterKey) {
        self.0.forget(cluster);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_become_fewer_and_the_time_is_that_of_the_first() {
        let (all, at) = (Refused::default(), |second| Timestamp::from_second(second).unwrap());
        let a = ClusterKey { namespace: "n".to_owned(), name: "a".to_owned() };
        let mut tries = Vec::new();
        for second in 0..60 {
            if all.may_try(&a, "u", at(second)) {
                tries.push(second);
                all.refused(&a, "u", format!("no {second}"), at(second));
            }
        }
        assert_eq!(tries, [0, 1, 3, 7, 15, 30, 45]);
        let refusal = all.of(&a, "u").unwrap();
        assert_eq!((refusal.since, refusal.why.as_str()), (at(0), "no 45"));
        assert!(all.may_try(&a, "v", at(46)));
        all.refused(&a, "w", String::new(), at(46));
        all.granted(&a, "w");
        assert_eq!(all.of(&a, "w"), None);
        all.keep(&a, &["v"].into());
        assert_eq!(all.of(&a, "u"), None);
        assert!(all.0.is_empty());
    }
}
