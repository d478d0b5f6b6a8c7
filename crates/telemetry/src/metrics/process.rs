//! What the operating system knows of this process: memory, processor time, open files, start.

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::{MetricFamily, MetricType};

/// `process_resident_memory_bytes`, `process_start_time_seconds` and the others that Prometheus' clients agree on.
pub(super) fn families() -> Vec<MetricFamily> {
    ProcessCollector::for_self().collect()
}

/// The same as name and value.
pub(super) fn values() -> Vec<(String, f64)> {
    let value = |family: &MetricFamily| {
        let metric = family.get_metric().first()?;
        let value = match family.get_field_type() {
            MetricType::COUNTER => metric.get_counter().get_value(),
            _ => metric.get_gauge().get_value(),
        };
        Some((family.name().to_owned(), value))
    };
    families().iter().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_start_are_known() {
        let values: std::collections::BTreeMap<String, f64> = values().into_iter().collect();
        assert!(values["process_resident_memory_bytes"] > 1e6, "{values:?}");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let started = values["process_start_time_seconds"];
        assert!(started <= now + 1.0 && started > now - 86_400.0, "{started} {now}");
    }
}
