//! What is worth an event: transitions, never states. So a cluster at rest has none, and an operator that starts anew tells nothing
//! twice.

use crate::crd::{AlluxioClusterStatus, ConditionType, Reason, conditions::ConditionStatus};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Normal,
    Warning,
}

/// Something that happened to a cluster. `reason` is one of a closed list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    pub severity: Severity,
    pub reason: &'static str,
    pub note: String,
}

impl Occurrence {
    pub fn normal(reason: &'static str, note: impl Into<String>) -> Self {
        Self { severity: Severity::Normal, reason, note: note.into() }
    }

    pub fn warning(reason: &'static str, note: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, reason, note: note.into() }
    }
}

/// What lies between two statuses.
pub fn transitions(before: &AlluxioClusterStatus, after: &AlluxioClusterStatus) -> Vec<Occurrence> {
    let mut all = Vec::new();
    let pod = |status: &AlluxioClusterStatus| status.leader.as_ref().map(|leader| leader.pod.clone());
    match (pod(before), pod(after)) {
        (old, Some(new)) if old.as_ref() != Some(&new) => {
            let after = old.map(|old| format!(" after {old}")).unwrap_or_default();
            all.push(Occurrence::normal("LeaderChanged", format!("{new} leads{after}")));
        }
        (Some(old), None) => all.push(Occurrence::warning(
            "LeaderLost",
            format!("{old} serves no more, and no other master does"),
        )),
        _ => {}
    }
    let id =
        |status: &AlluxioClusterStatus| status.journal.as_ref().map(|journal| journal.cluster_id.clone());
    if let (None, Some(new)) = (id(before), id(after)) {
        all.push(Occurrence::normal("JournalFormatted", format!("the journal's cluster id is {new}")));
    }
    all.extend(progress(before, after));
    all.extend(trouble(before, after));
    all
}

fn progress(before: &AlluxioClusterStatus, after: &AlluxioClusterStatus) -> Option<Occurrence> {
    let told = |status: &AlluxioClusterStatus| {
        let found =
            status.conditions.iter().find(|condition| condition.type_ == ConditionType::Progressing)?;
        Some((found.reason, found.message.clone()))
    };
    let rolls = |reason| matches!(reason, Reason::Rolling | Reason::Recreating);
    let (old, (new, message)) = (told(before).map(|(reason, _)| reason), told(after)?);
    if old == Some(new) {
        return None;
    }
    match new {
        Reason::Rolling | Reason::Recreating => Some(Occurrence::normal("RollStarted", message)),
        Reason::StepFailed => Some(Occurrence::warning("RollStopped", message)),
        Reason::Settled if old.is_some_and(|old| rolls(old) || old == Reason::StepFailed) => {
            Some(Occurrence::normal("RollFinished", message))
        }
        _ => None,
    }
}

fn trouble(before: &AlluxioClusterStatus, after: &AlluxioClusterStatus) -> Vec<Occurrence> {
    let watched = |type_, bad: ConditionStatus| {
        let bad_reason = |status: &AlluxioClusterStatus| {
            let found = status
                .conditions
                .iter()
                .find(|condition| condition.type_ == type_ && condition.status == bad)?;
            Some((found.reason, found.message.clone()))
        };
        let (old, new) = (bad_reason(before).map(|(reason, _)| reason), bad_reason(after));
        new.filter(|(reason, _)| old != Some(*reason))
    };
    // The journal's own condition tells of it, below.
    let degraded = watched(ConditionType::Degraded, ConditionStatus::True)
        .filter(|(reason, _)| *reason != Reason::JournalNotReady)
        .map(|(reason, message)| match reason {
            Reason::InvalidSpec
            | Reason::MissingReference
            | Reason::DowngradeRefused
            | Reason::ConflictsWithCluster => Occurrence::warning("Refused", message),
            _ => Occurrence::warning("Degraded", message),
        });
    let journal = watched(ConditionType::JournalReady, ConditionStatus::False)
        .filter(|(reason, _)| *reason != Reason::JournalNotFormatted)
        .map(|(_, message)| Occurrence::warning("JournalNotReady", message));
    let zookeeper = watched(ConditionType::ZooKeeperReachable, ConditionStatus::False)
        .filter(|(reason, _)| *reason == Reason::Unreachable)
        .map(|(_, message)| Occurrence::warning("ZooKeeperUnreachable", message));
    degraded.into_iter().chain(journal).chain(zookeeper).collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;
    use crate::{
        crd::{JournalStatus, Leader},
        status::{Verdict, conditions},
    };

    fn status(leader: Option<&str>, verdicts: Vec<Verdict>) -> AlluxioClusterStatus {
        AlluxioClusterStatus {
            leader: leader.map(|pod| Leader {
                pod: pod.to_owned(),
                address: format!("{pod}:19998"),
                term: Some(1),
            }),
            conditions: conditions(&[], verdicts, None, Timestamp::UNIX_EPOCH),
            ..AlluxioClusterStatus::default()
        }
    }

    fn reasons(before: &AlluxioClusterStatus, after: &AlluxioClusterStatus) -> Vec<&'static str> {
        transitions(before, after).iter().map(|occurrence| occurrence.reason).collect()
    }

    #[test]
    fn a_cluster_at_rest_has_none() {
        let same = status(
            Some("0"),
            vec![Verdict::is(Reason::MastersNotReady, "x"), Verdict::is(Reason::Rolling, "y")],
        );
        assert_eq!(transitions(&same, &same), []);
    }

    #[test]
    fn leaders() {
        let (none, first, second) =
            (status(None, vec![]), status(Some("0"), vec![]), status(Some("1"), vec![]));
        assert_eq!(transitions(&none, &first), [Occurrence::normal("LeaderChanged", "0 leads")]);
        assert_eq!(transitions(&first, &second), [Occurrence::normal("LeaderChanged", "1 leads after 0")]);
        assert_eq!(reasons(&second, &none), ["LeaderLost"]);
    }

    #[test]
    fn a_roll_from_start_to_end() {
        let of = |verdict| status(None, vec![verdict]);
        let (rolls, stops, done) = (
            of(Verdict::is(Reason::Rolling, "")),
            of(Verdict::is_not(Reason::StepFailed, "")),
            of(Verdict::is_not(Reason::Settled, "")),
        );
        assert_eq!(reasons(&done, &rolls), ["RollStarted"]);
        assert_eq!(reasons(&rolls, &stops), ["RollStopped"]);
        assert_eq!(reasons(&stops, &rolls), ["RollStarted"]);
        assert_eq!(reasons(&rolls, &done), ["RollFinished"]);
        assert_eq!(reasons(&of(Verdict::is(Reason::Creating, "")), &done), Vec::<&str>::new());
    }

    #[test]
    fn refusals_and_troubles() {
        let well = status(None, vec![Verdict::is_not(Reason::AsExpected, "")]);
        let refused = status(None, vec![Verdict::is(Reason::InvalidSpec, "spec.x is y: type z")]);
        assert_eq!(transitions(&well, &refused), [Occurrence::warning("Refused", "spec.x is y: type z")]);
        let unwell = status(None, vec![Verdict::is(Reason::MastersNotReady, "")]);
        assert_eq!(reasons(&refused, &unwell), ["Degraded"]);
        assert_eq!(reasons(&unwell, &well), Vec::<&str>::new());
        let missing = status(None, vec![Verdict::is_not(Reason::JournalMissing, "")]);
        assert_eq!(reasons(&well, &missing), ["JournalNotReady"]);
        let gone = status(None, vec![Verdict::is_not(Reason::Unreachable, "")]);
        assert_eq!(reasons(&well, &gone), ["ZooKeeperUnreachable"]);
        let mut formatted = well.clone();
        let (cluster_id, location) = ("id".to_owned(), "here".to_owned());
        formatted.journal = Some(JournalStatus { cluster_id, location, format: None });
        assert_eq!(reasons(&well, &formatted), ["JournalFormatted"]);
    }
}
