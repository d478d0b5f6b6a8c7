//! All metrics of the process with one value each, in groups.

use std::collections::BTreeMap;

use alluxio_telemetry::metrics::{MetricKind, Metrics, Sample, SampleValue};

use crate::shell::Shell;
use crate::show;

struct Row {
    name: String,
    kind: &'static str,
    value: String,
}

struct Group {
    name: String,
    rows: Vec<Row>,
}

#[derive(askama::Template)]
#[template(path = "metrics.html")]
pub struct MetricsPage {
    shell: Shell,
    groups: Vec<Group>,
    total: String,
    shown: String,
    query: String,
}

impl MetricsPage {
    /// `query` is a part of a name.
    pub fn new(shell: Shell, metrics: &Metrics, query: &str) -> Self {
        let query = query.trim().to_owned();
        let wanted = query.to_lowercase();
        let samples = metrics.samples();
        let total = show::number(samples.len());
        let mut groups: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        let mut shown = 0;
        for sample in samples.into_iter().filter(|sample| sample.name.to_lowercase().contains(&wanted)) {
            shown += 1;
            let group = sample.name.split_once('.').map_or("Process", |(group, _)| group).to_owned();
            groups.entry(group).or_default().push(row(sample));
        }
        let groups = groups.into_iter().map(|(name, rows)| Group { name, rows }).collect();
        Self { shell, groups, total, shown: show::number(shown), query }
    }
}

fn row(sample: Sample) -> Row {
    let kind = match sample.kind {
        MetricKind::Gauge => "gauge",
        MetricKind::Counter => "counter",
        MetricKind::Meter => "per second",
        MetricKind::Timer => "timer",
    };
    let value = match sample.value {
        SampleValue::Text(text) => text,
        SampleValue::Number(value) if of_bytes(&sample.name) => show::size(value as i64),
        SampleValue::Number(value) if value.fract() == 0.0 => show::count(value as i64),
        SampleValue::Number(value) => format!("{value:.3}"),
    };
    Row { name: sample.name, kind, value }
}

/// The original names what counts bytes so.
fn of_bytes(name: &str) -> bool {
    ["Bytes", "Capacity", "_bytes"].iter().any(|word| name.contains(word))
}
