//! The worker: keeps blocks of files on its tiers, serves and takes them as streams, reads and writes
//! the under storage, and tells the masters what it holds.
//!
//! [`Worker::start`] puts the rooms together: [`store`] (tiers and blocks), `streams` (the gRPC service),
//! `masters` (registration, heartbeats, commits), `persist` (files written for the leader), `under` (the
//! under storages) and `web` (health and metrics).

mod address;
mod core;
mod drain;
mod error;
mod failure;
mod masters;
mod metrics;
mod only_here;
mod peers;
mod persist;
#[cfg(test)]
mod rig;
mod settings;
mod shutdown;
pub mod store;
mod streams;
mod under;
mod web;
mod worker;

pub use error::WorkerError;
pub use worker::Worker;
