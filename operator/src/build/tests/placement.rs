//! A worker stays on a node that leaves until it is let go.

use super::*;

fn pod(patch: &str, leaving: &[&str]) -> Value {
    let nodes = leaving.iter().map(|node| (*node).to_owned()).collect();
    let live = Live { kept_nodes: [("default".to_owned(), nodes)].into(), ..Live::default() };
    one(&valid(patch), &live, "DaemonSet/demo-worker-default")["spec"]["template"]["spec"].clone()
}

/// Whether a node with these labels and this name fits the pod, as the scheduler decides it.
fn fits(pod: &Value, name: &str, labels: &[(&str, &str)]) -> bool {
    let has = |key: &str, value: &str| labels.contains(&(key, value));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let selected = pod["nodeSelector"]
        .as_object()
        .is_none_or(|selector| selector.iter().all(|(key, value)| has(key, &text(value))));
    let required = &pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
    let Some(terms) = required.as_array() else { return selected };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let term_fits = |term: &Value| {
        let labels = list(&term["matchExpressions"]).iter().all(|wanted| {
            assert_eq!(wanted["operator"], "In");
            list(&wanted["values"]).iter().any(|value| has(&text(&wanted["key"]), &text(value)))
        });
        let fields = list(&term["matchFields"]).iter().all(|wanted| {
            assert_eq!((wanted["key"].as_str(), list(&wanted["values"]).len()), (Some("metadata.name"), 1));
            wanted["values"][0] == name
        });
        let empty = list(&term["matchExpressions"]).is_empty() && list(&term["matchFields"]).is_empty();
        labels && fields && !empty
    };
    selected && terms.iter().any(term_fits)
}

const SELECTOR: &str = "workers: [{name: default, scheduling: {nodeSelector: {disk: ssd}}}]";
const BOTH: &str = "workers: [{name: default, scheduling: {nodeSelector: {disk: ssd}, affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a]}]}, {matchExpressions: [{key: zone, operator: In, values: [b]}]}]}}}}}]";

#[test]
fn the_users_nodes_are_the_same_whoever_leaves() {
    for patch in [SELECTOR, BOTH] {
        for leaving in [&[][..], &["old"], &["old", "older"]] {
            let pod = pod(patch, leaving);
            assert!(fits(&pod, "n", &[("disk", "ssd"), ("zone", "b")]), "{patch} {leaving:?}");
            assert!(!fits(&pod, "n", &[("disk", "hdd"), ("zone", "b")]), "{patch} {leaving:?}");
            assert_eq!(
                fits(&pod, "n", &[("disk", "ssd"), ("zone", "c")]),
                patch == SELECTOR,
                "{patch} {leaving:?}"
            );
        }
    }
}

#[test]
fn nodes_that_leave_keep_their_worker() {
    for patch in [SELECTOR, BOTH] {
        let pod = pod(patch, &["old", "older"]);
        assert!(fits(&pod, "old", &[]) && fits(&pod, "older", &[("disk", "hdd")]), "{patch}");
        assert!(!fits(&pod, "new", &[("disk", "hdd")]), "{patch}");
    }
}

#[test]
fn a_group_on_all_nodes_needs_no_exception() {
    let pod = pod("{}", &["old"]);
    assert!(pod["affinity"].is_null() && pod["nodeSelector"].is_null());
}

#[test]
fn what_only_prefers_is_kept() {
    let patch = "workers: [{name: default, scheduling: {nodeSelector: {disk: ssd}, affinity: {podAffinity: {}, nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [{key: a, operator: Exists}]}}]}}}}]";
    let pod = pod(patch, &["old"]);
    assert_eq!(
        pod["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0]["weight"],
        1
    );
    assert!(pod["affinity"]["podAffinity"].is_object());
    assert!(fits(&pod, "old", &[]));
}
