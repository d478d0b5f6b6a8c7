//! A cluster by its chart: as Helm's users make it, edit it and take it away.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Deployed, patient,
    tools::{project, run},
};
use crate::kube::Scenario;

impl<'a> Deployed<'a> {
    /// `helm install` of the chart `alluxio`; the release has the cluster's name.
    pub fn helm_install(scenario: &'a Scenario, name: &str, values: &Value) -> Result<Deployed<'a>> {
        let cluster = Deployed::of(scenario, name);
        cluster.helm("install", &["--values", "-"], &values.to_string())?;
        Ok(cluster)
    }

    /// `helm upgrade --set name=value`; all other values stay.
    pub fn helm_upgrade(&self, value: &str) -> Result<()> {
        self.helm("upgrade", &["--reuse-values", "--set", value], "")
    }

    /// `helm uninstall`: until the object and all pods with its name on them are gone.
    pub fn helm_uninstall(&self, limit: Duration) -> Result<Duration> {
        let began = Instant::now();
        let timeout = format!("{}s", patient(limit).as_secs());
        let namespace = self.scenario.namespace();
        run("helm", &["uninstall", &self.name, "--namespace", namespace, "--timeout", &timeout], "")?;
        self.until_gone(limit)?;
        Ok(began.elapsed())
    }

    fn helm(&self, verb: &str, options: &[&str], input: &str) -> Result<()> {
        let chart = project().join("charts/alluxio");
        let chart = chart.to_str().context("a path that is no text")?;
        let mut arguments = vec![verb, &self.name, chart, "--namespace", self.scenario.namespace()];
        arguments.extend(options);
        run("helm", &arguments, input).map(drop)
    }
}
