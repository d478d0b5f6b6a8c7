//! The kubelet: pods come up, are ready or not, and go.

use std::net::Ipv4Addr;

use anyhow::Result;
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::ResourceExt;
use serde_json::json;

use super::{ADDRESSES, controllers::OF_JOB, play::Play};

impl Play {
    pub(super) async fn kubelet(&self, pod: &Pod) -> Result<()> {
        let name = pod.name_any();
        if pod.metadata.deletion_timestamp.is_some() {
            return self.delete(pod).await;
        }
        if pod.labels().contains_key(OF_JOB) {
            return Ok(());
        }
        let image =
            pod.spec.as_ref().and_then(|spec| spec.containers.first()?.image.clone()).unwrap_or_default();
        let address = self.address(&name);
        let (fatal, up, ready) = {
            let state = self.state.lock();
            let fatal = state.fatal.as_ref().is_some_and(|fatal| image.contains(fatal.as_str()));
            let up = !fatal && (is(pod, "ContainersReady") || !state.held.contains(&name));
            (fatal, up, up && !state.unwell.contains(&name))
        };
        let has_address = pod.status.as_ref().is_some_and(|status| status.pod_ip.is_some());
        if has_address && (is(pod, "ContainersReady"), is(pod, "Ready")) == (up, ready) {
            return Ok(());
        }
        let condition = |type_: &str, holds: bool| json!({ "type": type_, "status": if holds { "True" } else { "False" }, "lastTransitionTime": now() });
        let (restarts, state, last) = match (up, fatal) {
            (true, _) => (0, json!({ "running": { "startedAt": now() } }), json!({})),
            (false, false) => (0, json!({ "waiting": { "reason": "ContainerCreating" } }), json!({})),
            (false, true) => (
                5,
                json!({ "waiting": { "reason": "CrashLoopBackOff" } }),
                json!({ "terminated": { "exitCode": 1, "message": "no such key" } }),
            ),
        };
        let status = json!({
            "phase": "Running",
            "podIP": address.to_string(), "podIPs": [{ "ip": address.to_string() }], "hostIP": "127.0.0.1",
            "conditions": [condition("ContainersReady", up), condition("Ready", ready)],
            "containerStatuses": [{
                "name": "c", "image": image, "imageID": "", "ready": ready, "restartCount": restarts,
                "state": state, "lastState": last,
            }],
        });
        self.status::<Pod>(&name, status).await
    }

    /// The same for a master of a name at all times.
    fn address(&self, pod: &str) -> Ipv4Addr {
        if !pod.contains("-masters-") {
            return Ipv4Addr::LOCALHOST;
        }
        let mut state = self.state.lock();
        let next = u8::try_from(state.addresses.len() + 1).unwrap_or(u8::MAX).min(ADDRESSES);
        *state.addresses.entry(pod.to_owned()).or_insert(Ipv4Addr::new(127, 77, self.network, next))
    }
}

/// Whether a condition of the pod holds.
pub(super) fn is(pod: &Pod, type_: &str) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == type_ && condition.status == "True")
}

pub(super) fn now() -> String {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default().to_string()
}
