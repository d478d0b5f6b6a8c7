//! All metrics of a process, by name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use super::gauge::GaugeFn;
use super::key::{self, Key};
use super::{Counter, Gauge, GaugeValue, Meter, Timer};

/// Metrics with tags that may be registered: one for each user or under storage, so clients decide how many.
const MOST_TAGGED: usize = 10_000;

/// The metrics of one process or role. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Appended to the names of workers' and clients' metrics.
    source: Option<String>,
    entries: RwLock<BTreeMap<String, Entry>>,
    told_full: AtomicBool,
}

/// A registered metric.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Counter(Counter),
    Gauge(Gauge),
    GaugeFn(GaugeFn),
    Meter(Meter),
    Timer(Timer),
}

/// A kind of metric that can be found again by name.
pub(super) trait Registered: Clone + Default {
    fn entry(&self) -> Entry;
    fn of(entry: &Entry) -> Option<Self>;
}

macro_rules! registered {
    ($($kind:ident),*) => {$(
        impl Registered for $kind {
            fn entry(&self) -> Entry {
                Entry::$kind(self.clone())
            }

            fn of(entry: &Entry) -> Option<Self> {
                match entry {
                    Entry::$kind(metric) => Some(metric.clone()),
                    _ => None,
                }
            }
        }
    )*};
}
registered!(Counter, Gauge, Meter, Timer);

impl Metrics {
    /// For a master: names as they are.
    pub fn master() -> Self {
        Self::default()
    }

    /// For a worker or client: the original appends the source to the names of `Worker.` and `Client.` metrics, a
    /// worker's `alluxio.worker.hostname` as it is set, else the host name with `.` replaced by `_`.
    pub fn with_source(source: &str) -> Self {
        Self(Arc::new(Inner { source: Some(source.to_owned()), ..Inner::default() }))
    }

    /// The counter of that name, made when it is asked for first.
    pub fn counter(&self, key: Key<Counter>) -> Counter {
        self.registered(key.name(), false)
    }

    /// A counter with tags: `Worker.BytesReadPerUfs.UFS:%2Fdata.User:ann`. Under storage addresses are escaped
    /// with [`escape_tag`] first, as in the original. Beyond 10,000 metrics with tags further ones are counted but
    /// not shown.
    pub fn tagged_counter(&self, key: Key<Counter>, tags: &[(&str, &str)]) -> Counter {
        self.registered(&tagged(key.name(), tags), true)
    }

    /// A meter with tags; see [`Self::tagged_counter`].
    pub fn tagged_meter(&self, key: Key<Meter>, tags: &[(&str, &str)]) -> Meter {
        self.registered(&tagged(key.name(), tags), true)
    }

    /// The gauge of that name, to set.
    pub fn gauge(&self, key: Key<Gauge>) -> Gauge {
        self.registered(key.name(), false)
    }

    /// A gauge that is asked when somebody looks; replaces the earlier one of that name. It must not block, and
    /// should hold a `Weak` of what it looks at.
    pub fn gauge_fn<V: Into<GaugeValue>>(
        &self,
        key: Key<Gauge>,
        value: impl Fn() -> V + Send + Sync + 'static,
    ) {
        self.insert_gauge_fn(key.name(), value);
    }

    /// The meter of that name.
    pub fn meter(&self, key: Key<Meter>) -> Meter {
        self.registered(key.name(), false)
    }

    /// The timer of that name.
    pub fn timer(&self, key: Key<Timer>) -> Timer {
        self.registered(key.name(), false)
    }

    /// A counter that the original does not have.
    pub fn own_counter(&self, name: &str) -> Counter {
        self.registered(own(name), false)
    }

    /// A gauge that the original does not have.
    pub fn own_gauge(&self, name: &str) -> Gauge {
        self.registered(own(name), false)
    }

    /// A gauge that the original does not have, asked when somebody looks.
    pub fn own_gauge_fn<V: Into<GaugeValue>>(
        &self,
        name: &str,
        value: impl Fn() -> V + Send + Sync + 'static,
    ) {
        self.insert_gauge_fn(own(name), value);
    }

    /// A meter that the original does not have.
    pub fn own_meter(&self, name: &str) -> Meter {
        self.registered(own(name), false)
    }

    /// A timer that the original does not have.
    pub fn own_timer(&self, name: &str) -> Timer {
        self.registered(own(name), false)
    }

    /// A counter that the original does not list, with tags.
    pub fn own_tagged_counter(&self, name: &str, tags: &[(&str, &str)]) -> Counter {
        self.registered(&tagged(own(name), tags), true)
    }

    /// A timer that the original does not list, with tags.
    pub fn own_tagged_timer(&self, name: &str, tags: &[(&str, &str)]) -> Timer {
        self.registered(&tagged(own(name), tags), true)
    }

    /// Names with tags and source, and the metrics. A copy: gauges may be asked without holding the lock.
    pub(super) fn entries(&self) -> Vec<(String, Entry)> {
        self.0.entries.read().iter().map(|(name, entry)| (name.clone(), entry.clone())).collect()
    }

    fn registered<T: Registered>(&self, name: &str, tagged: bool) -> T {
        let name = self.full(name);
        if let Some(entry) = self.0.entries.read().get(&name) {
            return T::of(entry).unwrap_or_else(|| detached(&name));
        }
        let mut entries = self.0.entries.write();
        if tagged && entries.len() >= MOST_TAGGED {
            drop(entries);
            if !self.0.told_full.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    most = MOST_TAGGED,
                    name,
                    "too many metrics with tags: further ones are not shown"
                );
            }
            return T::default();
        }
        let entry = entries.entry(name.clone()).or_insert_with(|| T::default().entry());
        T::of(entry).unwrap_or_else(|| detached(&name))
    }

    fn insert_gauge_fn<V: Into<GaugeValue>>(
        &self,
        name: &str,
        value: impl Fn() -> V + Send + Sync + 'static,
    ) {
        let gauge = Entry::GaugeFn(GaugeFn(Arc::new(move || value().into())));
        self.0.entries.write().insert(self.full(name), gauge);
    }

    fn full(&self, name: &str) -> String {
        match &self.0.source {
            Some(source) if name.starts_with("Worker.") || name.starts_with("Client.") => {
                format!("{name}.{source}")
            }
            _ => name.to_owned(),
        }
    }
}

/// A name of our own: one that the original has must be used through its key, which knows the kind.
fn own(name: &str) -> &str {
    debug_assert!(!key::is_listed(name), "{name} is one of the original's: use its key");
    name
}

/// Two parts of the program disagree about what a name is: a bug, but none that is worth a stop. The second one
/// counts without being shown.
fn detached<T: Default>(name: &str) -> T {
    tracing::error!(name, "metric is registered as another kind; this one is not shown");
    T::default()
}

fn tagged(name: &str, tags: &[(&str, &str)]) -> String {
    let mut full = name.to_owned();
    for (tag, value) in tags {
        full.extend([".", tag, ":", value]);
    }
    full
}

/// Makes an under storage's address fit for a tag, as the original does (alluxio.metrics.MetricsSystem, measured
/// on 2.9.4): `%`, `/` and `.` become `%25`, `%2F` and `%2E`.
pub fn escape_tag(value: &str) -> String {
    value.replace('%', "%25").replace('/', "%2F").replace('.', "%2E")
}

/// Undoes [`escape_tag`].
pub(super) fn unescape_tag(value: &str) -> String {
    value.replace("%2F", "/").replace("%2E", ".").replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_metric() {
        let metrics = Metrics::master();
        metrics.counter(key::MASTER_FILES_CREATED).inc();
        metrics.clone().counter(key::MASTER_FILES_CREATED).add(2);
        assert_eq!(metrics.counter(key::MASTER_FILES_CREATED).get(), 3);
    }

    #[test]
    fn worker_names_carry_the_source() {
        let metrics = Metrics::with_source("192_0_2_2");
        metrics.counter(key::WORKER_BLOCKS_ACCESSED);
        metrics.gauge(key::CLUSTER_WORKERS);
        let tags = [("UFS", escape_tag("s3://b.c/p%")), ("User", "bo b".to_owned())];
        let tags: Vec<_> = tags.iter().map(|(tag, value)| (*tag, value.as_str())).collect();
        metrics.tagged_counter(key::WORKER_BYTES_READ_PER_UFS, &tags);
        let names: Vec<String> = metrics.entries().into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "Cluster.Workers",
                "Worker.BlocksAccessed.192_0_2_2",
                "Worker.BytesReadPerUfs.UFS:s3:%2F%2Fb%2Ec%2Fp%25.User:bo b.192_0_2_2",
            ]
        );
        assert_eq!(unescape_tag(&escape_tag("s3://b.c/p%2F")), "s3://b.c/p%2F");
    }

    #[test]
    fn tags_are_bounded() {
        let metrics = Metrics::master();
        for user in 0..MOST_TAGGED + 10 {
            metrics.own_tagged_timer("Master.createFile", &[("User", &user.to_string())]);
        }
        assert_eq!(metrics.entries().len(), MOST_TAGGED);
        // Names without tags are few and always fit.
        metrics.counter(key::MASTER_CREATE_FILE_OPS).inc();
        assert_eq!(metrics.counter(key::MASTER_CREATE_FILE_OPS).get(), 1);
    }

    #[test]
    fn another_kind_of_the_same_name_is_not_mixed_up() {
        let metrics = Metrics::master();
        let counter = metrics.own_counter("Master.Own");
        metrics.own_timer("Master.Own").record(std::time::Duration::from_secs(1));
        counter.inc();
        assert_eq!(metrics.own_counter("Master.Own").get(), 1);
        assert_eq!(metrics.entries().len(), 1);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "use its key")]
    fn an_own_name_is_not_one_of_the_originals() {
        Metrics::master().own_counter("Master.CreateFileOps");
    }
}
