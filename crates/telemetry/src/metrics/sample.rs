//! One value per metric, as the wire's metric lists want it.

use super::registry::{Entry, unescape_tag};
use super::{GaugeValue, Metrics};

/// The kind of a metric, by the names of the wire schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Set or asked for.
    Gauge,
    /// A count.
    Counter,
    /// A count with rates.
    Meter,
    /// Durations.
    Timer,
}

/// A metric's value: a number, or the text of a gauge.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleValue {
    /// Gauges and counters: the value. Meters: events per second over the last minute, as the original reports
    /// them. Timers: the count.
    Number(f64),
    /// A gauge that is text.
    Text(String),
}

/// What a metric shows now.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The full name, with tags and source.
    pub name: String,
    /// Its kind.
    pub kind: MetricKind,
    /// Its value.
    pub value: SampleValue,
}

impl Metrics {
    /// All metrics with one value each, names unescaped, as MetricsMasterClientService.GetMetrics answers them.
    pub fn samples(&self) -> Vec<Sample> {
        let sample = |(name, entry): (String, Entry)| {
            let (kind, value) = match entry {
                Entry::Counter(counter) => (MetricKind::Counter, SampleValue::Number(counter.get() as f64)),
                Entry::Gauge(gauge) => (MetricKind::Gauge, SampleValue::Number(gauge.get() as f64)),
                Entry::GaugeFn(gauge) => (MetricKind::Gauge, gauge_value((gauge.0)())),
                Entry::Meter(meter) => (MetricKind::Meter, SampleValue::Number(meter.rates().one)),
                Entry::Timer(timer) => (MetricKind::Timer, SampleValue::Number(timer.count() as f64)),
            };
            Sample { name: unescape_tag(&name), kind, value }
        };
        self.entries().into_iter().map(sample).collect()
    }
}

fn gauge_value(value: GaugeValue) -> SampleValue {
    match value {
        GaugeValue::Int(value) => SampleValue::Number(value as f64),
        GaugeValue::Float(value) => SampleValue::Number(value),
        // The original sends what is not a number as text.
        GaugeValue::Bool(value) => SampleValue::Text(value.to_string()),
        GaugeValue::Text(value) => SampleValue::Text(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{escape_tag, key};

    #[test]
    fn each_kind_has_its_value() {
        let metrics = Metrics::master();
        metrics.counter(key::MASTER_FILES_CREATED).add(2);
        metrics.gauge_fn(key::CLUSTER_LEADER_ID, || "host:19998".to_owned());
        metrics.timer(key::MASTER_TOTAL_RPCS).record(std::time::Duration::from_millis(3));
        let ufs = escape_tag("/data");
        metrics.tagged_counter(key::CLUSTER_BYTES_READ_PER_UFS, &[("UFS", &ufs)]).add(7);
        let samples = metrics.samples();
        let find = |name: &str| samples.iter().find(|sample| sample.name == name).cloned().unwrap();
        assert_eq!(find("Master.FilesCreated").value, SampleValue::Number(2.0));
        assert_eq!(find("Cluster.LeaderId").value, SampleValue::Text("host:19998".to_owned()));
        assert_eq!(find("Master.TotalRpcs").value, SampleValue::Number(1.0));
        assert_eq!(find("Master.TotalRpcs").kind, MetricKind::Timer);
        assert_eq!(find("Cluster.BytesReadPerUfs.UFS:/data").value, SampleValue::Number(7.0));
    }
}
