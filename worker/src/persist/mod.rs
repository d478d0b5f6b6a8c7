//! Persisting files for the leader: it hands out jobs in the answer to the file system heartbeat, this
//! worker writes each file under the temporary name it was given, and reports until the leader heard it.

mod close;
mod job;
mod jobs;
mod run;

pub use run::{PersistJobs, persist_for_leader};
