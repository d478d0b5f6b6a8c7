//! Clusters of three masters, whose ZooKeeper is outside.

use std::time::Duration;

use alluxio_tests::{
    e2e::{Deployed, Operator, Outside, example, kubectl_with, promised, ready_pods},
    kube::Scenario,
};
use anyhow::{Context, Result, ensure};

pub const LIMIT: Duration = Duration::from_secs(180);
/// From `kubectl apply` on, with the images on the nodes.
const AVAILABLE: Duration = Duration::from_secs(60);
/// Until status and Service name the master that serves.
pub const TOLD: Duration = Duration::from_secs(3);

/// Where the masters' journal lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journal {
    Hdfs,
    SharedVolume,
}

impl Journal {
    /// What is outside of the nodes.
    pub fn outside(self) -> Result<Outside> {
        match self {
            Journal::Hdfs => Outside::start(),
            Journal::SharedVolume => Outside::zookeeper(),
        }
    }

    /// The example of three masters, and all that it names. Returns it with the cluster's name.
    pub fn example(self, scenario: &Scenario, outside: &Outside) -> Result<(&'static str, String)> {
        match self {
            Journal::Hdfs => {
                outside.configure(scenario.namespace())?;
                Ok(("ha", outside.adapted(&example("ha-hdfs.yaml")?)))
            }
            Journal::SharedVolume => {
                shared_claim(scenario, "files")?;
                Ok(("shared", outside.adapted(&example("ha-shared-volume.yaml")?)))
            }
        }
    }

    /// The example, applied and available.
    pub async fn cluster<'a>(self, scenario: &'a Scenario, outside: &Outside) -> Result<Deployed<'a>> {
        let (name, text) = self.example(scenario, outside)?;
        let cluster = Deployed::apply(scenario, name, &text)?;
        cluster.available(LIMIT).await?;
        Ok(cluster)
    }
}

/// A claim that all nodes share.
pub fn shared_claim(scenario: &Scenario, name: &str) -> Result<()> {
    let claim = serde_json::json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"storageClassName": "shared", "accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    kubectl_with(scenario.namespace(), &["apply", "--filename", "-"], &claim.to_string()).map(drop)
}

/// An example of three masters does what the documents say.
async fn is_highly_available(name: &str, journal: Journal) -> Result<()> {
    let scenario = Scenario::begin(name).await?;
    let operator = Operator::install(&[])?;
    let outside = journal.outside()?;
    let (name, text) = journal.example(&scenario, &outside)?;
    let cluster = Deployed::apply(&scenario, name, &text)?;
    promised("three masters, from kubectl apply to Available", cluster.available(LIMIT).await?, AVAILABLE)?;
    let masters = cluster.pods("master").await?;
    ensure!(ready_pods(&masters).len() == 3, "{:?}", ready_pods(&masters));
    let leader = cluster.serving().await?.context("no master serves")?;
    cluster.leader_is_known_everywhere(&leader.pod).await?;
    cluster.runs_the_tests()?;
    promised("status and Service name the leader", cluster.agrees(TOLD).await?, TOLD)?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_masters_with_a_journal_on_hdfs() -> Result<()> {
    is_highly_available("three_masters_with_a_journal_on_hdfs", Journal::Hdfs).await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_masters_with_a_journal_on_a_shared_volume() -> Result<()> {
    is_highly_available("three_masters_with_a_journal_on_a_shared_volume", Journal::SharedVolume).await
}
