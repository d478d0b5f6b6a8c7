//! The operator, installed by its chart; all tests of a run share it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};

use super::{
    content::restarts,
    nodes::{NodeProcess, node_of},
    patient,
    tools::{kubectl, project, run},
};
use crate::kube::Scenario;

pub(super) const NAME: &str = "alluxio-operator";

/// The operator as one test sees it: from its beginning on.
pub struct Operator {
    pub(super) since: String,
    /// How often the containers of each pod had been started again by then.
    pub(super) restarts: BTreeMap<String, i64>,
}

impl Operator {
    /// As the documents say: `helm install`, or the same release with other values. One operator, where the values do not say more.
    pub fn install(values: &[&str]) -> Result<Operator> {
        Operator::install_chart(&Operator::chart(), values)
    }

    /// The same in a test that has begun: those that go have said nothing wrong.
    pub fn upgrade(&self, values: &[&str]) -> Result<Operator> {
        self.upgrade_chart(&Operator::chart(), values)
    }

    /// To a chart that is not the project's.
    pub fn upgrade_chart(&self, chart: &Path, values: &[&str]) -> Result<Operator> {
        self.is_content()?;
        Operator::install_chart(chart, values)
    }

    /// The folder of its chart.
    pub fn chart() -> PathBuf {
        project().join("charts").join(NAME)
    }

    fn install_chart(chart: &Path, values: &[&str]) -> Result<Operator> {
        let since = run("date", &["--utc", "+%Y-%m-%dT%H:%M:%SZ"], "")?.trim().to_owned();
        let chart = chart.to_str().context("a path that is no text")?;
        let limit = limit();
        let mut arguments = vec!["upgrade", "--install", NAME, chart, "--namespace", NAME];
        // What another test has set is not this one's: without values of its own Helm would take those of before.
        arguments.extend(["--create-namespace", "--reset-values", "--wait", "--timeout", &limit]);
        // One, but where a test has others: its log is all that was done.
        arguments.extend(["--set", "replicas=1"]);
        for value in values {
            arguments.extend(["--set", value]);
        }
        run("helm", &arguments, "")?;
        Ok(Operator { since, restarts: restarts()? })
    }

    /// Names of its pods.
    pub fn pods() -> Result<Vec<String>> {
        let selector = format!("app.kubernetes.io/name={NAME}");
        let names = kubectl(NAME, &["get", "pods", "--selector", &selector, "--output", "name"])?;
        Ok(names.lines().map(|name| name.trim_start_matches("pod/").to_owned()).collect())
    }

    /// Has it run on another node than this one, so that losing the node is not losing the operator.
    pub fn leave_node(&self, number: &str) -> Result<()> {
        self.is_content()?;
        let node = format!("node{number}");
        kubectl(NAME, &["cordon", &node])?;
        let there = format!("--field-selector=spec.nodeName={node}");
        let selector = format!("--selector=app.kubernetes.io/name={NAME}");
        let left = kubectl(NAME, &["delete", "pods", &selector, &there])
            .and_then(|_| kubectl(NAME, &["rollout", "status", &format!("deployment/{NAME}")]));
        kubectl(NAME, &["uncordon", &node])?;
        left.map(drop)
    }

    /// The pod that holds the lease.
    pub fn acting() -> Result<String> {
        let holder = kubectl(NAME, &["get", "lease", NAME, "--output", "jsonpath={.spec.holderIdentity}"])?;
        Ok(holder.split('_').next().unwrap_or_default().to_owned())
    }

    pub async fn process_of(scenario: &Scenario, pod: &str) -> Result<NodeProcess> {
        NodeProcess::of(scenario, NAME, pod).await
    }

    /// The number of the node that one of its pods runs on.
    pub async fn node_of(scenario: &Scenario, pod: &str) -> Result<String> {
        node_of(scenario, NAME, pod).await
    }

    /// `helm uninstall`: definition and clusters stay.
    pub fn uninstall(self) -> Result<()> {
        self.is_content()?;
        run("helm", &["uninstall", NAME, "--namespace", NAME, "--wait"], "").map(drop)
    }

    /// `helm test`: fails where the chart's own test does.
    pub fn helm_test() -> Result<()> {
        run("helm", &["test", NAME, "--namespace", NAME, "--timeout", &limit()], "").map(drop)
    }

    /// `kubectl scale`, until so many are there and no other.
    pub fn scale(&self, replicas: usize) -> Result<()> {
        self.is_content()?;
        let deployment = format!("deployment/{NAME}");
        kubectl(NAME, &["scale", &deployment, &format!("--replicas={replicas}")])?;
        kubectl(NAME, &["rollout", "status", &deployment])?;
        if replicas == 0 {
            let selector = format!("--selector=app.kubernetes.io/name={NAME}");
            kubectl(NAME, &["wait", "--for=delete", "pods", &selector, "--timeout=60s"])?;
        }
        Ok(())
    }

    /// Its pods die without a word; others start in their place.
    pub fn kill(&self) -> Result<()> {
        self.is_content()?;
        for pod in Operator::pods()? {
            kubectl(NAME, &["delete", "pod", &pod, "--force", "--grace-period=0", "--wait=false"])?;
        }
        Ok(())
    }

    /// Waits until a pod is gone: that of a node that was lost goes when the node is back.
    pub fn until_gone(pod: &str) -> Result<()> {
        kubectl(NAME, &["wait", "--for=delete", &format!("pod/{pod}"), "--timeout=60s"]).map(drop)
    }
}

/// For Helm to wait.
fn limit() -> String {
    format!("{}s", patient(Duration::from_secs(60)).as_secs())
}
