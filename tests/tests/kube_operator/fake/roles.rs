//! The election, and what each master says of itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::json;

use super::{State, kubelet::is};

/// A cluster without a leader among its masters that are up gets one: the first. A master whose container does not run says nothing.
pub(super) fn elect(state: &mut State, pods: &[Arc<Pod>]) {
    let mut up: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| answers(pod)) {
        if let Some((cluster, _)) = pod.name_any().rsplit_once("-masters-") {
            up.entry(cluster.to_owned()).or_default().insert(pod.name_any());
        }
    }
    state.leaders.retain(|cluster, leader| up.get(cluster).is_some_and(|pods| pods.contains(&*leader)));
    for (cluster, pods) in &up {
        // The first leader of all is the first master, so that tests know it.
        let may_lead = |pod: &&String| state.led.contains(cluster) || pod.ends_with("-masters-0");
        if let (None, Some(first)) = (state.leaders.get(cluster), pods.first().filter(may_lead)) {
            state.leaders.insert(cluster.clone(), first.clone());
            state.led.insert(cluster.clone());
            state.term += 1;
        }
    }
    let term = state.term;
    let masters = up.iter().flat_map(|(cluster, pods)| pods.iter().map(move |pod| (cluster, pod)));
    let roles = masters.filter_map(|(cluster, pod)| {
        let leads = state.leaders.get(cluster) == Some(pod);
        let role = json!({
            "role": if leads { "PRIMARY" } else { "STANDBY" }, "serving": leads, "term": term, "lagMs": 0,
            "appliedSequence": 1, "durableSequence": 1, "journalFormat": 1, "version": "0.1.0",
        });
        Some((*state.addresses.get(pod)?, role))
    });
    state.roles = roles.collect();
}

/// Its container runs, be it ready or not.
fn answers(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none() && is(pod, "ContainersReady")
}
