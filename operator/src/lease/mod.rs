//! Which of several operators acts: the one that holds a Lease of coordination.k8s.io.
//!
//! The holder writes the Lease every 2 s. Another takes it when it has seen no write for 15 s by its own clock. The
//! holder counts from *before* it sent the last write that succeeded, and is gone 10 s after it: so before anyone can
//! follow it. That clock goes on while the machine or the process sleeps.
//!
//! Being gone has three layers, because a process may be stopped and go on anywhere: requests that change something
//! are let out only while the [`Tenure`] lasts ([`FenceLayer`]); a thread of its own ends the process when it is over
//! ([`Tenure::watch`]), also when the runtime hangs; and the [`Elector`] reports the loss in words. What is left is a
//! request that was let out and stopped before it reached the socket.

mod clock;
mod elector;
mod fence;
mod record;
mod tenure;

pub use elector::{Elector, LeaseError, Timing};
pub use fence::FenceLayer;
pub use tenure::Tenure;
