//! A root on a node's own disk: every pod must be on that node.

use std::collections::BTreeSet;

use super::{Facts, Refusals, RootSource, neighbours};
use crate::crd::AlluxioClusterSpec;

pub(super) fn check(spec: &AlluxioClusterSpec, source: &RootSource, facts: &Facts, refusals: &mut Refusals) {
    let RootSource::HostFolder(folder) = source else { return };
    let field = "spec.underStorage.root.hostFolder";
    if spec.masters.count > 1 {
        refusals.invalid(
            field,
            format!("is {folder}, a folder of one node, and masters.count is {}", spec.masters.count),
            "use uri or claim, or one master",
        );
    }
    let admitted: BTreeSet<&str> = neighbours::selectors(spec)
        .into_iter()
        .flat_map(|selector| {
            let fits = move |node: &&super::NodeFacts| {
                selector.iter().all(|(key, value)| node.labels.get(key) == Some(value))
            };
            facts.nodes.iter().filter(fits).map(|node| node.name.as_str())
        })
        .collect();
    if admitted.len() > 1 {
        let some: Vec<&str> = admitted.iter().take(3).copied().collect();
        refusals.invalid(
            field,
            format!("is {folder}, a folder of one node, and pods may run on {} nodes ({}, ...)", admitted.len(), some.join(", ")),
            "use uri or claim, or bind masters and workers to one node: scheduling.nodeSelector: {kubernetes.io/hostname: <node>}",
        );
    }
}
