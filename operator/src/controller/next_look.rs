//! When a cluster is looked at again, where no watch tells of anything before.

use std::time::Duration;

use super::report::Report;
use crate::roll::{Step, Wait, WorkersPlan};

/// Until the next look where nothing calls for one: for what is not watched, such as a Secret.
pub(super) const AT_REST: Duration = Duration::from_secs(300);

/// Where something may change that is not watched: a missing Secret, another cluster's claim to the same journal, a worker that serves
/// again.
pub(super) const TROUBLE: Duration = Duration::from_secs(15);

/// Where something goes on that no watch tells of: a lag, a worker that becomes idle.
pub(super) const UNDER_WAY: Duration = Duration::from_secs(1);

/// Where nothing changed since the last look: what makes the wait end comes by a watch, or by the pulse of the masters.
pub(super) const WAITING: Duration = Duration::from_secs(5);

/// When to look again if nothing is told before. `moved`: whether anything is otherwise than at the last look.
pub(super) fn next_look(report: &Report, moved: bool) -> Duration {
    if report.refused.is_some() || report.failed.is_some() || report.journal_trouble().is_some() {
        return TROUBLE;
    }
    let contested = if report.contested.is_some() { TROUBLE } else { AT_REST };
    if report.looks.is_some() {
        return WAITING;
    }
    let masters = match report.masters.as_ref().map(|plan| &plan.step) {
        None | Some(Step::Settled) => AT_REST,
        Some(Step::Stopped(_) | Step::Unwell(_)) => TROUBLE,
        Some(Step::Replace { .. } | Step::Wait(Wait::Behind(_))) => UNDER_WAY,
        Some(Step::Wait(_) | Step::Recreate(_)) if moved => UNDER_WAY,
        Some(Step::Wait(_) | Step::Recreate(_)) => WAITING,
    };
    // Where the masters' roll was given up workers that are outdated, too, may wait for days.
    let follow = !matches!(report.masters.as_ref().map(|plan| &plan.step), Some(Step::Stopped(_)));
    let groups = report.groups.iter().map(|group| next_look_at(&group.plan, follow, moved));
    groups.fold(masters.min(contested), Duration::min)
}

/// `follow`: whether a roll of these workers may go on.
fn next_look_at(plan: &WorkersPlan, follow: bool, moved: bool) -> Duration {
    let leaves = !(plan.leaving_nodes.is_empty() && plan.take_out.is_empty() && plan.put_back.is_empty());
    match (plan.under_way() && follow, !plan.cordoned.is_empty() || plan.stopped.is_some()) {
        // Whether a worker is idle nobody tells.
        _ if leaves => UNDER_WAY,
        (true, _) if moved => UNDER_WAY,
        // Pods tell when they come and go; a budget that lets none go may do so for days.
        (true, _) => WAITING,
        // A master that starts anew offers those on cordoned nodes again.
        (false, true) => TROUBLE,
        (false, false) if plan.missing.is_some() => WAITING,
        (false, false) => AT_REST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        controller::workers::GroupPlan,
        crd::Reason,
        roll::{Failure, MastersPlan},
        status::Verdict,
    };

    fn report(step: Step) -> Report {
        Report { masters: Some(MastersPlan { replicas: 1, step }), ..Report::default() }
    }

    fn next_look(report: &Report) -> Duration {
        super::next_look(report, true)
    }

    #[test]
    fn what_does_not_move_is_looked_at_less() {
        let still = |step| super::next_look(&report(step), false);
        assert_eq!(still(Step::Wait(Wait::NoLeader)), WAITING);
        assert_eq!(still(Step::Wait(Wait::Behind(String::new()))), UNDER_WAY, "nobody tells of a lag");
        assert_eq!(still(Step::Settled), AT_REST);
        let rolls = |step, moved| {
            let mut group = GroupPlan::default();
            group.plan.rolling = true;
            super::next_look(&Report { groups: vec![group], ..report(step) }, moved)
        };
        assert_eq!((rolls(Step::Settled, true), rolls(Step::Settled, false)), (UNDER_WAY, WAITING));
        let failure = || Failure { pod: String::new(), seen: String::new(), hint: String::new() };
        assert_eq!(rolls(Step::Unwell(failure()), false), WAITING);
        assert_eq!(
            rolls(Step::Stopped(failure()), true),
            TROUBLE,
            "workers wait for masters that do not come"
        );
    }

    #[test]
    fn a_cluster_at_rest_is_left_alone() {
        assert_eq!(next_look(&report(Step::Settled)), AT_REST);
        assert_eq!(next_look(&Report::default()), AT_REST, "paused");
        assert_eq!(next_look(&report(Step::Wait(Wait::NoLeader))), UNDER_WAY);
        let failure = Failure { pod: String::new(), seen: String::new(), hint: String::new() };
        assert_eq!(next_look(&report(Step::Stopped(failure))), TROUBLE);
        let refused = Some(Verdict::is(Reason::InvalidSpec, ""));
        assert_eq!(next_look(&Report { refused, ..report(Step::Settled) }), TROUBLE);
        let journal_verdict = Some(Verdict::is_not(Reason::FormatFailed, ""));
        assert_eq!(next_look(&Report { journal_verdict, ..report(Step::Wait(Wait::NoLeader)) }), TROUBLE);
        let mut group = GroupPlan::default();
        group.plan.cordoned = vec!["w".to_owned()];
        let resting = Report { groups: vec![group], ..report(Step::Settled) };
        assert_eq!(next_look(&resting), TROUBLE);
        let mut group = resting.groups.into_iter().next().unwrap();
        group.plan.leaving_nodes.insert("n".to_owned());
        assert_eq!(next_look(&Report { groups: vec![group], ..report(Step::Settled) }), UNDER_WAY);
    }
}
