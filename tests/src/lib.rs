//! The rig: starts the real binaries and the original's Java clients on this machine, in folders and on
//! ports of their own, and takes everything away again. The tests themselves are in `tests/`.

pub mod browser;
pub mod client;
pub mod cluster;
pub mod document;
pub mod e2e;
pub mod ha;
pub mod hdfs;
pub mod history;
pub mod installation;
pub mod java;
pub mod kube;
pub mod links;
pub mod machines;
pub mod masters;
pub mod mounted;
pub mod payload;
mod plan;
pub mod ports;
pub mod process;
mod rate;
pub mod remote_hosts;
pub mod s3;
pub mod shared_folder;
pub mod waiting;
pub mod web;
pub mod zookeeper;

pub use cluster::Cluster;
pub use installation::Installation;
pub use masters::Masters;
pub use plan::{Plan, root_mount};
pub use remote_hosts::RemoteHosts;
