//! The Alluxio master: the namespace, the blocks and the workers that hold them, the journal that
//! makes changes durable, and the services that clients, workers and operators call.
//!
//! [`tree`] is the state, [`namespace`] the rules for changing and reading it, [`fs`] the operations,
//! [`block`] the workers and what they hold, [`feed`] the journal sent to standbys, [`meta`] the cluster's
//! configuration and peers, [`web`] the web port, [`checkpoint`] the tree on disk, [`backup`] the same for other
//! clusters, [`mandate`] whether it may act, [`Master`] all of it running.

mod aside;
mod backup;
pub mod block;
mod checkpoint;
pub mod feed;
pub mod fs;
mod mandate;
pub mod meta;
pub mod namespace;
mod start;
pub mod tree;
pub mod web;

pub use self::start::{JournalPlaceError, Master, StartError, journal_store, journal_store_at};

/// Measurements of memory need the allocator of the program.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
