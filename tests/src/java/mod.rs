//! The original's Java clients: where they come from, how they are started, how a shell is kept open.

mod artifacts;
mod client;
mod session;

pub use artifacts::Artifacts;
pub use client::{JavaClient, Locality};
pub use session::{Kind, Outcome, ShellSession, line_of};
