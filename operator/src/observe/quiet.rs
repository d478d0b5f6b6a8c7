//! How often in a row a worker was found idle. One look is not enough: between two reads of a client a worker is idle, too.
//! Kept in memory only: after a restart of the operator a leaving worker stays a little longer.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use super::health::OperationsAnswer;

/// So many quiet answers in a row mean that nobody uses the worker. They are a second or more apart.
const QUIET: u32 = 10;

/// Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Quiet(Arc<Mutex<HashMap<String, u32>>>);

impl Quiet {
    /// Counts a look at the worker of a pod; `None` when it did not answer, which is not quiet.
    pub fn count(&self, pod_uid: &str, answer: Option<OperationsAnswer>) -> bool {
        let mut looks = self.0.lock();
        let in_a_row = looks.entry(pod_uid.to_owned()).or_default();
        *in_a_row = if answer.is_some_and(OperationsAnswer::idle) { *in_a_row + 1 } else { 0 };
        *in_a_row >= QUIET
    }

    /// The pod does not leave any more, or has left.
    pub fn forget(&self, pod_uid: &str) {
        self.0.lock().remove(pod_uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Option<OperationsAnswer> = Some(OperationsAnswer { operation_count: 0, rpc_queue_length: 0 });
    const BUSY: Option<OperationsAnswer> = Some(OperationsAnswer { operation_count: 1, rpc_queue_length: 0 });

    #[test]
    fn only_what_lasts_counts() {
        for breaks in [BUSY, None] {
            let quiet = Quiet::default();
            let looks = |answer, times| (0..times).fold(false, |_, _| quiet.count("u", answer));
            assert!(!looks(IDLE, 9));
            assert!(!looks(breaks, 1));
            assert!(!looks(IDLE, 9));
            assert!(looks(IDLE, 1));
            quiet.forget("u");
            assert!(!quiet.count("u", IDLE) && !quiet.count("v", IDLE));
        }
    }
}
