//! What clients asked and what they were told, and whether one file system could have told all of it.
//!
//! Several clients ([`Workload`]) make, rename, delete and read the same few paths, and write down each call with
//! its begin, its end and what is known of its outcome. [`check`] then looks for an order of the calls in which
//! each has its effect at one moment between its begin and its end, and every answer is the one that a simple
//! model of a directory gives (linearizability). An acknowledged change that is lost, or a read of what is no more,
//! leaves no such order. Beside them one client has files that are only in the cache of a worker ([`cached`]).

mod cached;
mod call;
mod check;
mod client;
mod model;
mod workload;

pub use call::{Call, Change, Found, Kind, Outcome, Refusal, Reply, Request, Slot};
pub use check::check;
pub use workload::{Clients, Summary, Workload};
