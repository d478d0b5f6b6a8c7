//! The block master: which workers there are, and which of them hold which block. None of it is
//! journaled: a new leader learns it from the workers. Lengths and owners of blocks are the tree's
//! ([`tree_view`]).
//!
//! - Workers come by `GetWorkerId`, a lease and a registration ([`registration`]), stay by heartbeats
//!   ([`heartbeat`]) and go by silence ([`watch`]) or by order ([`decommission`]).
//! - Locations lie in a packed table ([`table`]) under *slots*, one per registration ([`slots`]). Losing
//!   or replacing a worker retires its slot: O(1), whatever it held. A sweep reaps in small steps.
//! - What a worker is to drop is marked in the table itself ([`free`]), so nothing queues without bound.
//!
//! Lock order: registry of workers, then slots, then one worker's record *or* one shard of the table.
//! No lock is held across an await or a call into the tree, nor for more than 1,000 blocks.

mod client_service;
mod coordination_service;
mod decommission;
mod free;
mod heartbeat;
mod lease;
mod location;
mod master;
mod metrics;
mod one_host;
mod options;
mod register_stream;
mod registration;
mod report;
mod slots;
mod sweep;
mod table;
mod tree_view;
mod watch;
mod worker;
mod worker_service;
mod workers;

pub use client_service::BlockClientService;
pub use coordination_service::CoordinationService;
pub use heartbeat::Heartbeat;
pub use master::{BlockLocations, BlockMaster, Residence};
pub use options::BlockOptions;
pub use registration::RegistrationAttempt;
pub use report::{Capacity, WorkerReport};
pub use tree_view::{BlockCommits, BlockLengths, Evictable, EvictionPolicy, LOOKUP_CHUNK, Purpose};
pub use worker::{Endpoint, Registration, Standing};
pub use worker_service::BlockWorkerService;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
pub mod no_blocks;
#[cfg(test)]
mod test_cluster;
