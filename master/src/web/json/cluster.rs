//! `webui_init`, `webui_config`, `webui_workers`, `webui_masters`, `webui_mounttable`: what the cluster is.

use alluxio_proto::grpc::file::MountPointInfo;
use alluxio_web::json::configuration as rows;
use alluxio_web::show::{clock_time, json_size, now_ms, percent};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::{Answer, Web};
use crate::block::{Standing, WorkerReport};
use crate::meta::{PathProperties, Peer};

pub(super) async fn init(State(web): Web) -> Answer<Value> {
    let (_, pages) = web.sources()?;
    Ok(Json(json!({
        "debug": web.settings.debug,
        "newerVersionAvailable": false,
        "webFileInfoEnabled": web.settings.files,
        "securityAuthorizationPermissionEnabled": web.settings.permissions,
        "workerPort": pages.worker_web_port,
        "refreshInterval": web.settings.refresh.as_millis() as u64,
        "proxyDownloadFileApiUrl": {
            "prefix": format!("{}/api/v1/paths/", pages.proxy),
            "suffix": "/download-file/",
        },
    })))
}

pub(super) async fn configuration(State(web): Web) -> Answer<Value> {
    let (info, pages) = web.sources()?;
    let told = info.configuration.told(true);
    // When path properties changed is not kept: it was not later than this master's start, or is not told.
    let since = info.facts.start_time_ms;
    Ok(Json(json!({
        "configuration": rows(info.configuration.current().entries()),
        "whitelist": pages.whitelist,
        "configHash": {
            "clusterConfigHash": told.hash,
            "clusterConfigLastUpdateTime": told.updated_ms,
            "clusterConfigLastUpdateTimeText": web.settings.dates.format(told.updated_ms),
            "pathConfigHash": pages.fs.namespace.hash().await?,
            "pathConfigLastUpdateTime": since,
            "pathConfigLastUpdateTimeText": web.settings.dates.format(since),
        },
    })))
}

pub(super) async fn workers(State(web): Web) -> Answer<Value> {
    let (info, _) = web.sources()?;
    let nodes = |standing| -> Vec<Value> {
        let reports = info.blocks.worker_reports().into_iter();
        reports.filter(|report| report.standing == standing).map(node).collect()
    };
    Ok(Json(json!({
        "debug": web.settings.debug,
        "normalNodeInfos": nodes(Standing::Active),
        "failedNodeInfos": nodes(Standing::Lost),
    })))
}

/// `NodeInfo`
fn node(report: WorkerReport) -> Value {
    let info = report.info;
    let version = info.build_version.clone().unwrap_or_default();
    let address = info.address.clone().unwrap_or_default();
    let host = match address.container_host() {
        "" => address.host().to_owned(),
        container => format!("{} ({container})", address.host()),
    };
    let used = percent(info.used_bytes(), info.capacity_bytes());
    json!({
        "host": host,
        "webPort": address.web_port(),
        "lastHeartbeat": info.last_contact_sec().to_string(),
        "state": info.state(),
        "capacity": json_size(info.capacity_bytes()),
        "usedMemory": json_size(info.used_bytes()),
        "usedSpacePercent": used,
        "freeSpacePercent": 100 - used,
        "uptimeClockTime": clock_time(now_ms().saturating_sub(info.start_time_ms())),
        "workerId": info.id(),
        "blockCount": report.block_count,
        "version": version.version(),
        "revision": version.revision(),
    })
}

pub(super) async fn masters(State(web): Web) -> Answer<Value> {
    let (info, pages) = web.sources()?;
    let facts = &info.facts;
    let date = |ms: i64| if ms > 0 { web.settings.dates.format(ms) } else { "N/A".to_owned() };
    let peer = |peer: &Peer| {
        json!({
            "id": peer.id,
            "address": { "host": peer.address.host(), "rpcPort": peer.address.rpc_port() },
            "startTime": date(peer.start_time_ms),
            "lastUpdatedTime": date(peer.last_contact_ms),
            "gainPrimacyTime": "N/A",
            "losePrimacyTime": "N/A",
            "lastCheckpointTime": "N/A",
            "journalEntriesSinceCheckpoint": 0,
            "version": peer.version.version(),
            "revision": peer.version.revision(),
        })
    };
    let standbys = pages.standbys.list();
    let of = |live| -> Vec<Value> { standbys.iter().filter(|one| one.live == live).map(peer).collect() };
    Ok(Json(json!({
        "debug": web.settings.debug,
        "standbyMasterInfos": of(true),
        "lostMasterInfos": of(false),
        "primaryMasterInfo": {
            "id": -1,
            "address": { "host": facts.host, "rpcPort": facts.rpc_port },
            "startTime": date(facts.start_time_ms),
            "lastUpdatedTime": date(now_ms()),
            "gainPrimacyTime": date(facts.start_time_ms),
            "losePrimacyTime": "N/A",
            "lastCheckpointTime": date(pages.fs.namespace.last_checkpoint_ms() as i64),
            "journalEntriesSinceCheckpoint": pages.fs.namespace.records_since_checkpoint(),
            "version": facts.version,
            "revision": facts.revision,
        },
    })))
}

pub(super) async fn mounts(State(web): Web) -> Answer<Value> {
    let (_, pages) = web.sources()?;
    let row = |(path, mount): (String, MountPointInfo)| {
        // As Java writes a map.
        let properties: Vec<String> =
            mount.properties.iter().map(|(key, value)| format!("{key}={value}")).collect();
        json!({
            "mountPoint": path,
            "ufsUri": mount.ufs_uri(),
            "ufsType": mount.ufs_type(),
            "ufsCapacityBytes": json_size(mount.ufs_capacity_bytes()),
            "ufsUsedBytes": json_size(mount.ufs_used_bytes()),
            "readOnly": mount.read_only(),
            "shared": mount.shared(),
            "properties": format!("{{{}}}", properties.join(", ")),
        })
    };
    let rows: Vec<Value> = pages.mounts().await?.into_iter().map(row).collect();
    Ok(Json(json!({ "debug": web.settings.debug, "mountPointInfos": rows })))
}
