//! The clusters: three masters and five workers each, all in one namespace.

use std::collections::BTreeMap;

use alluxio_tests::{
    e2e::patient,
    kube::{Scenario, audit::Request},
};
use anyhow::{Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, PostParams},
};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use crate::{
    operator::Operator,
    size::{MASTERS, Size, WORKERS},
};

const AT_ONCE: usize = 16;
const RESOURCE: &str = "alluxioclusters.alluxio.org";

pub struct Clusters<'a> {
    api: Api<DynamicObject>,
    size: &'a Size,
}

impl<'a> Clusters<'a> {
    pub fn new(scenario: &Scenario, size: &'a Size) -> Self {
        let kind = GroupVersionKind::gvk("alluxio.org", "v1alpha1", "AlluxioCluster");
        let resource = ApiResource::from_gvk_with_plural(&kind, "alluxioclusters");
        Self { api: Api::namespaced_with(scenario.client(), scenario.namespace(), &resource), size }
    }

    pub async fn apply(&self, zookeeper: &str) -> Result<()> {
        let made = (0..self.size.clusters).map(|number| {
            let cluster = cluster(number, &self.size.pool_of_cluster(number), zookeeper);
            async {
                anyhow::Ok(self.api.create(&PostParams::default(), &serde_json::from_value(cluster)?).await?)
            }
        });
        stream::iter(made).buffer_unordered(AT_ONCE).try_for_each(|_| std::future::ready(Ok(()))).await
    }

    /// Waits until all are, with all their masters and workers.
    pub async fn available(&self, operator: &mut Operator) -> Result<()> {
        let limit =
            patient(Duration::from_secs(120) + Duration::from_secs(3) * u32::try_from(self.size.clusters)?);
        let (began, mut said) = (Instant::now(), Instant::now());
        loop {
            operator.runs()?;
            let clusters = self.api.list(&ListParams::default()).await?.items;
            let waiting: Vec<_> = clusters.iter().filter(|cluster| !is_available(cluster)).collect();
            let Some(first) = waiting.first() else { return Ok(()) };
            if began.elapsed() > limit {
                let status = &first.data["status"];
                bail!(
                    "{} of {} are not available after {limit:?}; {}: {status:#}",
                    waiting.len(),
                    clusters.len(),
                    first.name_any()
                );
            }
            if said.elapsed() > Duration::from_secs(15) {
                println!("{} of {} clusters are available", clusters.len() - waiting.len(), clusters.len());
                said = Instant::now();
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// How often the operator has begun a reconcile of the cluster that it looked at least.
    pub fn looks(&self, requests: &[Request]) -> usize {
        let mut looks: BTreeMap<_, _> = (0..self.size.clusters).map(|number| (name(number), 0)).collect();
        for request in requests.iter().filter(|request| request.verb == "get" && request.resource == RESOURCE)
        {
            looks.entry(request.name.clone()).and_modify(|count| *count += 1);
        }
        looks.into_values().min().unwrap_or_default()
    }
}

fn name(number: usize) -> String {
    format!("c{number}")
}

fn cluster(number: usize, pool: &str, zookeeper: &str) -> Value {
    let name = name(number);
    json!({
        "apiVersion": "alluxio.org/v1alpha1",
        "kind": "AlluxioCluster",
        "metadata": { "name": name },
        "spec": {
            "masters": { "count": MASTERS },
            "zookeeper": { "addresses": [zookeeper] },
            "journal": { "uri": format!("hdfs://namenode:8020/journals/{name}") },
            "underStorage": { "root": { "uri": format!("hdfs://namenode:8020/data/{name}") } },
            "workers": [{ "name": "default", "scheduling": { "nodeSelector": { "pool": pool } } }],
        },
    })
}

fn is_available(cluster: &DynamicObject) -> bool {
    let status = &cluster.data["status"];
    status["phase"] == "Available"
        && status["observedGeneration"] == json!(cluster.metadata.generation)
        && status["masters"]["summary"] == format!("{MASTERS}/{MASTERS}")
        && status["workers"]["summary"] == format!("{WORKERS}/{WORKERS}")
        && status["leader"]["pod"] == format!("{}-masters-0", cluster.name_any())
}
