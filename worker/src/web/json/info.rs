//! `GET /api/v1/worker/info`: the keys of Alluxio 2.9's AlluxioWorkerInfo.

use super::super::Web;
use alluxio_telemetry::metrics::SampleValue;
use axum::{
    Json,
    extract::{Query, State},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub(super) struct Asked {
    raw_configuration: Option<bool>,
}

#[derive(Serialize)]
struct Capacity {
    total: i64,
    used: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkerInfo {
    capacity: Capacity,
    configuration: BTreeMap<String, Option<String>>,
    metrics: BTreeMap<String, i64>,
    rpc_address: String,
    start_time_ms: i64,
    tier_capacity: BTreeMap<String, Capacity>,
    tier_paths: BTreeMap<String, Vec<String>>,
    uptime_ms: i64,
    version: &'static str,
    revision: &'static str,
}

pub(super) async fn info(State(web): State<Web>, Query(asked): Query<Asked>) -> Json<WorkerInfo> {
    let usage = web.core.store.usage();
    let used = usage.used_by_tier();
    let raw = asked.raw_configuration.unwrap_or(false);
    let number = |sample: alluxio_telemetry::metrics::Sample| match sample.value {
        SampleValue::Number(value) => Some((sample.name, value as i64)),
        SampleValue::Text(_) => None,
    };
    let mut tier_paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for dir in &usage.dirs {
        let path = web.core.settings.layout.data_root(&dir.path);
        tier_paths.entry(dir.tier.clone()).or_default().push(path.display().to_string());
    }
    let tier = |(alias, total): (String, i64)| {
        let used = used.get(&alias).copied().unwrap_or(0);
        (alias, Capacity { total, used })
    };
    Json(WorkerInfo {
        capacity: Capacity { total: usage.capacity() as i64, used: usage.used() as i64 },
        configuration: web
            .conf
            .cluster_properties(raw)
            .into_iter()
            .map(|entry| (entry.name, entry.value))
            .collect(),
        metrics: web.core.metrics.registry.samples().into_iter().filter_map(number).collect(),
        rpc_address: web.address(),
        start_time_ms: web.start_time_ms,
        tier_capacity: usage.capacity_by_tier().into_iter().map(tier).collect(),
        tier_paths,
        uptime_ms: web.uptime_ms(),
        version: env!("CARGO_PKG_VERSION"),
        revision: super::REVISION,
    })
}
