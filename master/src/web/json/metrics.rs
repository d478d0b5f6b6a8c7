//! `webui_metrics`

use std::collections::BTreeMap;

use alluxio_telemetry::metrics::{MetricKind, SampleValue};
use alluxio_web::show::{json_size, percent};
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::{Answer, Web};

/// The pairs of a name in the answer and the metric of the cluster.
const TOTALS: &[(&str, &str)] = &[
    ("totalBytesReadLocal", "Cluster.BytesReadLocal"),
    ("totalBytesReadDomainSocket", "Cluster.BytesReadDomain"),
    ("totalBytesReadRemote", "Cluster.BytesReadRemote"),
    ("totalBytesReadUfs", "Cluster.BytesReadUfsAll"),
    ("totalBytesWrittenLocal", "Cluster.BytesWrittenLocal"),
    ("totalBytesWrittenDomainSocket", "Cluster.BytesWrittenDomain"),
    ("totalBytesWrittenRemote", "Cluster.BytesWrittenRemote"),
    ("totalBytesWrittenUfs", "Cluster.BytesWrittenUfsAll"),
    ("totalBytesReadLocalThroughput", "Cluster.BytesReadLocalThroughput"),
    ("totalBytesReadDomainSocketThroughput", "Cluster.BytesReadDomainThroughput"),
    ("totalBytesReadRemoteThroughput", "Cluster.BytesReadRemoteThroughput"),
    ("totalBytesReadUfsThroughput", "Cluster.BytesReadUfsThroughput"),
    ("totalBytesWrittenLocalThroughput", "Cluster.BytesWrittenLocalThroughput"),
    ("totalBytesWrittenDomainSocketThroughput", "Cluster.BytesWrittenDomainThroughput"),
    ("totalBytesWrittenRemoteThroughput", "Cluster.BytesWrittenRemoteThroughput"),
    ("totalBytesWrittenUfsThroughput", "Cluster.BytesWrittenUfsThroughput"),
];

/// Metrics by name; what is text is left out.
struct Numbers(BTreeMap<String, (MetricKind, i64)>);

impl Numbers {
    fn get(&self, name: &str) -> i64 {
        self.0.get(name).map_or(0, |(_, value)| *value)
    }

    fn counters(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0
            .iter()
            .filter(|(_, (kind, _))| *kind == MetricKind::Counter)
            .map(|(name, (_, value))| (name.as_str(), *value))
    }

    /// Sizes by under storage, of those that are mounted.
    fn by_ufs(&self, metric: &str, mounted: &[String]) -> BTreeMap<String, String> {
        let prefix = format!("{metric}.UFS:");
        let of = |(name, bytes): (&str, i64)| {
            let ufs = name.strip_prefix(&prefix)?;
            mounted
                .iter()
                .any(|uri| uri.trim_end_matches('/') == ufs.trim_end_matches('/'))
                .then(|| (ufs.to_owned(), json_size(bytes)))
        };
        self.counters().filter_map(of).collect()
    }
}

pub(super) async fn metrics(State(web): Web) -> Answer<Value> {
    let (info, pages) = web.sources()?;
    let number = |sample: alluxio_telemetry::metrics::Sample| match sample.value {
        SampleValue::Number(value) => Some((sample.name, (sample.kind, value as i64))),
        SampleValue::Text(_) => None,
    };
    let numbers = Numbers(web.metrics.samples().into_iter().filter_map(number).collect());
    let mounts = pages.mounts().await?;
    let mounted: Vec<String> = mounts.values().map(|mount| mount.ufs_uri().to_owned()).collect();
    let root = mounts.get("/").map_or((0, 0), |root| (root.ufs_used_bytes(), root.ufs_capacity_bytes()));
    let capacity = info.blocks.capacity();
    let (used, ufs_used) = (percent(capacity.used, capacity.total), percent(root.0, root.1));

    let mut answer = Map::new();
    let mut put = |name: &str, value: Value| drop(answer.insert(name.to_owned(), value));
    put("masterCapacityUsedPercentage", json!(used));
    put("masterCapacityFreePercentage", json!(100 - used));
    put("masterUnderfsCapacityUsedPercentage", json!(ufs_used));
    put("masterUnderfsCapacityFreePercentage", json!(100 - ufs_used));
    for (name, metric) in TOTALS {
        put(name, json!(json_size(numbers.get(metric))));
    }
    let (local, remote, miss) = hits(&numbers);
    put("cacheHitLocal", json!(local));
    put("cacheHitRemote", json!(remote));
    put("cacheMiss", json!(miss));
    let (mut calls, mut operations) = (Map::new(), Map::new());
    for (name, value) in numbers.counters().filter(|(name, _)| !name.contains(".UFS:")) {
        let short = name.split_once('.').map_or(name, |(_, rest)| rest);
        let into = if name.ends_with("Ops") { &mut calls } else { &mut operations };
        into.insert(short.to_owned(), json!({ "count": value }));
    }
    operations.insert("FilesPinned".to_owned(), json!({ "value": numbers.get("Master.FilesPinned") }));
    put("rpcInvocationMetrics", calls.into());
    put("operationMetrics", operations.into());
    put("ufsReadSize", json!(numbers.by_ufs("Cluster.BytesReadPerUfs", &mounted)));
    put("ufsWriteSize", json!(numbers.by_ufs("Cluster.BytesWrittenPerUfs", &mounted)));
    // Not counted here, so there are none.
    put("ufsOps", json!({}));
    put("ufsOpsSaved", json!({}));
    put("timeSeriesMetrics", json!([]));
    put("journalDiskMetrics", json!([]));
    put("journalEntriesSinceCheckpoint", json!(pages.fs.namespace.records_since_checkpoint()));
    put("journalLastCheckpointTime", json!(instant(pages.fs.namespace.last_checkpoint_ms())));
    Ok(Json(answer.into()))
}

/// In UTC, whatever the pattern of other dates.
fn instant(ms: u64) -> String {
    let time = i64::try_from(ms).ok().filter(|ms| *ms > 0).map(jiff::Timestamp::from_millisecond);
    time.and_then(Result::ok).map_or_else(|| "N/A".to_owned(), |time| time.to_string())
}

/// The original's shares of what was read: from the same host, from other workers, from under storages.
fn hits(numbers: &Numbers) -> (String, String, String) {
    let of = |name| numbers.get(name) as f64;
    let (local, ufs) = (of("Cluster.BytesReadLocal"), of("Cluster.BytesReadUfsAll"));
    let total = local + of("Cluster.BytesReadCache") + ufs;
    let share = |part: f64| format!("{:.2}", if total > 0.0 { 100.0 * part / total } else { 0.0 });
    (share(local + of("Cluster.BytesReadDomain")), share(of("Cluster.BytesReadRemote") - ufs), share(ufs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_the_originals() {
        let numbers = |pairs: &[(&str, i64)]| {
            Numbers(
                pairs
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (MetricKind::Counter, *value)))
                    .collect(),
            )
        };
        assert_eq!(hits(&numbers(&[])), ("0.00".to_owned(), "0.00".to_owned(), "0.00".to_owned()));
        // Measured: 13 bytes read once, from the under storage.
        let read = numbers(&[("Cluster.BytesReadRemote", 13), ("Cluster.BytesReadUfsAll", 13)]);
        assert_eq!(hits(&read), ("0.00".to_owned(), "0.00".to_owned(), "100.00".to_owned()));
    }

    #[test]
    fn only_mounted_under_storages_count() {
        let counted = [("Cluster.BytesReadPerUfs.UFS:/a", 13), ("Cluster.BytesReadPerUfs.UFS:/b", 1)];
        let numbers =
            Numbers(counted.map(|(name, value)| (name.to_owned(), (MetricKind::Counter, value))).into());
        let sizes = numbers.by_ufs("Cluster.BytesReadPerUfs", &["/a/".to_owned()]);
        assert_eq!(sizes, BTreeMap::from([("/a".to_owned(), "13B".to_owned())]));
    }
}
