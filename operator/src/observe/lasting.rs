//! Since when something is so that no object tells the time of. Kept in memory only: an operator that starts anew waits anew.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use k8s_openapi::jiff::Timestamp;
use parking_lot::Mutex;

use super::pulse::ClusterKey;

/// Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Lasting(Arc<Mutex<HashMap<ClusterKey, BTreeMap<String, Timestamp>>>>);

impl Lasting {
    /// `seen` is all that is so of this cluster now; what is not among it has ended.
    pub fn since(
        &self,
        cluster: &ClusterKey,
        seen: impl IntoIterator<Item = String>,
        now: Timestamp,
    ) -> BTreeMap<String, Timestamp> {
        let mut clusters = self.0.lock();
        let before = clusters.remove(cluster).unwrap_or_default();
        let since = |what: String| {
            let since = before.get(&what).copied().unwrap_or(now);
            (what, since)
        };
        let all: BTreeMap<_, _> = seen.into_iter().map(since).collect();
        if !all.is_empty() {
            clusters.insert(cluster.clone(), all.clone());
        }
        all
    }

    pub fn forget(&self, cluster: &ClusterKey) {
        self.0.lock().remove(cluster);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_the_first_look_in_a_row() {
        let (lasting, at) = (Lasting::default(), |second| Timestamp::from_second(second).unwrap());
        let [a, b] = ["a", "b"].map(|name| ClusterKey { namespace: "n".to_owned(), name: name.to_owned() });
        let look = |cluster, seen: &[&str], now| -> Vec<i64> {
            let since = lasting.since(cluster, seen.iter().map(|what| (*what).to_owned()), at(now));
            since.values().map(|since| since.as_second()).collect()
        };
        assert_eq!(look(&a, &["x"], 1), [1]);
        assert_eq!(look(&b, &["x"], 2), [2]);
        assert_eq!(look(&a, &["x", "y"], 3), [1, 3]);
        assert_eq!(look(&a, &["y"], 4), [3]);
        assert_eq!(look(&a, &["x"], 5), [5], "it was not so in between");
        lasting.forget(&a);
        assert_eq!((look(&a, &["x"], 6), look(&b, &["x"], 6)), (vec![6], vec![2]));
    }
}
