//! The names of the original's metrics (alluxio.metrics.MetricKey of 2.9.4), each with its kind.
//!
//! `Master.CreateFileOps` is [`MASTER_CREATE_FILE_OPS`]. Not here: metrics of parts that this project does not
//! have (thread pools, the embedded journal's histograms, FUSE, the proxy); the test below lists them.

mod client;
mod cluster;
mod master;
mod worker;

use std::marker::PhantomData;

pub use client::*;
pub use cluster::*;
pub use master::*;
pub use worker::*;

use super::{Counter, Gauge, Meter, Timer};

/// A metric of the original; `T` is its kind.
#[derive(Debug)]
pub struct Key<T> {
    name: &'static str,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> Key<T> {
    const fn new(name: &'static str) -> Self {
        Self { name, kind: PhantomData }
    }

    /// The name, as `Master.CreateFileOps`.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

/// What the original's list calls a kind.
trait KindName {
    const KIND: &'static str;
}

impl KindName for Counter {
    const KIND: &'static str = "COUNTER";
}

impl KindName for Gauge {
    const KIND: &'static str = "GAUGE";
}

impl KindName for Meter {
    const KIND: &'static str = "METER";
}

impl KindName for Timer {
    const KIND: &'static str = "TIMER";
}

const fn kind_of<T: KindName>(_: Key<T>) -> &'static str {
    T::KIND
}

macro_rules! keys {
    ($($constant:ident: $kind:ident = $name:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`")]
            pub const $constant: super::Key<super::$kind> = super::Key::new($name);
        )*
        /// All of this file: name and kind.
        pub(super) const ALL: &[(&str, &str)] = &[$(($name, super::kind_of($constant)),)*];
    };
}
use keys;

/// Whether the original has a metric of that name.
pub(super) fn is_listed(name: &str) -> bool {
    [client::ALL, cluster::ALL, master::ALL, worker::ALL]
        .iter()
        .any(|keys| keys.iter().any(|(listed, _)| *listed == name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The original's list: name and kind.
    const LIST: &str = include_str!("../metrics.tsv");

    fn is_left_out(name: &str, kind: &str) -> bool {
        // Thread pools and the histograms of the embedded journal and of the client's page cache.
        matches!(kind, "EXECUTOR_SERVICE" | "HISTOGRAM")
            // A prefix, not a name: counted per mount.
            || name == "Master.MetadataSyncUfsMount."
            || ["Fuse.", "Proxy.", "Process."].iter().any(|part| name.starts_with(part))
    }

    #[test]
    fn the_keys_are_the_originals() {
        let listed: BTreeMap<&str, &str> = LIST.lines().map(|line| line.split_once('\t').unwrap()).collect();
        let mut ours = BTreeMap::new();
        for keys in [client::ALL, cluster::ALL, master::ALL, worker::ALL] {
            for (name, kind) in keys {
                assert_eq!(listed.get(name), Some(kind), "{name}");
                assert_eq!(ours.insert(*name, *kind), None, "{name} is there twice");
            }
        }
        for (name, kind) in &listed {
            assert_eq!(ours.contains_key(name), !is_left_out(name, kind), "{name}");
        }
        assert_eq!(listed.len(), 405);
    }

    #[test]
    fn constants_are_named_after_the_metrics() {
        assert_eq!(MASTER_CREATE_FILE_OPS.name(), "Master.CreateFileOps");
        assert_eq!(WORKER_BYTES_READ_UFS_THROUGHPUT.name(), "Worker.BytesReadUfsThroughput");
        assert!(is_listed("Cluster.Workers") && !is_listed("Cluster.Worker"));
    }
}
