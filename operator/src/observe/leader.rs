//! Which pod the leader Service leads to: a label, taken from one pod before it is given to another. Pure.

/// The label that the leader Service selects.
pub use crate::build::LEADER as LEADER_LABEL;
use crate::roll::MasterRole;

#[derive(Clone, Debug)]
pub struct Candidate {
    pub pod: String,
    pub uid: String,
    pub labelled: bool,
    pub terminating: bool,
    /// It has another cluster's journal: whatever it says, it is none of ours.
    pub of_another: bool,
    pub role: MasterRole,
    pub term: u64,
}

/// What to do, in this order: all is taken before anything is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelMoves {
    pub take: Vec<Labelled>,
    pub give: Option<Labelled>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    pub pod: String,
    pub uid: String,
}

impl LabelMoves {
    pub fn none(&self) -> bool {
        self.take.is_empty() && self.give.is_none()
    }
}

/// The master that serves. Should two say so, one of them has not noticed yet that it was followed: its term is lower.
pub fn serving(candidates: &[Candidate]) -> Option<&Candidate> {
    let serves = |candidate: &&Candidate| candidate.role == MasterRole::Leader { serving: true };
    candidates.iter().filter(serves).max_by_key(|candidate| candidate.term)
}

/// A pod that does not answer keeps the label until another serves: it may be the leader, and nobody else is.
pub fn moves(candidates: &[Candidate]) -> LabelMoves {
    let serving = serving(candidates);
    let is_it = |candidate: &Candidate| serving.is_some_and(|serving| serving.uid == candidate.uid);
    let loses = |candidate: &&Candidate| {
        let answers = candidate.role != MasterRole::Unknown;
        candidate.labelled && !is_it(candidate) && (serving.is_some() || answers || candidate.of_another)
    };
    let give = serving.filter(|serving| !serving.labelled && !serving.terminating);
    LabelMoves {
        take: candidates.iter().filter(loses).map(Labelled::of).collect(),
        give: give.map(Labelled::of),
    }
}

impl Labelled {
    fn of(candidate: &Candidate) -> Self {
        Self { pod: candidate.pod.clone(), uid: candidate.uid.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LEADS: MasterRole = MasterRole::Leader { serving: true };
    const FOLLOWS: MasterRole = MasterRole::Standby { lag: Duration::ZERO };

    fn pod(name: &str, labelled: bool, role: MasterRole) -> Candidate {
        Candidate {
            pod: name.to_owned(),
            uid: format!("{name}-uid"),
            labelled,
            terminating: false,
            of_another: false,
            role,
            term: 1,
        }
    }

    fn named(moves: &LabelMoves) -> (Vec<&str>, Option<&str>) {
        (
            moves.take.iter().map(|pod| pod.pod.as_str()).collect(),
            moves.give.as_ref().map(|pod| pod.pod.as_str()),
        )
    }

    #[test]
    fn given_to_the_one_that_serves() {
        let moves = moves(&[pod("0", false, FOLLOWS), pod("1", false, LEADS)]);
        assert_eq!(named(&moves), (vec![], Some("1")));
    }

    #[test]
    fn taken_from_the_old_one_whether_it_answers_or_not() {
        for old in [FOLLOWS, MasterRole::Unknown, MasterRole::Leader { serving: false }] {
            let moves = moves(&[pod("0", true, old), pod("1", false, LEADS)]);
            assert_eq!(named(&moves), (vec!["0"], Some("1")));
        }
    }

    #[test]
    fn without_a_leader_only_those_lose_it_that_say_they_do_not_serve() {
        assert_eq!(named(&moves(&[pod("0", true, FOLLOWS), pod("1", false, FOLLOWS)])), (vec!["0"], None));
        assert!(moves(&[pod("0", true, MasterRole::Unknown), pod("1", false, FOLLOWS)]).none());
        let not_yet = MasterRole::Leader { serving: false };
        assert_eq!(named(&moves(&[pod("0", false, not_yet)])), (vec![], None));
    }

    #[test]
    fn of_two_that_say_so_the_later_term() {
        let mut later = pod("1", false, LEADS);
        later.term = 2;
        assert_eq!(named(&moves(&[pod("0", true, LEADS), later])), (vec!["0"], Some("1")));
    }

    #[test]
    fn nothing_to_do_and_not_given_to_one_that_ends() {
        assert!(moves(&[pod("0", true, LEADS), pod("1", false, FOLLOWS)]).none());
        let mut ends = pod("0", false, LEADS);
        ends.terminating = true;
        assert!(moves(&[ends]).none());
    }
}
