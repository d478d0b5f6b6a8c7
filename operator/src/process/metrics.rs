//! What the operator counts of itself.

use std::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// Clones count into the same.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    seconds: Histogram,
    reconciles: IntCounterVec,
    writes: IntCounterVec,
    replaced: IntCounterVec,
    clusters: IntGaugeVec,
    leader: IntGauge,
    watch_failures: IntCounter,
}

impl Metrics {
    /// # Errors
    /// Two metrics of one name: a fault of the program.
    pub fn new() -> Result<Self, prometheus::Error> {
        let name = |what: &str| format!("alluxio_operator_{what}");
        let buckets = vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
        let seconds = HistogramOpts::new(name("reconcile_seconds"), "How long reconciling a cluster took.")
            .buckets(buckets);
        let vec = |what, help, labels: &[&str]| IntCounterVec::new(Opts::new(name(what), help), labels);
        let metrics = Self {
            registry: Registry::new(),
            seconds: Histogram::with_opts(seconds)?,
            reconciles: vec("reconciles_total", "Reconciles by how they ended.", &["result"])?,
            writes: vec("writes_total", "Objects written, by kind and why.", &["kind", "why"])?,
            replaced: vec("pods_replaced_total", "Pods replaced, by what is in them.", &["component"])?,
            clusters: IntGaugeVec::new(Opts::new(name("clusters"), "Clusters by phase."), &["phase"])?,
            leader: IntGauge::new(name("leader"), "1 while this operator holds the lease.")?,
            watch_failures: IntCounter::new(
                name("watch_failures_total"),
                "Watches that broke off with an error.",
            )?,
        };
        metrics.registry.register(Box::new(metrics.seconds.clone()))?;
        metrics.registry.register(Box::new(metrics.reconciles.clone()))?;
        metrics.registry.register(Box::new(metrics.writes.clone()))?;
        metrics.registry.register(Box::new(metrics.replaced.clone()))?;
        metrics.registry.register(Box::new(metrics.clusters.clone()))?;
        metrics.registry.register(Box::new(metrics.leader.clone()))?;
        metrics.registry.register(Box::new(metrics.watch_failures.clone()))?;
        Ok(metrics)
    }

    pub fn reconciled(&self, took: Duration, result: &str) {
        self.seconds.observe(took.as_secs_f64());
        self.reconciles.with_label_values(&[result]).inc();
    }

    pub fn wrote(&self, kind: &str, why: &str) {
        self.writes.with_label_values(&[kind, why]).inc();
    }

    pub fn replaced(&self, component: &str) {
        self.replaced.with_label_values(&[component]).inc();
    }

    pub fn watch_failed(&self) {
        self.watch_failures.inc();
    }

    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// All phases at once: those without clusters go.
    pub fn phases(&self, phases: impl IntoIterator<Item = String>) {
        self.clusters.reset();
        for phase in phases {
            self.clusters.with_label_values(&[phase.as_str()]).inc();
        }
    }

    /// In the text format.
    ///
    /// # Errors
    /// A metric cannot be written: a fault of the program.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told() {
        let metrics = Metrics::new().unwrap();
        metrics.reconciled(Duration::from_millis(7), "ok");
        metrics.wrote("Service", "drift");
        metrics.leads(true);
        metrics.phases(["Available", "Available", "Degraded"].map(str::to_owned));
        let text = metrics.text().unwrap();
        for line in [
            "alluxio_operator_reconciles_total{result=\"ok\"} 1",
            "alluxio_operator_reconcile_seconds_count 1",
            "alluxio_operator_writes_total{kind=\"Service\",why=\"drift\"} 1",
            "alluxio_operator_clusters{phase=\"Available\"} 2",
            "alluxio_operator_leader 1",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        metrics.phases([]);
        assert!(!metrics.text().unwrap().contains("phase="));
    }
}
