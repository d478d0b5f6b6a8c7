//! The journal on a real HDFS.

#[allow(clippy::unwrap_used, clippy::panic, reason = "the behaviour suite is a test")]
#[path = "../../../crates/journal/tests/behaviour/mod.rs"]
mod behaviour;
#[path = "../on_hdfs/mod.rs"]
mod on_hdfs;

mod journal;
mod master;
