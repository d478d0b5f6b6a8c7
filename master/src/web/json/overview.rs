//! `webui_overview`

use std::collections::BTreeMap;

use alluxio_proto::grpc::meta::{ConfigStatus, InconsistentProperties};
use alluxio_web::show::{clock_time, json_size, percent};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Answer, Web};

/// `MasterWebUIOverview`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Overview {
    capacity: String,
    cluster_id: String,
    config_check_error_num: usize,
    config_check_errors: BTreeMap<String, Vec<Value>>,
    config_check_status: &'static str,
    config_check_warn_num: usize,
    config_check_warns: BTreeMap<String, Vec<Value>>,
    debug: bool,
    disk_capacity: String,
    disk_free_capacity: String,
    disk_used_capacity: String,
    free_capacity: String,
    journal_checkpoint_time_warning: Option<String>,
    journal_disk_warnings: Option<Vec<String>>,
    leader_id: Option<String>,
    live_worker_nodes: String,
    master_node_address: String,
    master_role: Option<String>,
    replica_block_count: String,
    revision: String,
    start_time: String,
    storage_tier_infos: Vec<StorageTier>,
    /// What 2.9 calls a master under no particular load; ours has no such levels.
    system_status: &'static str,
    total_path: String,
    unique_block_count: String,
    uptime: String,
    used_capacity: String,
    version: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StorageTier {
    storage_tier_alias: String,
    capacity: String,
    used_capacity: String,
    free_capacity: String,
    used_space_percent: i64,
    free_space_percent: i64,
}

impl StorageTier {
    fn new(alias: &str, total: i64, used: i64) -> Self {
        let percent = percent(used, total);
        Self {
            storage_tier_alias: alias.to_owned(),
            capacity: json_size(total),
            used_capacity: json_size(used),
            free_capacity: json_size(total.saturating_sub(used)),
            used_space_percent: percent,
            free_space_percent: 100 - percent,
        }
    }
}

/// A size that an under storage may not know.
fn known(bytes: i64) -> String {
    if bytes < 0 { "UNKNOWN".to_owned() } else { json_size(bytes) }
}

/// The original's maps have Java's texts of optional values as keys.
fn inconsistent(of: BTreeMap<String, InconsistentProperties>) -> BTreeMap<String, Vec<Value>> {
    let property = |property: alluxio_proto::grpc::meta::InconsistentProperty| {
        let values: BTreeMap<String, Vec<String>> = property
            .values
            .iter()
            .map(|(value, servers)| (format!("Optional[{value}]"), servers.values.clone()))
            .collect();
        json!({ "name": property.name(), "values": values })
    };
    of.into_iter().map(|(scope, list)| (scope, list.properties.into_iter().map(property).collect())).collect()
}

pub(super) async fn overview(State(web): Web) -> Answer<Overview> {
    let (info, pages) = web.sources()?;
    let (facts, blocks) = (&info.facts, &info.blocks);
    let capacity = blocks.capacity();
    let mounts = pages.mounts().await?;
    let root = mounts.get("/");
    let (total, used) = root.map_or((-1, -1), |root| (root.ufs_capacity_bytes(), root.ufs_used_bytes()));
    let report = info.config_check();
    let status = report.status();
    let number =
        |of: &BTreeMap<String, InconsistentProperties>| of.values().map(|list| list.properties.len()).sum();
    let (errors, warns) = (number(&report.errors), number(&report.warns));
    let tier = |alias: &String| {
        let total = capacity.total_on_tiers.get(alias).copied().filter(|total| *total > 0)?;
        Some(StorageTier::new(alias, total, capacity.used_on_tiers.get(alias).copied().unwrap_or(0)))
    };
    Ok(Json(Overview {
        capacity: json_size(capacity.total),
        used_capacity: json_size(capacity.used),
        free_capacity: json_size(capacity.total.saturating_sub(capacity.used)),
        storage_tier_infos: pages.tiers.iter().filter_map(tier).collect(),
        cluster_id: facts.cluster_id.clone(),
        config_check_error_num: errors,
        config_check_warn_num: warns,
        config_check_errors: inconsistent(report.errors),
        config_check_warns: inconsistent(report.warns),
        config_check_status: match status {
            ConfigStatus::Passed => "PASSED",
            ConfigStatus::Warn => "WARN",
            ConfigStatus::Failed => "FAILED",
        },
        debug: web.settings.debug,
        disk_capacity: known(total),
        disk_used_capacity: known(used),
        disk_free_capacity: known(if used >= 0 && total >= used { total - used } else { -1 }),
        journal_checkpoint_time_warning: None,
        journal_disk_warnings: None,
        leader_id: None,
        master_role: None,
        live_worker_nodes: blocks.worker_infos().len().to_string(),
        master_node_address: facts.rpc_address(),
        replica_block_count: blocks.replica_count().to_string(),
        unique_block_count: blocks.located_block_count().to_string(),
        total_path: pages.inode_count().to_string(),
        start_time: web.settings.dates.format(facts.start_time_ms),
        uptime: clock_time(facts.uptime_ms()),
        system_status: "IDLE",
        version: facts.version.clone(),
        revision: facts.revision.clone(),
    }))
}
