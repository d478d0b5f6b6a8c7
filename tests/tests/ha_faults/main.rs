//! Three masters, clients at work, and faults: nothing acknowledged is lost, and nothing is shown that is no more.

mod alone;
mod sequences;
mod under_storage;
