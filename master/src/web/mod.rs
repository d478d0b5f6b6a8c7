//! The master's web port: health for those who run it ([`health`]), metrics for those who watch it, and the
//! JSON that scripts made for Alluxio 2.9 read ([`master_info`], [`log_level`]). It is up as soon as the
//! process is, also while the journal is replayed.

mod connections;
mod health;
mod log_level;
mod master_info;
mod metrics;
mod reply;
mod tree_hash;

use std::sync::{Arc, OnceLock};

use alluxio_telemetry::metrics::Metrics;
use axum::Router;
use axum::routing::{get, post};

pub use connections::serve;
pub use health::{RoleSource, RoleStatus};
pub use log_level::LogLevels;
pub use master_info::{InfoSources, MountSource};
pub use tree_hash::TreeHashes;

/// What the pages look at.
pub struct MasterWeb {
    role: Arc<dyn RoleSource>,
    metrics: Metrics,
    log_levels: Arc<dyn LogLevels>,
    info: OnceLock<InfoSources>,
}

impl MasterWeb {
    pub fn new(role: Arc<dyn RoleSource>, metrics: Metrics, log_levels: Arc<dyn LogLevels>) -> Arc<Self> {
        Arc::new(Self { role, metrics, log_levels, info: OnceLock::new() })
    }

    /// Adds what is there only once the master is set up. The first call counts.
    pub fn set_info(&self, sources: InfoSources) {
        self.info.get_or_init(|| sources);
    }

    /// Every path with and without a slash at its end, as Prometheus jobs are written both ways.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/livez", get(health::livez))
            .route("/readyz", get(health::readyz))
            .route("/role", get(health::role))
            .route("/metrics/prometheus", get(metrics::prometheus))
            .route("/metrics/prometheus/", get(metrics::prometheus))
            .route("/metrics/json", get(metrics::json))
            .route("/metrics/json/", get(metrics::json))
            .route("/debug/tree_hash", get(tree_hash::tree_hash))
            .route("/api/v1/master/info", get(master_info::info))
            .route("/api/v1/master/info/", get(master_info::info))
            .route("/api/v1/master/logLevel", post(log_level::set))
            .route("/api/v1/master/logLevel/", post(log_level::set))
            .with_state(Arc::clone(self))
    }
}

#[cfg(test)]
mod tests;
