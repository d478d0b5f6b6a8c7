//! Checkpoints: the whole state at one place of the log, so that the records before it may go.

mod on_log;
mod reader;
mod retire;
mod writer;

#[cfg(test)]
mod checkpoint_tests;
#[cfg(test)]
mod standby_tests;

pub use self::reader::{CheckpointInfo, CheckpointReader};
pub(crate) use self::retire::retire;
pub use self::writer::CheckpointWriter;
