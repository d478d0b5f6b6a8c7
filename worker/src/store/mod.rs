//! The block store: where cached blocks live on this worker's tiers.
//!
//! Decisions and disk work are kept apart. [`catalog`] knows every block, temporary block and byte of
//! quota and decides without touching a disk; [`disk`] does the file work and decides nothing;
//! [`BlockStore`] joins them. The catalog's lock is held for short steps only, never over I/O.
//!
//! What always holds:
//! - the bytes in use of a folder, with those promised to writers, never pass its quota;
//! - a block is readable only while its whole file is under its final name; a block with readers is not
//!   deleted, and a block that is going away gets no new readers;
//! - a block leaves for want of space only after the leader said it may ([`EvictionGate`]).

mod access;
mod activity;
mod allocate;
mod block_store;
pub mod catalog;
mod changes;
mod disk;
mod error;
mod evict;
mod gate;
mod keeper;
mod layout;
mod lease;
mod manage;
mod ownership;
mod quarantine;
mod relocate;
mod scan;
mod temp_block;
mod unsynced;
mod usage;

#[cfg(test)]
mod catalog_tests;
#[cfg(test)]
mod manage_tests;
#[cfg(test)]
mod ranking_tests;
#[cfg(test)]
pub(crate) mod store_tests;

pub use access::OrderKind;
pub use allocate::AllocatorKind;
pub use block_store::{BlockStore, StoreCounters, StoreOptions, WeakStore};
pub use catalog::{Cursor, DirId, Place};
pub use changes::{BlockList, Delta, Listener};
pub use error::StoreError;
pub use gate::{EvictionGate, GateError, Moment, Verdict};
pub use layout::{DirSpec, Layout, TierSpec};
pub use lease::BlockLease;
pub use manage::{BackOff, ManageOptions};
pub use temp_block::TempBlock;
pub use usage::{DirUsage, Usage};
