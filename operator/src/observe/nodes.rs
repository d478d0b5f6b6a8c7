//! Whether a node is one that a group of workers asks for: the rules of Kubernetes' scheduler for labels. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Node, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm,
};
use kube::ResourceExt;

/// The user's terms of a group. Without any, every node is meant.
#[derive(Clone, Debug, Default)]
pub struct NodeTerms {
    pub labels: BTreeMap<String, String>,
    pub affinity: Option<NodeAffinity>,
}

impl NodeTerms {
    pub fn admit(&self, node: &Node) -> bool {
        self.admits(&node.name_any(), node.labels())
    }

    /// A node of this name with these labels.
    pub fn admits(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        let fits = |selector: &NodeSelector| {
            selector.node_selector_terms.iter().any(|term| fits(term, name, labels))
        };
        self.labels.iter().all(|(name, value)| labels.get(name) == Some(value))
            && self.required().is_none_or(fits)
    }

    /// What the affinity leaves no choice about.
    pub fn required(&self) -> Option<&NodeSelector> {
        self.affinity.as_ref()?.required_during_scheduling_ignored_during_execution.as_ref()
    }
}

/// All of a term's requirements; a term without any fits no node.
fn fits(term: &NodeSelectorTerm, name: &str, labels: &BTreeMap<String, String>) -> bool {
    let (of_labels, of_fields) = (term.match_expressions.as_deref(), term.match_fields.as_deref());
    let (of_labels, of_fields) = (of_labels.unwrap_or_default(), of_fields.unwrap_or_default());
    let field = |key: &str| (key == "metadata.name").then_some(name);
    let label = |key: &str| labels.get(key).map(String::as_str);
    !(of_labels.is_empty() && of_fields.is_empty())
        && of_labels.iter().all(|requirement| holds(requirement, label(&requirement.key)))
        && of_fields.iter().all(|requirement| holds(requirement, field(&requirement.key)))
}

fn holds(requirement: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let listed = requirement.values.as_deref().unwrap_or_default();
    let among = value.is_some_and(|value| listed.iter().any(|listed| listed == value));
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    let compared = number(value).zip(number(listed.first().map(String::as_str)));
    match requirement.operator.as_str() {
        "In" => among,
        "NotIn" => !among,
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compared.is_some_and(|(value, than)| value > than),
        "Lt" => compared.is_some_and(|(value, than)| value < than),
        _ => false,
    }
}

/// Whether somebody has marked the node as one that gets no new pods.
pub fn cordoned(node: &Node) -> bool {
    node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node() -> Node {
        serde_json::from_value(
            json!({ "metadata": { "name": "n1", "labels": { "disk": "ssd", "cores": "8" } } }),
        )
        .unwrap()
    }

    fn terms(labels: Value, terms: Option<Value>) -> NodeTerms {
        let affinity = terms.map(|terms| {
            let required =
                json!({ "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": terms } });
            serde_json::from_value(required).unwrap()
        });
        NodeTerms { labels: serde_json::from_value(labels).unwrap(), affinity }
    }

    #[test]
    fn labels() {
        assert!(NodeTerms::default().admit(&node()));
        assert!(terms(json!({ "disk": "ssd" }), None).admit(&node()));
        assert!(!terms(json!({ "disk": "hdd" }), None).admit(&node()));
        assert!(!terms(json!({ "disk": "ssd", "gpu": "1" }), None).admit(&node()));
    }

    #[test]
    fn each_operator() {
        for (key, operator, values, admitted) in [
            ("disk", "In", json!(["hdd", "ssd"]), true),
            ("disk", "In", json!(["hdd"]), false),
            ("gpu", "In", json!(["1"]), false),
            ("disk", "NotIn", json!(["hdd"]), true),
            ("disk", "NotIn", json!(["ssd"]), false),
            ("gpu", "NotIn", json!(["1"]), true),
            ("disk", "Exists", json!([]), true),
            ("gpu", "Exists", json!([]), false),
            ("gpu", "DoesNotExist", json!([]), true),
            ("disk", "DoesNotExist", json!([]), false),
            ("cores", "Gt", json!(["7"]), true),
            ("cores", "Gt", json!(["8"]), false),
            ("cores", "Lt", json!(["9"]), true),
            ("disk", "Lt", json!(["9"]), false),
            ("disk", "Other", json!(["ssd"]), false),
        ] {
            let term =
                json!([{ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] }]);
            assert_eq!(terms(json!({}), Some(term)).admit(&node()), admitted, "{key} {operator} {values}");
        }
    }

    #[test]
    fn one_of_the_terms_and_all_of_its_requirements() {
        let named = |name: &str| json!({ "matchFields": [{ "key": "metadata.name", "operator": "In", "values": [name] }] });
        assert!(terms(json!({}), Some(json!([named("other"), named("n1")]))).admit(&node()));
        assert!(!terms(json!({}), Some(json!([named("other")]))).admit(&node()));
        assert!(!terms(json!({ "disk": "hdd" }), Some(json!([named("n1")]))).admit(&node()));
        assert!(!terms(json!({}), Some(json!([{}]))).admit(&node()), "an empty term is no node's");
        let both = json!([{
            "matchFields": [{ "key": "metadata.name", "operator": "In", "values": ["n1"] }],
            "matchExpressions": [{ "key": "gpu", "operator": "Exists" }],
        }]);
        assert!(!terms(json!({}), Some(both)).admit(&node()));
    }
}
