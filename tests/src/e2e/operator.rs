//! The operator, installed by its chart; all tests of a run share it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{
    nodes::{NodeProcess, node_of},
    patient,
    tools::{kubectl, project, run},
};
use crate::kube::Scenario;

const NAME: &str = "alluxio-operator";

/// The operator as one test sees it: from its beginning on.
pub struct Operator {
    since: String,
    /// How often the containers of each pod had been started again by then.
    restarts: BTreeMap<String, i64>,
}

impl Operator {
    /// As the documents say: `helm install`, or the same release with other values.
    pub fn install(values: &[&str]) -> Result<Operator> {
        Operator::install_chart(&Operator::chart(), values)
    }

    /// The folder of its chart.
    pub fn chart() -> PathBuf {
        project().join("charts").join(NAME)
    }

    /// The same of a chart that is not the project's.
    pub fn install_chart(chart: &Path, values: &[&str]) -> Result<Operator> {
        let since = run("date", &["--utc", "+%Y-%m-%dT%H:%M:%SZ"], "")?.trim().to_owned();
        let chart = chart.to_str().context("a path that is no text")?;
        let limit = format!("{}s", patient(std::time::Duration::from_secs(60)).as_secs());
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
    pub fn leave_node(number: &str) -> Result<()> {
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
    pub fn uninstall() -> Result<()> {
        run("helm", &["uninstall", NAME, "--namespace", NAME, "--wait"], "").map(drop)
    }

    /// Its pods die without a word; others start in their place.
    pub fn kill() -> Result<()> {
        for pod in Operator::pods()? {
            kubectl(NAME, &["delete", "pod", &pod, "--force", "--grace-period=0", "--wait=false"])?;
        }
        Ok(())
    }

    /// It has said nothing of errors since this test began, and has not been started again.
    pub fn is_content(&self) -> Result<()> {
        self.is_content_after(0)
    }

    /// The same where it had a reason to be started again, so many times at most.
    pub fn is_content_after(&self, starts: i64) -> Result<()> {
        for (pod, now) in restarts()? {
            let before = self.restarts.get(&pod).copied().unwrap_or_default();
            let again = now - before;
            ensure!(again <= starts, "{pod} was started again {again} times, {starts} expected at most");
            let since = format!("--since-time={}", self.since);
            says_nothing_wrong(&pod, &[&since])?;
            if again > 0 {
                says_nothing_wrong(&pod, &[&since, "--previous"])?;
            }
        }
        Ok(())
    }
}

fn says_nothing_wrong(pod: &str, options: &[&str]) -> Result<()> {
    let mut arguments = vec!["logs", pod, "--tail=-1"];
    arguments.extend(options);
    let log = kubectl(NAME, &arguments)?;
    let is_bad = |line: &&str| line.contains(" ERROR ") || line.contains("panicked");
    let bad: Vec<_> = log.lines().filter(is_bad).collect();
    ensure!(bad.is_empty(), "{pod} says:\n{}", bad.join("\n"));
    Ok(())
}

/// How often the container of each pod was started again; in one question, since pods that were replaced go meanwhile.
fn restarts() -> Result<BTreeMap<String, i64>> {
    let selector = format!("app.kubernetes.io/name={NAME}");
    let each = "jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].restartCount}{\"\\n\"}{end}";
    let told = kubectl(NAME, &["get", "pods", "--selector", &selector, "--output", each])?;
    let count = |line: &str| {
        let (pod, count) = line.split_once(' ')?;
        Some((pod.to_owned(), count.trim().parse().ok()?))
    };
    told.lines().map(|line| count(line).with_context(|| format!("a pod of the operator: {line:?}"))).collect()
}
