//! The text that Prometheus scrapes at `/metrics/prometheus`.
//!
//! Names and types are those of the original's exporter (simpleclient's Dropwizard bridge): every character outside
//! `[a-zA-Z0-9:_]` becomes `_`; counters and gauges are gauges; meters are counters with `_total`; timers are
//! summaries in seconds. Beyond it: summaries also have `_sum`, and there are the usual `process_` metrics.

use std::collections::BTreeMap;

use prometheus::proto::{self, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};

use super::registry::Entry;
use super::{GaugeValue, Metrics, Timer, process};

/// The quantiles that the original exports.
const QUANTILES: [f64; 6] = [0.5, 0.75, 0.95, 0.98, 0.99, 0.999];

/// Metrics could not be put into text.
#[derive(Debug, thiserror::Error)]
#[error("metrics could not be written as Prometheus text: {0}")]
pub struct ExportError(#[from] prometheus::Error);

impl Metrics {
    /// All metrics in Prometheus' text format (version 0.0.4: `text/plain; version=0.0.4; charset=utf-8`).
    pub fn prometheus_text(&self) -> Result<String, ExportError> {
        // By exported name: two names that differ only in replaced characters would make the text invalid, so the
        // first one stays.
        let mut families = BTreeMap::new();
        for (name, entry) in self.entries() {
            if let Some(family) = family(&name, &entry) {
                families.entry(family.name().to_owned()).or_insert(family);
            }
        }
        let mut families: Vec<MetricFamily> = families.into_values().collect();
        families.extend(process::families());
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

fn family(name: &str, entry: &Entry) -> Option<MetricFamily> {
    let exported = exported_name(name);
    let mut family = MetricFamily::default();
    let mut metric = proto::Metric::default();
    let (kind, field) = match entry {
        Entry::Counter(counter) => ("counter", gauge(counter.get() as f64)),
        Entry::Gauge(value) => ("gauge", gauge(value.get() as f64)),
        Entry::GaugeFn(value) => ("gauge", gauge(number((value.0)())?)),
        Entry::Meter(meter) => {
            family.set_name(format!("{exported}_total"));
            family.set_field_type(MetricType::COUNTER);
            let mut counter = proto::Counter::default();
            counter.set_value(meter.count() as f64);
            metric.set_counter(counter);
            return Some(finish(family, metric, name, "meter"));
        }
        Entry::Timer(timer) => {
            family.set_name(exported);
            family.set_field_type(MetricType::SUMMARY);
            metric.set_summary(summary(timer));
            return Some(finish(family, metric, name, "timer"));
        }
    };
    family.set_name(exported);
    family.set_field_type(MetricType::GAUGE);
    metric.set_gauge(field);
    Some(finish(family, metric, name, kind))
}

fn finish(mut family: MetricFamily, metric: proto::Metric, name: &str, kind: &str) -> MetricFamily {
    family.set_help(format!("Alluxio {kind} {name}"));
    family.set_metric(vec![metric]);
    family
}

fn gauge(value: f64) -> proto::Gauge {
    let mut gauge = proto::Gauge::default();
    gauge.set_value(value);
    gauge
}

/// None for text: the original leaves such gauges out, too.
fn number(value: GaugeValue) -> Option<f64> {
    value.number()
}

fn summary(timer: &Timer) -> proto::Summary {
    let recent = timer.recent();
    let mut summary = proto::Summary::default();
    summary.set_sample_count(timer.count());
    summary.set_sample_sum(timer.total().as_secs_f64());
    let quantile = |quantile: f64| {
        let mut entry = proto::Quantile::default();
        entry.set_quantile(quantile);
        entry.set_value(recent.quantile(quantile).as_secs_f64());
        entry
    };
    summary.set_quantile(QUANTILES.into_iter().map(quantile).collect());
    summary
}

fn exported_name(name: &str) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == ':' || c == '_';
    let mut exported: String = name.chars().map(|c| if legal(c) { c } else { '_' }).collect();
    if exported.starts_with(|c: char| c.is_ascii_digit()) {
        exported.insert(0, '_');
    }
    exported
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::key;

    #[test]
    fn types_and_names_are_the_bridges() {
        let metrics = Metrics::with_source("host_1");
        metrics.counter(key::MASTER_CREATE_FILE_OPS).add(4);
        metrics.gauge(key::CLUSTER_WORKERS).set(3);
        metrics.gauge_fn(key::CLUSTER_CACHE_HIT_RATE, || 0.5);
        metrics.gauge_fn(key::CLUSTER_LEADER_ID, || "text has no number".to_owned());
        metrics.meter(key::WORKER_BLOCKS_EVICTION_RATE).mark(9);
        metrics.timer(key::MASTER_TOTAL_RPCS).record(Duration::from_millis(250));
        let ufs = [("UFS", "%2Fdata x")];
        metrics.tagged_counter(key::WORKER_BYTES_READ_PER_UFS, &ufs).add(1 << 40);
        let text = metrics.prometheus_text().unwrap();
        for line in [
            "# TYPE Master_CreateFileOps gauge",
            "Master_CreateFileOps 4",
            "Cluster_Workers 3",
            "Cluster_CacheHitRate 0.5",
            "# TYPE Worker_BlocksEvictionRate_host_1_total counter",
            "Worker_BlocksEvictionRate_host_1_total 9",
            "# TYPE Master_TotalRpcs summary",
            "Master_TotalRpcs{quantile=\"0.5\"} 0.25",
            "Master_TotalRpcs{quantile=\"0.999\"} 0.25",
            "Master_TotalRpcs_sum 0.25",
            "Master_TotalRpcs_count 1",
            "Worker_BytesReadPerUfs_UFS:_2Fdata_x_host_1 1099511627776",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} is missing in\n{text}");
        }
        assert!(!text.contains("LeaderId"), "{text}");
    }

    #[test]
    fn one_line_per_name_even_when_names_collide() {
        let metrics = Metrics::master();
        metrics.own_counter("Master.a-b").inc();
        metrics.own_counter("Master.a b").add(2);
        let text = metrics.prometheus_text().unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("Master_a_b ")).count(), 1);
        assert_eq!(exported_name("9x.é"), "_9x__");
    }
}
