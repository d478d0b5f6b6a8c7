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

/// The scheduler's rule: what other groups' workers keep a pod of the group `a` off their nodes.
fn kept_off(patch: &str, live: &Live) -> Vec<String> {
    let pod = one(&valid(patch), live, "DaemonSet/demo-worker-a")["spec"]["template"]["spec"].clone();
    let terms = &pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let Some(ours) = terms.as_array().and_then(|terms| terms.last()) else { return Vec::new() };
    assert_eq!(ours["topologyKey"], "kubernetes.io/hostname");
    let labels = serde_json::json!({ INSTANCE: "demo", COMPONENT: WORKER });
    assert_eq!(ours["labelSelector"]["matchLabels"], labels);
    let groups = &ours["labelSelector"]["matchExpressions"][0];
    assert_eq!((&groups["key"], &groups["operator"]), (&WORKER_GROUP.into(), &"In".into()));
    serde_json::from_value(groups["values"].clone()).expect("names")
}

/// A node whose label is changed from that of one group to that of another has a worker of the first until that is out of service.
#[test]
fn a_worker_starts_beside_none_that_it_would_be_taken_for() {
    let group = |name: &str, more: &str| {
        format!("{{name: {name}, scheduling: {{nodeSelector: {{disk: {name}}}}}{more}}}")
    };
    let with = |a: &str, b: &str| format!("workers: [{}, {}]", group("a", a), group("b", b));
    let kept_off_now = |a: &str, b: &str| kept_off(&with(a, b), &Live::default());
    let (ports, folder) = (
        ", ports: {rpc: 29998, web: 30001}",
        ", tiers: [{mediumType: SSD, quota: 1Gi, volume: {hostPath: {path: /d}}}]",
    );
    assert_eq!(kept_off_now("", ""), ["b"], "the same ports");
    assert!(kept_off_now(ports, "").is_empty());
    assert_eq!(kept_off_now(&format!("{ports}{folder}"), folder), ["b"], "the same folder");
    assert_eq!(kept_off_now(", ports: {rpc: 30000, web: 30001}", ""), ["b"], "one port of two");
    let removed = [("old".to_owned(), [30001].into()), ("other".to_owned(), [30000].into())];
    let live = Live { removed_groups: removed.into(), ..Live::default() };
    assert_eq!(kept_off(&with(ports, ""), &live), ["old"]);
}

#[test]
fn what_the_user_keeps_apart_stays_apart() {
    let own = "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone}]}}";
    let patch = format!(
        "workers: [{{name: a, scheduling: {{nodeSelector: {{disk: a}}, {own}}}}}, {{name: b, scheduling: {{nodeSelector: {{disk: b}}}}}}]"
    );
    assert_eq!(kept_off(&patch, &Live::default()), ["b"]);
    let pod =
        one(&valid(&patch), &Live::default(), "DaemonSet/demo-worker-a")["spec"]["template"]["spec"].clone();
    let terms = &pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    assert_eq!(terms[0]["topologyKey"], "zone");
}
