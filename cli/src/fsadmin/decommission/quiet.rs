//! When a worker counts as idle or as lost: decided by its answers, one after the other. Pure.

use serde_json::Value;

/// So many quiet answers in a row mean that nobody uses the worker.
pub const QUIET: u32 = 20;
/// So many questions in a row without an answer mean that it is not there.
pub const UNANSWERED: u32 = 5;

/// What a worker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operations {
    pub active: i64,
    pub queued: i64,
}

impl Operations {
    /// Reads the answer of `/api/v1/worker/operations`.
    pub fn of(answer: &Value) -> Option<Self> {
        let number = |name: &str| answer.get(name)?.as_i64();
        Some(Self { active: number("operationCount")?, queued: number("rpcQueueLength")? })
    }

    pub fn are_none(self) -> bool {
        self.active == 0 && self.queued == 0
    }
}

/// What is known of a worker.
#[derive(Debug, Default)]
pub struct Quiet {
    quiet: u32,
    unanswered: u32,
    /// Its last answer.
    pub seen: Option<Operations>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Open,
    Idle,
    Lost,
}

impl Quiet {
    /// Counts an answer, or that there was none.
    pub fn count(&mut self, answer: Option<Operations>) -> Verdict {
        match answer {
            Some(operations) => {
                self.seen = Some(operations);
                self.unanswered = 0;
                self.quiet = if operations.are_none() { self.quiet + 1 } else { 0 };
            }
            None => {
                self.quiet = 0;
                self.unanswered += 1;
            }
        }
        if self.quiet >= QUIET {
            Verdict::Idle
        } else if self.unanswered >= UNANSWERED {
            Verdict::Lost
        } else {
            Verdict::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NONE: Option<Operations> = Some(Operations { active: 0, queued: 0 });
    const SOME: Option<Operations> = Some(Operations { active: 1, queued: 0 });

    /// The verdicts' last, and how many answers it took.
    fn last(answers: &[(Option<Operations>, usize)]) -> (Verdict, usize) {
        let mut quiet = Quiet::default();
        let all = answers.iter().flat_map(|(answer, times)| std::iter::repeat_n(answer, *times));
        let mut verdict = (Verdict::Open, 0);
        for (at, answer) in all.enumerate() {
            verdict = (quiet.count(*answer), at + 1);
            if verdict.0 != Verdict::Open {
                break;
            }
        }
        verdict
    }

    #[test]
    fn only_what_lasts_counts() {
        assert_eq!(last(&[(NONE, 30)]), (Verdict::Idle, 20));
        assert_eq!(last(&[(NONE, 19), (SOME, 1), (NONE, 30)]), (Verdict::Idle, 40));
        assert_eq!(last(&[(NONE, 19), (None, 1), (NONE, 30)]), (Verdict::Idle, 40));
        assert_eq!(last(&[(None, 9)]), (Verdict::Lost, 5));
        assert_eq!(last(&[(None, 4), (SOME, 1), (None, 9)]), (Verdict::Lost, 10));
        assert_eq!(last(&[(SOME, 100)]), (Verdict::Open, 100));
        let queued = Some(Operations { active: 0, queued: 2 });
        assert_eq!(last(&[(queued, 100)]), (Verdict::Open, 100));
    }

    #[test]
    fn answers_of_another_kind_are_none() {
        let answer = json!({ "operationCount": 3, "rpcQueueLength": 1 });
        assert_eq!(Operations::of(&answer), Some(Operations { active: 3, queued: 1 }));
        assert_eq!(Operations::of(&json!({ "operationCount": 3 })), None);
        assert_eq!(Operations::of(&json!("ok")), None);
    }
}
