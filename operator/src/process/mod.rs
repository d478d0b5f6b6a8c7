//! The operator as a process: settings, its web port, its metrics.

mod metrics;
mod settings;
mod web;

pub use metrics::Metrics;
pub use settings::{Namespaces, Settings, SettingsError};
pub use web::{Readiness, serve};
