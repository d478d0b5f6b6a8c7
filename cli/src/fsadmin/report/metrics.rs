//! `fsadmin report metrics`: all metrics that the leading master knows.

use alluxio_client::MetricsClient;
use alluxio_fs::print::grouped;
use alluxio_proto::grpc::metric::MetricValue;

use crate::{error::CommandError, output::size, shell::Call};

/// What the names of Alluxio's own metrics begin with.
const FAMILIES: [&str; 11] = [
    "Cluster",
    "Server",
    "Master",
    "Worker",
    "JobMaster",
    "JobWorker",
    "Plugin",
    "Process",
    "Proxy",
    "Client",
    "Fuse",
];

pub async fn report(call: Call<'_>) -> Result<(), CommandError> {
    let metrics = MetricsClient::new(call.shell.fs().await?.cluster()).get_metrics().await?;
    // A map in the order of names, as it is printed.
    for (name, metric) in &metrics {
        if FAMILIES.iter().any(|family| name.starts_with(family)) {
            call.shell.out.line(line(name, metric))?;
        }
    }
    Ok(())
}

fn line(name: &str, metric: &MetricValue) -> String {
    let value = match &metric.string_value {
        Some(text) => text.clone(),
        None => number(name, metric.double_value()),
    };
    format!("{name}  (Type: {}, Value: {value})", metric.metric_type().as_str_name())
}

/// Bytes with their unit, whole numbers in groups of three digits, others as Java prints them.
fn number(name: &str, value: f64) -> String {
    if name.contains("Bytes") {
        let rate = if name.contains("Throughput") { "/MIN" } else { "" };
        return size::human(value as i64) + rate;
    }
    if value.fract() == 0.0 {
        return grouped(value as i64);
    }
    let plain = value.abs() >= 1e-3 && value.abs() < 1e7;
    if plain || !value.is_finite() { format!("{value:?}") } else { format!("{value:E}") }
}

#[cfg(test)]
mod tests {
    use alluxio_proto::grpc::MetricType;

    use super::*;

    #[test]
    fn values_are_printed_by_what_they_are() {
        for (name, value, text) in [
            ("Cluster.BytesReadLocal", 6144.0, "6.00KB"),
            ("Cluster.BytesReadLocalThroughput", 6144.0, "6.00KB/MIN"),
            ("Master.FilesCreated", 1_234_567.0, "1,234,567"),
            ("Master.FilesCreated", 999.0, "999"),
            ("Master.FilesCreated", -1000.0, "-1,000"),
            ("Master.Ratio", 0.25, "0.25"),
            ("Master.Ratio", 0.00025, "2.5E-4"),
            ("Master.Ratio", f64::NAN, "NaN"),
        ] {
            assert_eq!(number(name, value), text, "{name}");
        }
    }

    #[test]
    fn a_text_is_printed_as_it_is() {
        let metric = MetricValue {
            string_value: Some("1,2".to_owned()),
            metric_type: Some(MetricType::Gauge as i32),
            ..MetricValue::default()
        };
        assert_eq!(line("Master.Text", &metric), "Master.Text  (Type: GAUGE, Value: 1,2)");
    }
}
