//! From verdicts to conditions, and from these to one word.

use k8s_openapi::jiff::Timestamp;

use crate::crd::{Condition, ConditionType, Phase, Reason, conditions::ConditionStatus};

/// What is known of one condition; which one the reason says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub status: ConditionStatus,
    pub reason: Reason,
    pub message: String,
}

impl Verdict {
    pub fn is(reason: Reason, message: impl Into<String>) -> Self {
        Self { status: ConditionStatus::True, reason, message: message.into() }
    }

    pub fn is_not(reason: Reason, message: impl Into<String>) -> Self {
        Self { status: ConditionStatus::False, reason, message: message.into() }
    }

    pub fn unknown(reason: Reason, message: impl Into<String>) -> Self {
        Self { status: ConditionStatus::Unknown, reason, message: message.into() }
    }
}

/// The conditions as they are now: in the order of the verdicts, with the time of the last change of each. What the verdicts do not
/// speak of stays as it was.
pub fn conditions(
    before: &[Condition],
    verdicts: Vec<Verdict>,
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let mut all: Vec<Condition> = verdicts
        .into_iter()
        .map(|verdict| {
            let type_ = verdict.reason.condition();
            let same = before.iter().find(|old| old.type_ == type_ && old.status == verdict.status);
            let changed = same.map_or_else(|| whole_seconds(now), |old| old.last_transition_time.clone());
            Condition {
                type_,
                status: verdict.status,
                reason: verdict.reason,
                message: verdict.message,
                observed_generation: generation,
                last_transition_time: changed,
            }
        })
        .collect();
    let kept = before.iter().filter(|old| !all.iter().any(|new| new.type_ == old.type_)).cloned();
    all.extend(kept.collect::<Vec<_>>());
    all.sort_by_key(|condition| condition.type_);
    all
}

fn whole_seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// All of it in one word; what is worse comes first.
pub fn phase(conditions: &[Condition]) -> Phase {
    let of = |type_| conditions.iter().find(|condition| condition.type_ == type_);
    let holds = |type_| of(type_).is_some_and(|condition| condition.status == ConditionStatus::True);
    let available = of(ConditionType::Available);
    let progress = of(ConditionType::Progressing).filter(|now| now.status == ConditionStatus::True);
    // Then nobody expects a master that serves.
    let planned = progress
        .is_some_and(|now| matches!(now.reason, Reason::Creating | Reason::Formatting | Reason::Recreating));
    // Also while it is paused: nobody would be called otherwise.
    if !planned && available.is_some_and(|available| available.reason == Reason::NoLeader) {
        Phase::Unavailable
    } else if holds(ConditionType::Paused) {
        Phase::Paused
    } else if holds(ConditionType::Degraded) {
        Phase::Degraded
    } else if available.is_none_or(|available| available.reason == Reason::NotStarted) {
        Phase::Creating
    } else if let Some(now) = progress {
        if now.reason == Reason::Creating { Phase::Creating } else { Phase::Updating }
    } else if holds(ConditionType::Available) {
        Phase::Available
    } else {
        Phase::Unavailable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn leads() -> Verdict {
        Verdict::is(Reason::LeaderServing, "a-master-0")
    }

    #[test]
    fn the_time_changes_with_the_status_only() {
        let first = conditions(&[], vec![leads()], Some(1), at(1));
        assert_eq!(first[0].last_transition_time, "1970-01-01T00:00:01Z");
        let other =
            conditions(&first, vec![Verdict::is(Reason::LeaderServing, "a-master-1")], Some(2), at(9));
        assert_eq!(
            (other[0].last_transition_time.as_str(), other[0].observed_generation),
            ("1970-01-01T00:00:01Z", Some(2))
        );
        assert_eq!(other[0].message, "a-master-1");
        let none = conditions(&other, vec![Verdict::is_not(Reason::NoLeader, "")], Some(2), at(9));
        assert_eq!(none[0].last_transition_time, "1970-01-01T00:00:09Z");
    }

    #[test]
    fn what_is_not_spoken_of_stays_and_the_order_is_fixed() {
        let one = conditions(&[], vec![Verdict::is_not(Reason::AsExpected, ""), leads()], None, at(1));
        let two = conditions(&one, vec![Verdict::is(Reason::MastersNotReady, "")], None, at(2));
        let types: Vec<_> = two.iter().map(|condition| condition.type_).collect();
        assert_eq!(types, [ConditionType::Available, ConditionType::Degraded]);
        assert_eq!(two[0], one[0]);
    }

    #[test]
    fn one_word() {
        let word = |verdicts: Vec<Verdict>| phase(&conditions(&[], verdicts, None, at(1)));
        let settled = || Verdict::is_not(Reason::Settled, "");
        assert_eq!(word(vec![]), Phase::Creating);
        assert_eq!(word(vec![Verdict::is_not(Reason::NotStarted, "")]), Phase::Creating);
        assert_eq!(word(vec![leads(), settled()]), Phase::Available);
        assert_eq!(word(vec![Verdict::is_not(Reason::NoLeader, ""), settled()]), Phase::Unavailable);
        assert_eq!(word(vec![leads(), Verdict::is(Reason::Rolling, "")]), Phase::Updating);
        assert_eq!(word(vec![leads(), Verdict::is(Reason::Creating, "")]), Phase::Creating);
        let degraded = || Verdict::is(Reason::InvalidSpec, "");
        assert_eq!(word(vec![leads(), degraded()]), Phase::Degraded);
        let no_leader = || Verdict::is_not(Reason::NoLeader, "");
        assert_eq!(word(vec![no_leader(), degraded()]), Phase::Unavailable, "the worse of the two");
        assert_eq!(word(vec![no_leader(), Verdict::is(Reason::Rolling, "")]), Phase::Unavailable);
        assert_eq!(word(vec![no_leader(), Verdict::is(Reason::Recreating, "")]), Phase::Updating);
        assert_eq!(word(vec![no_leader(), Verdict::is(Reason::Creating, "")]), Phase::Creating);
        let paused = || Verdict::is(Reason::PausedByUser, "");
        assert_eq!(word(vec![leads(), degraded(), paused()]), Phase::Paused);
        assert_eq!(word(vec![no_leader(), paused()]), Phase::Unavailable);
        assert_eq!(word(vec![Verdict::is_not(Reason::NotStarted, ""), paused()]), Phase::Paused);
    }
}
