//! Checkpoints: the whole state at one place of the log, so that the records before it may go.

mod reader;
mod retire;
mod writer;

#[cfg(test)]
mod checkpoint_tests;

pub use self::reader::{CheckpointInfo, CheckpointReader};
pub use self::writer::CheckpointWriter;
