//! Which pod to replace next. Pure: what is seen of the pods goes in, the next step comes out. Nothing is
//! remembered between two decisions but what stands in the API server, so an operator that is killed at any
//! moment is followed by one that goes on where it stopped.
//!
//! A step is taken only from a state in which all the others are well. What fails therefore stops the roll where
//! it is; and since a pod that is broken *and* outdated is replaced before anything else, taking the edit back heals it.

mod masters;
#[cfg(test)]
mod masters_simulation;
#[cfg(test)]
mod masters_tests;
mod workers;
#[cfg(test)]
mod workers_tests;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

pub use masters::{Master, MasterRole, Masters, MastersPlan, Step, Why};
pub use workers::{Worker, WorkerGroup, WorkersPlan};

/// How pods of another restart hash are replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// One after the other, each ready before the next.
    #[default]
    Rolling,
    /// All at once.
    Recreate,
}

/// Why a roll does not go on by itself: for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub pod: String,
    pub seen: String,
}

/// What makes a pod that is not ready a failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub now: Timestamp,
    pub progress_deadline: Duration,
}

impl Patience {
    pub fn age(self, since: Timestamp) -> Duration {
        Duration::try_from(self.now.duration_since(since)).unwrap_or_default()
    }

    /// `None` while it may still become ready.
    pub fn failure(self, pod: &str, created: Timestamp, failing: Option<&str>) -> Option<Failure> {
        let seen = match failing {
            Some(seen) => seen.to_owned(),
            None if self.age(created) >= self.progress_deadline => {
                format!("not ready {} s after its start", self.age(created).as_secs())
            }
            None => return None,
        };
        Some(Failure { pod: pod.to_owned(), seen })
    }
}
