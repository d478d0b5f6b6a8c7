//! The JSON of Alluxio 2.9's worker, under the same names.

mod blocks;
mod info;

use super::Web;
use alluxio_conf::key;
use alluxio_web::{
    json::{Asked, LogsAnswer, configuration as rows, counters},
    show::{clock_time, json_size, percent},
};
use axum::{
    Json, Router,
    extract::{Query, State},
    routing::{MethodRouter, get},
};
use serde_json::{Map, Value, json};

pub(super) fn routes() -> Router<Web> {
    let endpoints: [(&str, MethodRouter<Web>); 8] = [
        ("info", get(info::info)),
        ("operations", get(operations)),
        ("webui_init", get(init)),
        ("webui_overview", get(overview)),
        ("webui_blockinfo", get(blocks::blocks)),
        ("webui_metrics", get(metrics)),
        ("webui_logs", get(logs)),
        ("webui_config", get(configuration)),
    ];
    endpoints.into_iter().fold(Router::new(), |router, (name, endpoint)| {
        let path = format!("/api/v1/worker/{name}");
        router.route(&format!("{path}/"), endpoint.clone()).route(&path, endpoint)
    })
}

async fn operations(State(web): State<Web>) -> Json<Value> {
    // Nothing queues for a thread here: what waits for its turn counts as an operation.
    Json(json!({ "operationCount": web.core.admission.active_operations(), "rpcQueueLength": 0 }))
}

async fn init(State(web): State<Web>) -> Json<Value> {
    Json(json!({
        "debug": web.settings.debug,
        "webFileInfoEnabled": web.settings.files,
        "securityAuthorizationPermissionEnabled": web.settings.permissions,
        "masterHostname": web.conf.opt(key::MASTER_HOSTNAME).unwrap_or_default(),
        "masterPort": web.conf.get(key::MASTER_WEB_PORT),
        "refreshInterval": web.settings.refresh.as_millis() as u64,
    }))
}

async fn overview(State(web): State<Web>) -> Json<Value> {
    let usage = web.core.store.usage();
    let (capacity, used) = (usage.capacity_by_tier(), usage.used_by_tier());
    let tier = |alias: &String| json!({ "tierAlias": alias, "capacityBytes": capacity.get(alias), "usedBytes": used.get(alias) });
    let folder = |dir: &crate::store::DirUsage| {
        json!({
            "tierAlias": dir.tier,
            "dirPath": web.core.settings.layout.data_root(&dir.path),
            "capacityBytes": dir.quota,
            "usedBytes": dir.used,
        })
    };
    Json(json!({
        "workerInfo": {
            "workerAddress": web.address(),
            "startTime": web.settings.dates.format(web.start_time_ms),
            "uptime": clock_time(web.uptime_ms()),
        },
        "capacityBytes": json_size(usage.capacity() as i64),
        "usedBytes": json_size(usage.used() as i64),
        "usageOnTiers": usage.tiers.iter().map(tier).collect::<Vec<_>>(),
        "storageDirs": usage.dirs.iter().map(folder).collect::<Vec<_>>(),
        "blockCount": usage.blocks.to_string(),
        "version": env!("CARGO_PKG_VERSION"),
        "revision": REVISION,
    }))
}

/// What the build says.
pub(super) const REVISION: &str = match option_env!("ALLUXIO_REVISION") {
    Some(revision) => revision,
    None => "",
};

async fn metrics(State(web): State<Web>) -> Json<Value> {
    let usage = web.core.store.usage();
    let used = percent(usage.used() as i64, usage.capacity() as i64);
    let counter = |(name, value): (String, i64)| (name, json!({ "count": value }));
    let operations: Map<String, Value> =
        counters(&web.core.metrics.registry).into_iter().map(counter).collect();
    Json(json!({
        "workerCapacityUsedPercentage": used,
        "workerCapacityFreePercentage": 100 - used,
        "operationMetrics": operations,
    }))
}

async fn logs(State(web): State<Web>, Query(asked): Query<Asked>) -> Json<LogsAnswer> {
    Json(alluxio_web::json::logs(&web.settings, &asked, &web.core.store.usage().tiers).await)
}

async fn configuration(State(web): State<Web>) -> Json<Value> {
    let date = web.settings.dates.format(web.start_time_ms);
    Json(json!({
        "configuration": rows(web.conf.entries()),
        "whitelist": web.conf.get(key::WORKER_WHITELIST),
        "clusterConfigHash": web.conf.hash(),
        "clusterConfigLastUpdateTime": date,
        // A worker knows no properties of paths.
        "pathConfigHash": null,
        "pathConfigLastUpdateTime": web.settings.dates.format(0),
    }))
}
