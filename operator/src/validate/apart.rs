//! Whether an anti-affinity keeps some pods off a node, by the rules of Kubernetes' scheduler. What is not plain counts as no.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodAffinityTerm;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// Pods of `namespace` with these labels, by a term of a pod in `own_namespace`.
pub(super) fn covers(
    term: &PodAffinityTerm,
    own_namespace: &str,
    namespace: &str,
    labels: &BTreeMap<String, String>,
) -> bool {
    let there = match term.namespaces.as_deref() {
        None | Some([]) => namespace == own_namespace,
        Some(named) => named.iter().any(|named| named == namespace),
    };
    let plain = term.match_label_keys.is_none()
        && term.mismatch_label_keys.is_none()
        && term.topology_key == "kubernetes.io/hostname";
    // No selector at all selects nothing.
    there && plain && term.label_selector.as_ref().is_some_and(|selector| selects(selector, labels))
}

fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let equal = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    equal
        && selector.match_expressions.iter().flatten().all(|wanted| {
            let value = labels.get(&wanted.key);
            let among = value.is_some_and(|value| wanted.values.iter().flatten().any(|one| one == value));
            match wanted.operator.as_str() {
                "In" => among,
                "NotIn" => !among,
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}
