//! What is remembered of single pods from one look to the next, by the cluster that they belong to. In memory only: an operator that starts
//! anew learns it anew.

use std::{collections::HashMap, fmt, sync::Arc};

use parking_lot::Mutex;

use super::pulse::ClusterKey;

type Pods<T> = HashMap<String, T>;

/// By the pods' uids. Clones are the same.
pub(super) struct ByPod<T>(Arc<Mutex<HashMap<ClusterKey, Pods<T>>>>);

impl<T> ByPod<T> {
    /// Reads or changes what is known of the cluster's pods.
    pub(super) fn of<R>(&self, cluster: &ClusterKey, look: impl FnOnce(&mut Pods<T>) -> R) -> R {
        let mut clusters = self.0.lock();
        let pods = clusters.entry(cluster.clone()).or_default();
        let seen = look(pods);
        if pods.is_empty() {
            clusters.remove(cluster);
        }
        seen
    }

    /// Forgets all other pods of the cluster.
    pub(super) fn keep(&self, cluster: &ClusterKey, keeps: impl Fn(&str) -> bool) {
        self.of(cluster, |pods| pods.retain(|uid, _| keeps(uid)));
    }

    pub(super) fn forget(&self, cluster: &ClusterKey) {
        self.0.lock().remove(cluster);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }
}

impl<T> Clone for ByPod<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for ByPod<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for ByPod<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
