//! A reconcile: read everything the cluster refers to → validate → build all objects with no client → apply → roll → status.
//!
//! What is read is read from the API server each time, by label: a decision about pods that was made from an old copy could take
//! two masters away. Only nodes and the other clusters, where age does no harm, come from watched copies.

mod context;
mod deletion;
mod gate;
mod intent;
mod journal;
mod journal_steps;
mod keeping;
mod leave;
mod masters;
mod mounts;
mod next_look;
mod nodes;
mod observed;
mod reconcile;
mod removal;
mod replacing;
mod report;
mod run;
mod selectors;
mod standing;
mod workers;

pub use context::Context;
pub use leave::leave;
pub use run::{Parts, run};
