//! Pods as their nodes see them.

use std::time::Duration;

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

    /// As `ps` calls it: `T` is one that was stopped. An error where there is no such process any more.
    pub fn state(&self, scenario: &Scenario) -> Result<char> {
        let file = format!("/proc/{}/stat", self.id);
        let stat = scenario.rig(&["in-node", &self.node, "cat", &file])?;
        // Behind its name, in which there may be anything.
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        state.with_context(|| format!("{file} is {stat:?}"))
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
    /// How long a pod's only container was not there before it was started again the last time; times in a status are whole seconds.
    pub async fn down_before_its_start(&self, pod: &str) -> Result<Duration> {
        let status = self.pod(pod).await?.status.and_then(|status| status.container_statuses);
        let container = status.into_iter().flatten().next();
        let container = container.with_context(|| format!("{pod} has no container"))?;
        let ended = container.last_state.and_then(|state| state.terminated?.finished_at);
        let started = container.state.and_then(|state| state.running?.started_at);
        let (ended, started) = ended.zip(started).with_context(|| format!("{pod} was not started again"))?;
        Ok(started.0.duration_since(ended.0).try_into()?)
    }
}
