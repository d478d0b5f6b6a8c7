//! The label selectors by which the parts of clusters are found.

use std::collections::BTreeMap;

use crate::build::{INSTANCE, MANAGED_BY, MANAGER, master_selector};

/// The parts of all clusters.
pub fn ours() -> String {
    format!("{MANAGED_BY}={MANAGER}")
}

/// The parts of one. The whole value is compared: cluster `a` has nothing of cluster `ab`.
pub fn selector(cluster: &str) -> String {
    format!("{},{INSTANCE}={cluster}", ours())
}

/// The masters' pods, as the scale subresource gives it to others.
pub fn masters(cluster: &str) -> String {
    shown(&master_selector(cluster))
}

fn shown(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_cluster_only() {
        assert_eq!(
            selector("a"),
            "app.kubernetes.io/managed-by=alluxio-operator,app.kubernetes.io/instance=a"
        );
        assert_eq!(masters("a"), "app.kubernetes.io/component=master,app.kubernetes.io/instance=a");
    }
}
