//! To which of the known nodes pods may come; whether two kinds of them may meet on one; and a root on a node's own disk, which all pods must
//! be on.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1 as core;

use super::{Facts, NodeFacts, Refusals, RootSource, neighbours};
use crate::crd::pod::TolerationOperator;
use crate::crd::{AlluxioClusterSpec, Scheduling, Toleration};
use crate::observe::nodes::NodeTerms;

/// What `scheduling` says of nodes. What it says of other pods is not looked at here.
pub(super) struct NodeRules<'a> {
    terms: NodeTerms,
    tolerations: &'a [Toleration],
}

impl<'a> NodeRules<'a> {
    pub(super) fn of(scheduling: &'a Scheduling) -> Self {
        // What cannot be read is refused where it stands; here it counts as what fits no node that is known.
        let unreadable = || core::NodeAffinity {
            required_during_scheduling_ignored_during_execution: Some(core::NodeSelector::default()),
            ..core::NodeAffinity::default()
        };
        let affinity = scheduling.affinity.as_ref().and_then(|raw| {
            raw.read::<core::Affinity>().map_or_else(|_| Some(unreadable()), |read| read.node_affinity)
        });
        let terms = NodeTerms { labels: scheduling.node_selector.clone(), affinity };
        Self { terms, tolerations: &scheduling.tolerations }
    }

    fn fits(&self, node: &NodeFacts) -> bool {
        self.terms.admits(&node.name, &node.labels)
    }

    fn tolerates(&self, node: &NodeFacts) -> bool {
        let kept_off = |taint: &&core::Taint| {
            // Kubernetes sets its own for a while; pods of a DaemonSet tolerate them.
            let passes = taint.key.starts_with("node.kubernetes.io/") || taint.effect == "PreferNoSchedule";
            !passes && !self.tolerations.iter().any(|toleration| tolerates(toleration, taint))
        };
        !node.taints.iter().any(|taint| kept_off(&taint))
    }

    /// Whether pods of both may run on one node. A node that is not known yet counts only where labels alone decide.
    pub(super) fn meets(&self, other: &Self, nodes: &[NodeFacts]) -> bool {
        let apart =
            |key: &String, value: &String| other.terms.labels.get(key).is_some_and(|theirs| theirs != value);
        if self.terms.labels.iter().any(|(key, value)| apart(key, value)) {
            return false;
        }
        let mut both = nodes.iter().filter(|node| self.fits(node) && other.fits(node)).peekable();
        match both.peek() {
            Some(_) => both.any(|node| self.tolerates(node) && other.tolerates(node)),
            None => self.terms.required().is_none() && other.terms.required().is_none(),
        }
    }
}

fn tolerates(toleration: &Toleration, taint: &core::Taint) -> bool {
    let effect = toleration.effect.is_none_or(|effect| format!("{effect:?}") == taint.effect);
    let key = toleration.key.as_deref().filter(|key| !key.is_empty());
    let value = match toleration.operator {
        Some(TolerationOperator::Exists) => key.is_none_or(|key| key == taint.key),
        Some(TolerationOperator::Equal) | None => {
            let values = [&toleration.value, &taint.value].map(|value| value.as_deref().unwrap_or_default());
            key == Some(&taint.key) && values[0] == values[1]
        }
    };
    effect && value
}

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
    let rules: Vec<_> = neighbours::scheduling(spec).into_iter().map(NodeRules::of).collect();
    let admitted: BTreeSet<&str> = facts
        .nodes
        .iter()
        .filter(|node| rules.iter().any(|rules| rules.fits(node) && rules.tolerates(node)))
        .map(|node| node.name.as_str())
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
