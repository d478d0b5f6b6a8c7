//! The meta master: what the cluster is. Its configuration and the handshake by which clients and
//! workers learn it ([`configuration`]), the properties of single paths ([`path_properties`]), who the
//! masters and proxies are ([`peers`]), whether the servers agree ([`config_check`]), and the metrics of
//! the whole cluster ([`cluster_metrics`]). Nothing here is journaled but the path properties, and
//! those live in the tree.

mod backups;
mod client_service;
mod cluster_metrics;
mod config_check;
mod config_service;
mod configuration;
mod info;
mod journal_service;
mod metrics_service;
mod path_properties;
mod peers;
mod peers_service;

pub use backups::{BackupOrder, BackupOutcome, BackupStatus, Backups};
pub use client_service::{Checkpointer, MetaClientService};
pub use cluster_metrics::ClusterMetrics;
pub use config_check::{ConfigCheck, is_compared};
pub use config_service::ConfigurationService;
pub use configuration::ClusterConfiguration;
pub use info::MasterFacts;
pub use journal_service::JournalService;
pub use metrics_service::MetricsService;
pub use path_properties::{PathChange, PathProperties, Properties};
pub use peers::{Introduction, Peer, Peers};
pub use peers_service::{MasterPeersService, ProxyPeersService};
