//! On which nodes pods run.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm,
    PodAntiAffinity, PodSpec, PodTemplateSpec, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::labels::Labels;
use super::metadata;
use crate::validate::SchedulingPlan;

const HOST: &str = "kubernetes.io/hostname";
const NAME: &str = "metadata.name";

/// Masters prefer different nodes, and start on one all the same.
pub(super) fn masters(pod: &mut PodSpec, scheduling: &SchedulingPlan, selector: Labels) {
    pod.node_selector = selected(scheduling);
    pod.affinity = Some(scheduling.affinity.clone().unwrap_or_else(|| Affinity {
        pod_anti_affinity: Some(PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![WeightedPodAffinityTerm {
                weight: 100,
                pod_affinity_term: apart(metadata::selector(selector)),
            }]),
            required_during_scheduling_ignored_during_execution: None,
        }),
        ..Affinity::default()
    }));
}

/// Jobs run where masters may.
pub(super) fn job(pod: &mut PodSpec, scheduling: &SchedulingPlan) {
    pod.node_selector = selected(scheduling);
    pod.affinity = on_nodes(scheduling.affinity.as_ref());
}

/// Of the masters' pod template what says where a Job's pod may run and start. The journal's claim may be bound where the first pod is that uses it, which is
/// the Job's: masters must be able to follow.
pub(super) fn of_masters(users: &PodTemplateSpec) -> PodSpec {
    let Some(spec) = &users.spec else { return PodSpec::default() };
    PodSpec {
        node_selector: spec.node_selector.clone(),
        affinity: on_nodes(spec.affinity.as_ref()),
        tolerations: spec.tolerations.clone(),
        scheduler_name: spec.scheduler_name.clone(),
        runtime_class_name: spec.runtime_class_name.clone(),
        image_pull_secrets: spec.image_pull_secrets.clone(),
        ..PodSpec::default()
    }
}

/// A Job's pod need be neither beside other pods nor apart from them.
fn on_nodes(affinity: Option<&Affinity>) -> Option<Affinity> {
    let nodes = affinity?.node_affinity.clone()?;
    Some(Affinity { node_affinity: Some(nodes), ..Affinity::default() })
}

/// A worker is known by its node, so a StatefulSet never puts two on one.
pub(super) fn stateful_workers(pod: &mut PodSpec, scheduling: &SchedulingPlan, selector: Labels) {
    pod.node_selector = selected(scheduling);
    pod.affinity.clone_from(&scheduling.affinity);
    apart_from(pod, metadata::selector(selector));
}

/// On no node that has a pod of these.
pub(super) fn apart_from(pod: &mut PodSpec, pods: LabelSelector) {
    pod.affinity
        .get_or_insert_default()
        .pod_anti_affinity
        .get_or_insert_default()
        .required_during_scheduling_ignored_during_execution
        .get_or_insert_default()
        .push(apart(pods));
}

/// The user's nodes, or those that have a worker: one that no longer fits keeps it until it is let go.
pub(super) fn daemon_workers(
    pod: &mut PodSpec,
    scheduling: &SchedulingPlan,
    kept: Option<&BTreeSet<String>>,
) {
    let none = BTreeSet::new();
    let kept = kept.unwrap_or(&none);
    let limited = !scheduling.node_selector.is_empty() || required(scheduling).is_some();
    if kept.is_empty() || !limited {
        pod.node_selector = selected(scheduling);
        pod.affinity.clone_from(&scheduling.affinity);
        return;
    }
    let mut affinity = scheduling.affinity.clone().unwrap_or_default();
    let nodes = affinity.node_affinity.get_or_insert_with(NodeAffinity::default);
    nodes.required_during_scheduling_ignored_during_execution =
        Some(NodeSelector { node_selector_terms: terms(scheduling, kept) });
    pod.affinity = Some(affinity);
}

/// The nodes that a set's pods have by name.
#[must_use]
pub fn kept_nodes(pod: &PodSpec) -> BTreeSet<String> {
    let nodes = pod.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let required = nodes.and_then(|nodes| nodes.required_during_scheduling_ignored_during_execution.as_ref());
    let terms = required.iter().flat_map(|selector| &selector.node_selector_terms);
    let fields = terms
        .filter(|term| term.match_expressions.is_none())
        .flat_map(|term| term.match_fields.iter().flatten());
    fields
        .filter(|field| field.key == NAME)
        .flat_map(|field| field.values.iter().flatten().cloned())
        .collect()
}

fn required(scheduling: &SchedulingPlan) -> Option<&NodeSelector> {
    let nodes = scheduling.affinity.as_ref()?.node_affinity.as_ref()?;
    nodes.required_during_scheduling_ignored_during_execution.as_ref()
}

/// One of the terms must fit; within a term everything must.
fn terms(scheduling: &SchedulingPlan, kept: &BTreeSet<String>) -> Vec<NodeSelectorTerm> {
    let mut terms = match required(scheduling) {
        Some(selector) => selector.node_selector_terms.clone(),
        None => vec![NodeSelectorTerm::default()],
    };
    for term in &mut terms {
        let wanted = scheduling.node_selector.iter().map(|(key, value)| is(key, value));
        term.match_expressions.get_or_insert_default().extend(wanted);
    }
    // A field can be compared with one value only.
    terms.extend(
        kept.iter().map(|node| NodeSelectorTerm {
            match_fields: Some(vec![is(NAME, node)]),
            match_expressions: None,
        }),
    );
    terms
}

fn is(key: &str, value: &str) -> NodeSelectorRequirement {
    NodeSelectorRequirement {
        key: key.to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![value.to_owned()]),
    }
}

fn selected(scheduling: &SchedulingPlan) -> Option<BTreeMap<String, String>> {
    (!scheduling.node_selector.is_empty()).then(|| scheduling.node_selector.clone())
}

fn apart(pods: LabelSelector) -> PodAffinityTerm {
    PodAffinityTerm {
        label_selector: Some(pods),
        topology_key: HOST.to_owned(),
        ..PodAffinityTerm::default()
    }
}
