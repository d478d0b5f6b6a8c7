//! The Rust client of an Alluxio cluster.
//!
//! A [`Cluster`] knows the masters, follows the one that leads and tries again when it may.
//! [`FileSystem`] is what programs use: metadata calls, [`FileReader`], [`FileWriter`]. The other
//! clients are for shells and for workers: [`BlockMasterClient`], [`MetaMasterClient`],
//! [`MetricsClient`], [`WorkerMasterClient`], [`WorkerReportsClient`]. [`WorkerClient`] talks to one worker: block streams
//! and short circuit, also between workers.

mod authority;
mod block_master;
mod cluster;
mod file;
mod file_system;
pub mod load_request;
mod meta_master;
mod metrics;
mod stubs;
mod worker;
mod worker_master;

pub use authority::Authority;
pub use block_master::BlockMasterClient;
pub use cluster::{Cluster, MasterAddress};
pub use file::{FileReader, FileWriter};
pub use file_system::{FileSystem, Listing};
pub use meta_master::{BACKUP_ID, MetaMasterClient};
pub use metrics::MetricsClient;
pub use worker::{BlockReader, BlockWriter, LocalBlockReader, LocalBlockWriter, WorkerClient, worker_host};
pub use worker_master::{WorkerMasterClient, WorkerReportsClient};
