//! Which pod to replace next. Pure: what is seen of the pods goes in, the next step comes out. How far a roll is stands in the API
//! server alone, so an operator that is killed at any moment is followed by one that goes on where it stopped. (What is kept in memory
//! is since when something lasts, such as a master that does not answer, and how often in a row a worker was idle; a new operator begins
//! to count anew.)
//!
//! A step is taken only from a state in which all the others are well. What fails therefore stops the roll where
//! it is; and since an outdated pod that does not work is replaced before those that do, taking the edit back heals it.

mod masters;
#[cfg(test)]
mod masters_simulation;
#[cfg(test)]
mod masters_tests;
mod wait;
mod workers;
#[cfg(test)]
mod workers_tests;

use std::{fmt, time::Duration};

use k8s_openapi::jiff::Timestamp;

pub use masters::{Master, MasterRole, Masters, MastersPlan, Step, Why};
pub use wait::Wait;
pub use workers::{Worker, WorkerGroup, WorkersPlan};

/// How pods of another restart hash are replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// One after the other, each ready before the next.
    #[default]
    Rolling,
    /// All end before the first of the new ones starts.
    Recreate,
}

/// Why a roll does not go on by itself: for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Or what else it is about.
    pub pod: String,
    pub seen: String,
    /// Where to look, what to type.
    pub hint: String,
}

impl Failure {
    /// `failing`: what a container waits for that does not end by itself.
    pub fn of(pod: &str, failing: &str) -> Self {
        let hint = match failing.contains("CrashLoopBackOff") {
            true => format!("`kubectl logs {pod} --previous` says more"),
            // It never ran, or was ended by others.
            false => format!("`kubectl describe pod {pod}` says more"),
        };
        Self { pod: pod.to_owned(), seen: failing.to_owned(), hint }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pod, self.seen)
    }
}

/// What makes a pod that is not ready a failure.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub now: Timestamp,
    pub progress_deadline: Duration,
}

impl Patience {
    pub fn age(self, since: Timestamp) -> Duration {
        Duration::try_from(self.now.duration_since(since)).unwrap_or_default()
    }

    pub fn is_over(self, since: Timestamp) -> bool {
        self.age(since) >= self.progress_deadline
    }

    /// The same words at each look, or each would write the status.
    pub fn waited(self) -> String {
        format!("more than {} s", self.progress_deadline.as_secs())
    }

    /// `None` while it may still become ready. `unready`: since when it is not; not its age, as it may have been ready for long.
    pub fn failure(self, pod: &str, unready: Timestamp, failing: Option<&str>) -> Option<Failure> {
        match failing {
            Some(failing) => Some(Failure::of(pod, failing)),
            None => self.is_over(unready).then(|| Failure {
                pod: pod.to_owned(),
                seen: format!("not ready for {}", self.waited()),
                hint: format!("`kubectl logs {pod}` says more"),
            }),
        }
    }

    /// `None` while the disruption budget may still let it go.
    pub fn refused(self, pod: &str, why: &str, since: Timestamp) -> Option<Failure> {
        self.is_over(since).then(|| Failure {
            pod: pod.to_owned(),
            seen: format!("is to be replaced, and may not go, for {}: {why}", self.waited()),
            hint: wait::BUDGET.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_fits_what_was_seen() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let patience = Patience { now: at(100), progress_deadline: Duration::from_secs(60) };
        let hint = |failing| patience.failure("p", at(0), failing).map(|failure| failure.hint);
        assert_eq!(
            hint(Some("c: CrashLoopBackOff: no such key")).as_deref(),
            Some("`kubectl logs p --previous` says more")
        );
        assert_eq!(
            hint(Some("c: ImagePullBackOff: not found")).as_deref(),
            Some("`kubectl describe pod p` says more"),
            "it has no logs"
        );
        assert_eq!(
            hint(None).as_deref(),
            Some("`kubectl logs p` says more"),
            "it runs, and was not started again"
        );
        assert!(patience.failure("p", at(50), None).is_none());
    }
}
