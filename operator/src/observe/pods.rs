//! What a pod's object tells.

use std::collections::BTreeSet;

use k8s_openapi::{
    api::core::v1::{ContainerStatus, Pod},
    jiff::Timestamp,
};
use kube::ResourceExt;

use crate::{
    build::{ENSEMBLE, RPC, WEB},
    observe::leader::LEADER_LABEL,
};

/// Since when we have the pod's worker out of service.
pub const TAKEN_OUT: &str = "alluxio.org/taken-out";

/// After so many restarts a container in back-off is not on its way any more.
const RESTARTS: i32 = 3;

#[derive(Clone, Debug)]
pub struct PodFacts {
    pub name: String,
    pub uid: String,
    /// When it shall have ended, its grace included; `None` where nobody ends it.
    pub ends_by: Option<Timestamp>,
    pub ready: bool,
    /// Since when it is ready, or is not: its age tells nothing of that.
    pub ready_changed: Timestamp,
    /// Whether a container of it ever ran, but for those that prepare it.
    pub started: bool,
    pub failing: Option<String>,
    pub hash: Option<String>,
    pub ip: Option<String>,
    pub host_ip: Option<String>,
    /// Where it answers clients. As its pages, it stays there whatever the spec says meanwhile.
    pub rpc_port: Option<u16>,
    /// Where its web pages are.
    pub web_port: Option<u16>,
    pub node: Option<String>,
    pub leader_label: bool,
    pub taken_out: Option<Timestamp>,
    /// The servers of ZooKeeper that a master was started with.
    pub ensemble: Vec<String>,
    /// The ConfigMaps that it uses: it could not start again without them.
    pub config_maps: BTreeSet<String>,
}

impl PodFacts {
    /// `restart_hash`: the annotation with what the pod was started with.
    pub fn of(pod: &Pod, restart_hash: &str) -> Self {
        let (spec, status) = (pod.spec.as_ref(), pod.status.as_ref());
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let annotation = |name: &str| pod.annotations().get(name).cloned();
        let ready = conditions.iter().find(|condition| condition.type_ == "Ready");
        let created = || pod.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
        Self {
            name: pod.name_any(),
            uid: pod.uid().unwrap_or_default(),
            ends_by: pod.metadata.deletion_timestamp.as_ref().map(|time| time.0),
            ready: ready.is_some_and(|ready| ready.status == "True"),
            ready_changed: ready
                .and_then(|ready| Some(ready.last_transition_time.as_ref()?.0))
                .unwrap_or_else(created),
            started: started(pod),
            failing: failing(pod),
            hash: annotation(restart_hash),
            ip: status.and_then(|status| status.pod_ip.clone()),
            host_ip: status.and_then(|status| status.host_ip.clone()),
            rpc_port: port(pod, RPC),
            web_port: port(pod, WEB),
            node: spec.and_then(|spec| spec.node_name.clone()),
            leader_label: pod.labels().contains_key(LEADER_LABEL),
            taken_out: annotation(TAKEN_OUT).and_then(|time| time.parse().ok()),
            ensemble: annotation(ENSEMBLE)
                .map(|servers| servers.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
            config_maps: config_maps(pod),
        }
    }

    pub fn terminating(&self) -> bool {
        self.ends_by.is_some()
    }

    /// The number at the end of a StatefulSet's pod.
    pub fn ordinal(&self) -> Option<u32> {
        self.name.rsplit_once('-')?.1.parse().ok()
    }
}

fn started(pod: &Pod) -> bool {
    let containers = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    containers
        .flat_map(|container| [&container.state, &container.last_state])
        .flatten()
        .any(|state| state.running.is_some() || state.terminated.is_some())
}

/// What does not end by itself, as Kubernetes names it.
fn failing(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    if status.phase.as_deref() == Some("Failed") {
        return Some(
            status
                .message
                .clone()
                .or_else(|| status.reason.clone())
                .unwrap_or_else(|| "the pod failed".to_owned()),
        );
    }
    stuck(pod)
}

/// What keeps one of its containers from running, and does not end by itself.
pub fn stuck(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let init = status.init_container_statuses.iter().flatten();
    init.chain(status.container_statuses.iter().flatten()).find_map(failing_container)
}

/// Why no node has it, in the scheduler's words.
pub fn unscheduled(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.iter().flatten();
    let mut scheduled = conditions.filter(|condition| condition.type_ == "PodScheduled");
    scheduled.find(|condition| condition.status == "False")?.message.clone()
}

fn failing_container(container: &ContainerStatus) -> Option<String> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref()?;
    let last = || {
        let ended = container.last_state.as_ref()?.terminated.as_ref()?;
        // The end of its log. Programs say in their last line why they end.
        let said = ended.message.as_deref().and_then(|said| said.trim().lines().last()).map(str::trim);
        Some(said.map_or_else(|| format!("exit code {}", ended.exit_code), str::to_owned))
    };
    let detail = match reason {
        "CrashLoopBackOff" if container.restart_count >= RESTARTS => last(),
        "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "CreateContainerConfigError"
        | "CreateContainerError" => waiting.message.clone(),
        _ => return None,
    };
    Some(match detail {
        Some(detail) => format!("{}: {reason}: {detail}", container.name),
        None => format!("{}: {reason}", container.name),
    })
}

fn port(pod: &Pod, name: &str) -> Option<u16> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    let port = ports.find(|port| port.name.as_deref() == Some(name))?;
    u16::try_from(port.container_port).ok()
}

fn config_maps(pod: &Pod) -> BTreeSet<String> {
    let Some(spec) = &pod.spec else { return BTreeSet::new() };
    let volumes =
        spec.volumes.iter().flatten().filter_map(|volume| Some(volume.config_map.as_ref()?.name.clone()));
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let sources = containers
        .flat_map(|container| container.env_from.iter().flatten())
        .filter_map(|source| Some(source.config_map_ref.as_ref()?.name.clone()));
    let keys = spec
        .containers
        .iter()
        .flat_map(|container| container.env.iter().flatten())
        .filter_map(|env| Some(env.value_from.as_ref()?.config_map_key_ref.as_ref()?.name.clone()));
    volumes.chain(sources).chain(keys).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const HASH: &str = "alluxio.org/restart-hash";

    fn facts(pod: Value) -> PodFacts {
        PodFacts::of(&serde_json::from_value(pod).unwrap(), HASH)
    }

    fn running() -> Value {
        json!({
            "metadata": {
                "name": "a-master-12", "uid": "u", "creationTimestamp": "2026-01-02T03:04:05Z",
                "annotations": { HASH: "h", ENSEMBLE: "a:1,b:1", TAKEN_OUT: "2026-01-02T03:04:06Z" },
                "labels": { LEADER_LABEL: "true" },
            },
            "spec": {
                "nodeName": "n1",
                "containers": [{
                    "name": "c", "ports": [{ "name": "rpc", "containerPort": 1 }, { "name": "web", "containerPort": 30001 }],
                    "envFrom": [{ "configMapRef": { "name": "from" } }],
                    "env": [{ "name": "K", "valueFrom": { "configMapKeyRef": { "name": "key", "key": "k" } } }],
                }],
                "volumes": [{ "name": "v", "configMap": { "name": "volume" } }, { "name": "w", "emptyDir": {} }],
            },
            "status": {
                "podIP": "10.0.0.1", "hostIP": "10.0.0.9", "phase": "Running",
                "conditions": [{ "type": "Ready", "status": "True" }],
            },
        })
    }

    #[test]
    fn a_pod_that_runs() {
        let facts = facts(running());
        assert_eq!((facts.ordinal(), facts.ready, facts.ends_by), (Some(12), true, None));
        assert_eq!((facts.hash.as_deref(), facts.failing), (Some("h"), None));
        assert_eq!(facts.ready_changed.as_second(), 1_767_323_045, "no time of its own");
        assert_eq!(facts.taken_out.map(|at| at.as_second()), Some(1_767_323_046));
        assert_eq!(
            (facts.ip.as_deref(), facts.host_ip.as_deref(), facts.node.as_deref()),
            (Some("10.0.0.1"), Some("10.0.0.9"), Some("n1"))
        );
        assert!(facts.leader_label);
        assert_eq!((facts.rpc_port, facts.web_port), (Some(1), Some(30_001)));
        assert_eq!(facts.ensemble, ["a:1", "b:1"]);
        assert_eq!(facts.config_maps, ["from", "key", "volume"].map(str::to_owned).into());
    }

    #[test]
    fn since_when_it_is_not_ready_and_whether_it_ever_ran() {
        let mut pod = running();
        assert!(!facts(pod.clone()).started);
        let changed = "2026-03-02T03:04:05Z";
        pod["status"]["conditions"] =
            json!([{ "type": "Ready", "status": "False", "lastTransitionTime": changed }]);
        let container = |state: Value, last: Value| {
            json!([{ "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
                "state": state, "lastState": last }])
        };
        let waits = json!({ "waiting": { "reason": "ContainerCreating" } });
        for (state, last, started) in [
            (waits.clone(), json!({}), false),
            (json!({ "running": {} }), json!({}), true),
            (waits, json!({ "terminated": { "exitCode": 1 } }), true),
        ] {
            pod["status"]["containerStatuses"] = container(state, last);
            let facts = facts(pod.clone());
            assert_eq!((facts.ready, facts.started), (false, started));
            assert_eq!(facts.ready_changed.to_string(), changed);
        }
    }

    #[test]
    fn a_pod_without_status() {
        let facts =
            facts(json!({ "metadata": { "name": "a", "deletionTimestamp": "2026-01-02T03:04:05Z" } }));
        assert_eq!(facts.ends_by.map(|at| at.as_second()), Some(1_767_323_045));
        assert!(facts.terminating() && !facts.ready && !facts.leader_label);
        assert_eq!((facts.ordinal(), facts.hash), (None, None));
    }

    #[test]
    fn what_does_not_end_by_itself() {
        let container = |restarts: i32, reason: &str| {
            let mut pod = running();
            pod["status"]["containerStatuses"] = json!([{
                "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": restarts,
                "state": { "waiting": { "reason": reason, "message": "told" } },
                "lastState": { "terminated": { "exitCode": 1, "message": "it starts\n no such key\n" } },
            }]);
            facts(pod).failing
        };
        assert_eq!(
            container(3, "CrashLoopBackOff").as_deref(),
            Some("c: CrashLoopBackOff: no such key"),
            "the last line"
        );
        assert_eq!(container(2, "CrashLoopBackOff"), None, "it may have waited for something");
        assert_eq!(container(0, "ContainerCreating"), None);
        assert_eq!(container(0, "ErrImagePull"), None, "tried again");
        assert_eq!(container(0, "ImagePullBackOff").as_deref(), Some("c: ImagePullBackOff: told"));
        let mut waits = running();
        let scheduled =
            |status: &str| json!([{ "type": "PodScheduled", "status": status, "message": "0/3 nodes" }]);
        waits["status"]["conditions"] = scheduled("False");
        let unscheduled_of = |pod: &Value| unscheduled(&serde_json::from_value(pod.clone()).unwrap());
        assert_eq!(unscheduled_of(&waits).as_deref(), Some("0/3 nodes"));
        waits["status"]["conditions"] = scheduled("True");
        assert_eq!(unscheduled_of(&waits), None);
        let mut failed = running();
        failed["status"]["phase"] = json!("Failed");
        failed["status"]["reason"] = json!("Evicted");
        assert_eq!(facts(failed).failing.as_deref(), Some("Evicted"));
    }
}
