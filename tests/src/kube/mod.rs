//! A real Kubernetes API server with its etcd on loopback, without controllers and nodes: what it stores, validates, refuses
//! and allows is real, but no StatefulSet makes pods there, and nothing that is owned is collected. And the reader of its
//! audit log, which also reads that of the clusters with nodes (`tests/e2e`).

pub mod audit;
mod bound;
mod definitions;
mod login;
mod scenario;
mod server;

pub use bound::start as start_bound;
pub use definitions::{install, install_folder};
pub use login::client_of;
pub use scenario::Scenario;
pub use server::ApiServer;
