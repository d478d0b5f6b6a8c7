//! What a pod's node says about the worker in it.

use k8s_openapi::api::core::v1::Node;
use kube::runtime::reflector::Store;

use super::observed::node_named;
use crate::observe::{
    nodes::{NodeTerms, cordoned},
    pods::PodFacts,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether the node is one that the group asks for.
    pub wanted_here: bool,
    pub cordoned: bool,
}

/// `nodes`: `None` where the operator may not read them; then no node ever leaves. `was_leaving`: whether the pod's node was told as
/// one that leaves.
pub fn standing(
    nodes: Option<&Store<Node>>,
    terms: &NodeTerms,
    pod: &PodFacts,
    was_leaving: bool,
) -> Standing {
    let stays = Standing { wanted_here: true, cordoned: false };
    let (Some(nodes), Some(name)) = (nodes, pod.node.as_deref()) else { return stays };
    match node_named(nodes, name) {
        Some(node) => Standing { wanted_here: terms.admit(&node), cordoned: cordoned(&node) },
        // The list is not complete, or the node is gone. Neither is a reason to let a worker go in the middle of leaving, or to take
        // it back.
        None => {
            let leaves = was_leaving || pod.taken_out.is_some();
            Standing { wanted_here: !leaves, cordoned: leaves }
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::runtime::{reflector, watcher::Event};
    use serde_json::{Value, json};

    use super::*;
    use crate::observe::pods::TAKEN_OUT;

    fn pod(annotations: Value) -> PodFacts {
        let pod = json!({ "metadata": { "name": "w", "annotations": annotations }, "spec": { "nodeName": "n1", "containers": [] } });
        PodFacts::of(&serde_json::from_value(pod).unwrap(), "hash")
    }

    fn terms() -> NodeTerms {
        NodeTerms { labels: [("disk".to_owned(), "ssd".to_owned())].into(), affinity: None }
    }

    #[test]
    fn a_node_that_is_not_known_changes_nothing() {
        let (empty, _writer) = reflector::store::<Node>();
        let marked = pod(json!({ TAKEN_OUT: "2026-01-02T03:04:06Z" }));
        let stays = Standing { wanted_here: true, cordoned: false };
        let leaves = Standing { wanted_here: false, cordoned: true };
        assert_eq!(standing(Some(&empty), &terms(), &pod(json!({})), false), stays);
        assert_eq!(standing(Some(&empty), &terms(), &pod(json!({})), true), leaves, "not let go");
        assert_eq!(standing(Some(&empty), &terms(), &marked, false), leaves, "not put back");
        assert_eq!(standing(None, &terms(), &marked, true), stays, "nobody would ever put it back");
    }

    #[test]
    fn a_node_that_is_known_decides() {
        let (nodes, mut writer) = reflector::store::<Node>();
        let mut node: Node = serde_json::from_value(
            json!({ "metadata": { "name": "n1", "labels": { "disk": "ssd" } }, "spec": { "unschedulable": true } }),
        )
        .unwrap();
        writer.apply_watcher_event(&Event::Apply(node.clone()));
        let seen = standing(Some(&nodes), &terms(), &pod(json!({})), true);
        assert_eq!(seen, Standing { wanted_here: true, cordoned: true });
        node.metadata.labels = None;
        node.spec = None;
        writer.apply_watcher_event(&Event::Apply(node));
        let seen = standing(Some(&nodes), &terms(), &pod(json!({})), false);
        assert_eq!(seen, Standing { wanted_here: false, cordoned: false });
    }
}
