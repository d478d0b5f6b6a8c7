//! The JSON at `/metrics/json`: the form of Dropwizard's `MetricsModule` with rates per second and durations in
//! milliseconds, as the original sets it up.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::registry::Entry;
use super::{GaugeValue, Meter, Metrics, Rates, Timer, process};

/// The version that Dropwizard's module writes (metrics-json 4.1.11).
const VERSION: &str = "4.0.0";

impl Metrics {
    /// `{version, gauges, counters, histograms, meters, timers}`.
    pub fn json(&self) -> Value {
        let [mut gauges, mut counters, mut meters, mut timers] = [(); 4].map(|()| Map::new());
        for (name, entry) in self.entries() {
            match entry {
                Entry::Counter(counter) => counters.insert(name, json!({ "count": counter.get() })),
                Entry::Gauge(gauge) => gauges.insert(name, json!({ "value": gauge.get() })),
                Entry::GaugeFn(gauge) => gauges.insert(name, gauge_json((gauge.0)())),
                Entry::Meter(meter) => meters.insert(name, meter_json(&meter)),
                Entry::Timer(timer) => timers.insert(name, timer_json(&timer)),
            };
        }
        gauges.extend(process::values().into_iter().map(|(name, value)| (name, json!({ "value": value }))));
        json!({
            "version": VERSION,
            "gauges": gauges,
            "counters": counters,
            // Kept for readers that expect it: all our distributions are timers.
            "histograms": {},
            "meters": meters,
            "timers": timers,
        })
    }
}

fn gauge_json(value: GaugeValue) -> Value {
    match value {
        GaugeValue::Int(value) => json!({ "value": value }),
        GaugeValue::Float(value) => json!({ "value": value }),
        GaugeValue::Bool(value) => json!({ "value": value }),
        GaugeValue::Text(value) => json!({ "value": value }),
    }
}

fn meter_json(meter: &Meter) -> Value {
    let Rates { mean, one, five, fifteen } = meter.rates();
    json!({
        "count": meter.count(),
        "m15_rate": fifteen,
        "m1_rate": one,
        "m5_rate": five,
        "mean_rate": mean,
        "units": "events/second",
    })
}

fn timer_json(timer: &Timer) -> Value {
    let recent = timer.recent();
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let quantile = |quantile: f64| millis(recent.quantile(quantile));
    let Rates { mean, one, five, fifteen } = timer.rates();
    json!({
        "count": timer.count(),
        "max": millis(recent.max()),
        "mean": millis(recent.mean()),
        "min": millis(recent.min()),
        "p50": quantile(0.5),
        "p75": quantile(0.75),
        "p95": quantile(0.95),
        "p98": quantile(0.98),
        "p99": quantile(0.99),
        "p999": quantile(0.999),
        "stddev": millis(recent.deviation()),
        "m15_rate": fifteen,
        "m1_rate": one,
        "m5_rate": five,
        "mean_rate": mean,
        "duration_units": "milliseconds",
        "rate_units": "calls/second",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::key;

    #[test]
    fn every_kind_has_dropwizards_shape() {
        let metrics = Metrics::master();
        metrics.counter(key::MASTER_FILES_CREATED).add(4);
        metrics.gauge_fn(key::CLUSTER_LEADER_ID, || "a:1".to_owned());
        metrics.gauge_fn(key::MASTER_TOTAL_PATHS, || 12u64);
        metrics.meter(key::MASTER_JOB_LOAD_RATE).mark(3);
        metrics.timer(key::MASTER_TOTAL_RPCS).record(Duration::from_millis(250));
        let json = metrics.json();
        assert_eq!(json["version"], "4.0.0");
        assert_eq!(json["counters"]["Master.FilesCreated"]["count"], 4);
        assert_eq!(json["gauges"]["Cluster.LeaderId"]["value"], "a:1");
        assert_eq!(json["gauges"]["Master.TotalPaths"]["value"], 12);
        assert!(json["gauges"]["process_resident_memory_bytes"]["value"].as_f64().unwrap() > 1e6);
        assert_eq!(json["meters"]["Master.JobLoadRate"]["count"], 3);
        let timer = &json["timers"]["Master.TotalRpcs"];
        assert_eq!(
            (&timer["count"], &timer["p99"], &timer["max"]),
            (&json!(1), &json!(250.0), &json!(250.0))
        );
        assert_eq!(json["histograms"], json!({}));
    }
}
