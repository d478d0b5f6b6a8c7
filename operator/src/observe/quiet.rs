//! How often in a row a worker was found idle. One look is not enough: between two reads of a client a worker is idle, too.
//! Kept in memory only: after a restart of the operator a leaving worker stays a little longer.

use std::collections::BTreeSet;

use super::{by_pod::ByPod, health::OperationsAnswer, pulse::ClusterKey};

/// So many quiet answers in a row mean that nobody uses the worker. They are a second or more apart.
const QUIET: u32 = 10;

/// Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Quiet(ByPod<u32>);

impl Quiet {
    /// Counts a look at the worker of a pod; `None` when it did not answer, which is not quiet.
    pub fn count(&self, cluster: &ClusterKey, pod_uid: &str, answer: Option<OperationsAnswer>) -> bool {
        self.0.of(cluster, |looks| {
            let in_a_row = looks.entry(pod_uid.to_owned()).or_default();
            *in_a_row = if answer.is_some_and(OperationsAnswer::idle) { *in_a_row + 1 } else { 0 };
            *in_a_row >= QUIET
        })
    }

    /// All others of the cluster do not leave any more, or have left.
    pub fn keep(&self, cluster: &ClusterKey, leaving: &BTreeSet<String>) {
        self.0.keep(cluster, |uid| leaving.contains(uid));
    }

    pub fn forget(&self, cluster: &ClusterKey) {
        self.0.forget(cluster);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Option<OperationsAnswer> = Some(OperationsAnswer { operation_count: 0, rpc_queue_length: 0 });
    const BUSY: Option<OperationsAnswer> = Some(OperationsAnswer { operation_count: 1, rpc_queue_length: 0 });

    #[test]
    fn only_what_lasts_counts_and_only_who_leaves_is_kept() {
        let [a, b] = ["a", "b"].map(|name| ClusterKey { namespace: "n".to_owned(), name: name.to_owned() });
        for breaks in [BUSY, None] {
            let quiet = Quiet::default();
            let looks = |answer, times| (0..times).fold(false, |_, _| quiet.count(&a, "u", answer));
            assert!(!looks(IDLE, 9));
            assert!(!looks(breaks, 1));
            assert!(!looks(IDLE, 9));
            assert!(looks(IDLE, 1));
            assert!(!quiet.count(&a, "v", IDLE) && !quiet.count(&b, "u", IDLE));
            quiet.keep(&a, &["u".to_owned()].into());
            assert!(looks(IDLE, 1));
            assert_eq!(quiet.0.of(&a, |looks| looks.len()), 1, "one that has left");
            quiet.keep(&a, &BTreeSet::new());
            assert!(!looks(IDLE, 1));
            quiet.forget(&a);
            quiet.keep(&b, &BTreeSet::new());
            assert!(quiet.0.is_empty());
        }
    }
}
