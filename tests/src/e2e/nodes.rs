//! Pods as their nodes see them.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;

use super::Deployed;
use crate::kube::Scenario;

/// The number of the node that a pod runs on, as the rig's commands want it.
pub(super) async fn node_of(scenario: &Scenario, namespace: &str, pod: &str) -> Result<String> {
    let found = Api::<Pod>::namespaced(scenario.client(), namespace).get(pod).await?;
    let node = found.spec.and_then(|spec| spec.node_name).with_context(|| format!("{pod} is on no node"))?;
    Ok(node.trim_start_matches("node").to_owned())
}

/// A process as its node knows it.
pub struct NodeProcess {
    node: String,
    id: String,
}

impl NodeProcess {
    /// That of a pod's only container.
    pub async fn of(scenario: &Scenario, namespace: &str, pod: &str) -> Result<NodeProcess> {
        let found = Api::<Pod>::namespaced(scenario.client(), namespace).get(pod).await?;
        let node = node_of(scenario, namespace, pod).await?;
        let status = found.status.and_then(|status| status.container_statuses);
        let id = status.into_iter().flatten().find_map(|container| container.container_id);
        let id = id.with_context(|| format!("{pod} has no container"))?;
        let id = id.trim_start_matches("containerd://");
        let tasks = scenario.rig(&["in-node", &node, "ctr", "--namespace", "k8s.io", "tasks", "list"])?;
        let process = tasks.lines().find(|line| line.starts_with(id));
        let process = process.and_then(|line| line.split_whitespace().nth(1));
        let id = process.with_context(|| format!("{pod} has no process on its node: {tasks}"))?.to_owned();
        Ok(NodeProcess { node, id })
    }

    /// A signal to it, as `kill` names it.
    pub fn signal(&self, scenario: &Scenario, name: &str) -> Result<()> {
        scenario.rig(&["in-node", &self.node, "kill", "-s", name, &self.id]).map(drop)
    }
}

impl Deployed<'_> {
    pub async fn pod(&self, name: &str) -> Result<Pod> {
        let pods: Api<Pod> = Api::namespaced(self.scenario.client(), self.scenario.namespace());
        Ok(pods.get(name).await?)
    }

    /// The number of the node that a pod runs on, as the rig's commands want it.
    pub async fn node_of(&self, pod: &str) -> Result<String> {
        node_of(self.scenario, self.scenario.namespace(), pod).await
    }

    /// The process of a pod's only container.
    pub async fn process_of(&self, pod: &str) -> Result<NodeProcess> {
        NodeProcess::of(self.scenario, self.scenario.namespace(), pod).await
    }

    /// SIGKILL to it, from the node: nobody in the cluster was asked.
    pub async fn kill(&self, pod: &str) -> Result<()> {
        self.process_of(pod).await?.signal(self.scenario, "KILL")
    }

    /// How often the containers of a pod were started again.
    pub async fn restarts(&self, pod: &str) -> Result<i32> {
        let status = self.pod(pod).await?.status.and_then(|status| status.container_statuses);
        let counts: Vec<_> = status.into_iter().flatten().map(|container| container.restart_count).collect();
        ensure!(!counts.is_empty(), "{pod} has no container");
        Ok(counts.iter().sum())
    }
}
