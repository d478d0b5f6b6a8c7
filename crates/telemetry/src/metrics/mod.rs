//! Metrics under the original's names, so that users' dashboards and alerts keep working.
//!
//! ```
//! use alluxio_telemetry::metrics::{Metrics, key};
//!
//! let metrics = Metrics::master();
//! let creates = metrics.counter(key::MASTER_CREATE_FILE_OPS);
//! creates.inc();
//! assert!(metrics.prometheus_text().unwrap().contains("\nMaster_CreateFileOps 1\n"));
//! ```
//!
//! A [`Metrics`] belongs to one process (or to one role, where a process has several) and is passed along. Names
//! of the original are constants in [`key`], with their kind, so a wrong name does not compile; names of our own
//! go through the `own_` functions.

mod counter;
mod gauge;
mod json;
pub mod key;
mod meter;
mod process;
mod prometheus_text;
mod registry;
mod reservoir;
mod sample;
mod timer;

pub use counter::Counter;
pub use gauge::{Gauge, GaugeValue};
pub use meter::{Meter, Rates};
pub use prometheus_text::ExportError;
pub use registry::{Metrics, escape_tag};
pub use reservoir::Distribution;
pub use sample::{MetricKind, Sample, SampleValue};
pub use timer::{Running, Timer};
