//! What is told of a cluster: conditions, numbers, events. Pure: it is made from what was seen and done.

mod conditions;
mod events;

pub use conditions::{Verdict, conditions, phase};
pub use events::{Occurrence, Severity, transitions};
