//! The master's web port: health for those who run it ([`health`]), metrics for those who watch it, pages for
//! people ([`pages`]), and the JSON that scripts made for Alluxio 2.9 read ([`json`], [`master_info`],
//! [`log_level`]). It is up as soon as the process is, also while the journal is replayed.

mod health;
mod json;
mod log_level;
mod master_info;
mod metrics;
mod pages;
mod preview;
mod sources;
mod tree_hash;

use std::sync::Arc;

use alluxio_fs::FsError;
use alluxio_telemetry::metrics::Metrics;
use alluxio_web::WebSettings;
use axum::Router;
use axum::routing::{get, post};
use parking_lot::RwLock;

pub use health::{NotLeading, RoleSource, RoleStatus};
pub use log_level::LogLevels;
pub use master_info::{InfoSources, MountSource};
pub use sources::PageSources;
pub use tree_hash::TreeHashes;

/// What the pages look at.
pub struct MasterWeb {
    role: Arc<dyn RoleSource>,
    metrics: Metrics,
    log_levels: Arc<dyn LogLevels>,
    settings: WebSettings,
    /// There while this master leads.
    sources: RwLock<Option<Sources>>,
    standby_hashes: RwLock<Option<Arc<dyn TreeHashes>>>,
}

/// What belongs to one leadership.
type Sources = (Arc<InfoSources>, Arc<PageSources>);

impl MasterWeb {
    pub fn new(
        role: Arc<dyn RoleSource>,
        metrics: Metrics,
        log_levels: Arc<dyn LogLevels>,
        settings: WebSettings,
    ) -> Arc<Self> {
        Arc::new(Self {
            role,
            metrics,
            log_levels,
            settings,
            sources: RwLock::default(),
            standby_hashes: RwLock::default(),
        })
    }

    /// From now on the pages show this master as the leader.
    pub fn show(&self, info: InfoSources, pages: PageSources) {
        *self.sources.write() = Some((Arc::new(info), Arc::new(pages)));
    }

    /// It leads no more.
    pub fn clear(&self) {
        let former = self.sources.write().take();
        drop(former);
    }

    /// Whom to ask while this master stands by.
    pub fn set_standby_hashes(&self, hashes: Arc<dyn TreeHashes>) {
        *self.standby_hashes.write() = Some(hashes);
    }

    #[cfg(test)]
    pub(crate) fn standby_hash(&self) -> futures::future::BoxFuture<'static, Result<(u64, u64), FsError>> {
        let hashes = self.standby_hashes.read().clone();
        Box::pin(async move { hashes.ok_or_else(|| FsError::unavailable("none"))?.tree_hash().await })
    }

    fn hashes(&self) -> Result<Arc<dyn TreeHashes>, FsError> {
        match (self.sources(), self.standby_hashes.read().clone()) {
            (Ok((info, _)), _) => Ok(info.hashes.clone()),
            (Err(_), Some(standby)) => Ok(standby),
            (Err(error), None) => Err(error),
        }
    }

    /// What a serving master has; until then it is UNAVAILABLE.
    fn sources(&self) -> Result<Sources, FsError> {
        let sources = self.sources.read().clone().ok_or_else(|| match self.role.not_leading() {
            Some(standby) => FsError::unavailable(standby.text),
            None => FsError::unavailable("The master is starting: try again in a moment."),
        })?;
        // As for calls: another one may lead already, and have other files.
        if self.role.status().serving {
            return Ok(sources);
        }
        let reason = self.role.not_ready().unwrap_or_else(|| "The master does not serve.".to_owned());
        Err(FsError::unavailable(reason))
    }

    /// Every path with and without a slash at its end, as Prometheus jobs are written both ways.
    pub fn router(self: &Arc<Self>) -> Router {
        let router = Router::new()
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
            .merge(json::routes());
        let router = if self.settings.pages { router.merge(pages::routes()) } else { router };
        self.settings.protect(router.with_state(Arc::clone(self)))
    }
}

#[cfg(test)]
mod tests;
