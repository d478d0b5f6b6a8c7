//! Which workers somebody took out of service, by what each said last: a question without an answer tells nothing of it.
//! Kept in memory only: an operator that starts anew asks anew.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;

use super::{by_pod::ByPod, pulse::ClusterKey};

/// Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct ByHand(ByPod<Said>);

/// What is known of a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Whether it was out of service when it answered last.
    pub by_hand: bool,
    /// Since when it does not answer.
    pub silent_since: Option<Timestamp>,
}

impl ByHand {
    /// Takes down what the worker of a pod says; `None` when it does not answer.
    pub fn said(&self, cluster: &ClusterKey, pod_uid: &str, answer: Option<bool>, now: Timestamp) -> Said {
        self.0.of(cluster, |pods| {
            let known = pods.entry(pod_uid.to_owned()).or_default();
            *known = match answer {
                Some(by_hand) => Said { by_hand, silent_since: None },
                None => Said { silent_since: known.silent_since.or(Some(now)), ..*known },
            };
            *known
        })
    }

    /// All others of the cluster are not asked any more.
    pub fn keep(&self, cluster: &ClusterKey, asked: &BTreeSet<String>) {
        self.0.keep(cluster, |uid| asked.contains(uid));
    }

    pub fn forget(&self, cluster: &ClusterKey) {
        self.0.forget(cluster);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answer_holds_and_silence_is_counted_from_its_first() {
        let (all, at) = (ByHand::default(), |second| Timestamp::from_second(second).unwrap());
        let [a, b] = ["a", "b"].map(|name| ClusterKey { namespace: "n".to_owned(), name: name.to_owned() });
        let silent = |by_hand, since| Said { by_hand, silent_since: Some(at(since)) };
        assert_eq!(all.said(&a, "u", None, at(1)), silent(false, 1));
        assert_eq!(all.said(&a, "u", Some(true), at(2)), Said { by_hand: true, silent_since: None });
        assert_eq!(all.said(&a, "u", None, at(3)), silent(true, 3));
        assert_eq!(all.said(&a, "u", None, at(4)), silent(true, 3));
        assert_eq!(
            (all.said(&a, "v", None, at(5)), all.said(&b, "u", None, at(5))),
            (silent(false, 5), silent(false, 5))
        );
        all.keep(&a, &["u".to_owned()].into());
        assert_eq!(all.said(&a, "v", None, at(6)), silent(false, 6), "it was not asked in between");
        assert_eq!(all.said(&a, "u", None, at(6)), silent(true, 3));
        assert_eq!(all.said(&a, "u", Some(false), at(7)), Said::default());
        all.keep(&a, &BTreeSet::new());
        all.forget(&b);
        assert!(all.0.is_empty());
    }
}
