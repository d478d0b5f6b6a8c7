//! The status: what was seen, and what was decided, as it is told. Pure.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use super::{
    journal,
    observed::{MasterSeen, Observed, rpc_port},
    selectors,
    workers::GroupPlan,
};
use crate::{
    crd::{
        AlluxioCluster, AlluxioClusterStatus, Condition, ConditionType, Endpoints, GroupStatus,
        JournalStatus, Leader, MountStatus, PinnedImage, Reason,
        conditions::ConditionStatus,
        status::{MastersStatus, WorkersStatus},
    },
    roll::{Failure, MastersPlan, Step, Why},
    status::{Verdict, conditions, phase},
};

/// All that a status is made of.
#[derive(Debug, Default)]
pub struct Report {
    /// Why the spec is not carried out; then nothing was written.
    pub refused: Option<Verdict>,
    /// What has to be found out before anything of it is carried out.
    pub looks: Option<String>,
    /// What kept a part of it from being carried out.
    pub failed: Option<Verdict>,
    /// What somebody else changes whenever it is set.
    pub contested: Option<String>,
    pub image: Option<PinnedImage>,
    /// Without a plan the masters were not looked at as something to change: the cluster is paused, or refused.
    pub masters: Option<MastersPlan>,
    pub master_hash: Option<String>,
    pub groups: Vec<GroupPlan>,
    /// Why workers cannot be taken out of service or put back.
    pub decommission: Option<String>,
    pub journal: Option<JournalStatus>,
    pub journal_verdict: Option<Verdict>,
    pub zookeeper: Ensemble,
    pub endpoints: Option<Endpoints>,
    /// `None` when they are as they were.
    pub mounts: Option<Vec<MountStatus>>,
}

/// What is known of the cluster's ZooKeeper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ensemble {
    /// The cluster has none.
    #[default]
    None,
    NotAsked,
    Answers,
    Silent,
}

impl Ensemble {
    pub fn answers(answers: bool) -> Self {
        if answers { Self::Answers } else { Self::Silent }
    }
}

impl Report {
    pub fn status(
        self,
        cluster: &AlluxioCluster,
        observed: &Observed,
        now: Timestamp,
    ) -> AlluxioClusterStatus {
        let before = cluster.status.clone().unwrap_or_default();
        let generation = cluster.metadata.generation;
        let verdicts = self.verdicts(cluster, observed);
        let conditions = conditions(&before.conditions, verdicts, generation, now);
        let leader = observed.leader();
        let format = observed.journal_format().and_then(|format| i32::try_from(format).ok());
        let journal = self.journal.clone().or(before.journal).map(|journal| JournalStatus {
            // It does not go down when no master answers.
            format: format.max(journal.format),
            ..journal
        });
        AlluxioClusterStatus {
            observed_generation: generation,
            phase: Some(phase(&conditions)),
            conditions,
            image: self.image.clone().or(before.image),
            version: leader
                .and_then(|leader| Some(leader.answer.as_ref()?.version.clone()))
                .or(before.version),
            leader: leader.map(|leader| Leader {
                pod: leader.facts.name.clone(),
                address: format!(
                    "{}:{}",
                    leader.facts.ip.as_deref().unwrap_or_default(),
                    rpc_port(&leader.facts, cluster)
                ),
                term: leader.answer.as_ref().and_then(|answer| i64::try_from(answer.term).ok()),
            }),
            masters: Some(self.masters_status(cluster, observed)),
            workers: Some(self.workers_status(cluster, observed)),
            journal,
            endpoints: self.endpoints.clone().or(before.endpoints),
            mounts: self.mounts.clone().unwrap_or(before.mounts),
        }
    }

    /// Why no master can start.
    pub fn journal_trouble(&self) -> Option<&Verdict> {
        self.journal_verdict.as_ref().filter(|verdict| journal::is_trouble(verdict))
    }

    fn verdicts(&self, cluster: &AlluxioCluster, observed: &Observed) -> Vec<Verdict> {
        let paused = match cluster.spec.paused {
            true => Verdict::is(Reason::PausedByUser, "spec.paused is true: nothing is changed"),
            false => Verdict::is_not(Reason::NotPaused, "spec.paused is false"),
        };
        let zookeeper = match self.zookeeper {
            Ensemble::Answers => Some(Verdict::is(Reason::Reachable, "a server answers")),
            Ensemble::Silent => Some(Verdict::is_not(
                Reason::Unreachable,
                "no server of spec.zookeeper answers the operator: check the addresses, and that they can be reached from pods",
            )),
            // What was told before holds until it was asked.
            Ensemble::NotAsked => None,
            Ensemble::None => Some(Verdict::unknown(Reason::NotConfigured, "the cluster has no ZooKeeper")),
        };
        let mut all = vec![self.available(observed), self.degraded(observed), paused];
        all.extend(zookeeper);
        all.extend(self.journal_verdict.clone());
        all.extend(self.progressing(cluster, observed));
        all
    }

    fn available(&self, observed: &Observed) -> Verdict {
        match observed.leader() {
            Some(leader) => Verdict::is(Reason::LeaderServing, format!("{} serves", leader.facts.name)),
            None if observed.masters.is_empty() => {
                Verdict::is_not(Reason::NotStarted, "no master was started yet")
            }
            None => Verdict::is_not(Reason::NoLeader, "no master says that it serves"),
        }
    }

    fn degraded(&self, observed: &Observed) -> Verdict {
        if let Some(problem) = self.refused.as_ref().or(self.failed.as_ref()) {
            return problem.clone();
        }
        if let Some(trouble) = self.journal_trouble() {
            return Verdict::is(Reason::JournalNotReady, trouble.message.clone());
        }
        if let Some(MastersPlan { step: Step::Stopped(failure) | Step::Unwell(failure), .. }) = &self.masters
        {
            let message = format!("{failure}; {}; take the last edit back, or mend it", failure.hint);
            return Verdict::is(Reason::MastersNotReady, message);
        }
        let mut plans = self.groups.iter().map(|group| &group.plan);
        if let Some(failure) = plans.find_map(|plan| plan.stopped.as_ref().or(plan.stuck.as_ref())) {
            return Verdict::is(Reason::WorkersNotReady, format!("{failure}; {}", failure.hint));
        }
        if let Some(contested) = &self.contested {
            return Verdict::is(Reason::ApplyFailed, contested);
        }
        if let Some(failing) =
            observed.masters.iter().find_map(|seen| Some((&seen.facts.name, seen.facts.failing.as_ref()?)))
        {
            let failure = Failure::of(failing.0, failing.1);
            return Verdict::is(Reason::MastersNotReady, format!("{failure}; {}", failure.hint));
        }
        Verdict::is_not(Reason::AsExpected, "nothing is wrong")
    }

    /// `None` when nothing was decided: then what was told before still holds.
    fn progressing(&self, cluster: &AlluxioCluster, observed: &Observed) -> Option<Verdict> {
        if let Some(looks) = &self.looks {
            return Some(Verdict::is(Reason::Rolling, looks));
        }
        let Some(masters) = self.masters.as_ref().filter(|_| self.journal_trouble().is_none()) else {
            return self.held(cluster);
        };
        let workers = || {
            let rolling = self.groups.iter().filter(|group| group.plan.rolling);
            rolling.filter_map(|group| group.plan.stopped.as_ref()).next()
        };
        let stopped = match &masters.step {
            Step::Stopped(failure) => Some(failure),
            // The last one of a roll, or all at once: nothing is outdated any more, and yet the roll did not end well.
            Step::Unwell(failure) if ended_unwell(cluster, observed, failure) => Some(failure),
            _ => workers(),
        };
        if let Some(failure) = stopped {
            let message = format!("{failure}; no other is replaced");
            return Some(Verdict::is_not(Reason::StepFailed, message));
        }
        let formatting = self
            .journal_verdict
            .as_ref()
            .is_some_and(|verdict| verdict.reason == Reason::JournalNotFormatted);
        if formatting {
            return Some(Verdict::is(Reason::Formatting, "the journal is made, once"));
        }
        Some(match &masters.step {
            Step::Replace { pod, why: Why::LeaderLeaves } => {
                Verdict::is(Reason::Scaling, format!("{pod} hands over, because it is to go"))
            }
            Step::Replace { pod, .. } => Verdict::is(Reason::Rolling, format!("{pod} is replaced")),
            Step::Recreate(_) => {
                Verdict::is(Reason::Recreating, masters.step.waits_for().unwrap_or_default())
            }
            Step::Wait(wait) => Verdict::is(self.waits_for(cluster, observed), wait.to_string()),
            // Nothing moves, but not because all is as it shall be: what was told before holds.
            _ if self.failed.as_ref().is_some_and(|failed| failed.reason == Reason::ApplyFailed) => {
                return None;
            }
            _ => self.of_workers(),
        })
    }

    /// What was on its way is not any more.
    fn held(&self, cluster: &AlluxioCluster) -> Option<Verdict> {
        let why = match (&self.refused, self.journal_trouble()) {
            (Some(_), _) => "the spec is refused, as the condition Degraded says: nothing is changed",
            (None, Some(_)) => {
                "nothing is started or replaced before the journal is there, as the condition JournalReady says"
            }
            (None, None) if cluster.spec.paused => "spec.paused is true: nothing is changed",
            (None, None) => return None,
        };
        let before = before(cluster).unwrap_or_default();
        let moves = told(&before)
            .is_none_or(|told| told.status == ConditionStatus::True || told.reason == Reason::Held);
        moves.then(|| Verdict::is_not(Reason::Held, why))
    }

    /// What waiting belongs to: while pods are outdated, to the roll.
    fn waits_for(&self, cluster: &AlluxioCluster, observed: &Observed) -> Reason {
        let outdated = observed.masters.iter().any(|seen| seen.facts.hash != self.master_hash);
        let served = before(cluster).is_some_and(|status| status.version.is_some());
        let told = before(cluster).and_then(|status| Some(told(&status)?.reason));
        match (outdated, served, told) {
            (true, ..) => Reason::Rolling,
            (false, false, _) => Reason::Creating,
            (false, true, Some(Reason::Recreating)) => Reason::Recreating,
            // A pod that comes back, after a step of a roll or by itself, and one more or less.
            (false, true, Some(Reason::Rolling | Reason::StepFailed)) => Reason::Rolling,
            (false, true, _) => Reason::Scaling,
        }
    }

    fn of_workers(&self) -> Verdict {
        if let Some(group) = self.groups.iter().find(|group| group.plan.rolling) {
            let refused = group.plan.refused.as_ref().map(|refused| format!(", but {refused}"));
            let refused = refused.unwrap_or_default();
            let message = format!("workers of the group {} are replaced{refused}", group.name);
            return Verdict::is(Reason::Rolling, message);
        }
        let missing = self.groups.iter().filter(|group| group.plan.stopped.is_none());
        if let Some((group, (missing, of))) =
            missing.filter_map(|group| Some((group, group.plan.missing?))).next()
        {
            let message = format!("{missing} of {of} workers of the group {} do not exist yet", group.name);
            return Verdict::is(Reason::Scaling, message);
        }
        if let Some(why) = &self.decommission {
            return Verdict::is(Reason::Decommissioning, why.clone());
        }
        let leaving: Vec<_> =
            self.groups.iter().flat_map(|group| group.plan.leaving_nodes.iter().cloned()).collect();
        if !leaving.is_empty() {
            return Verdict::is(Reason::Decommissioning, format!("workers leave: {}", some_of(&leaving)));
        }
        let but = |what: &str, pods: &dyn Fn(&GroupPlan) -> Vec<String>| {
            let pods: Vec<_> = self.groups.iter().flat_map(pods).collect();
            match pods.is_empty() {
                true => String::new(),
                false => format!(", but for workers that {what}: {}", some_of(&pods)),
            }
        };
        let unready = but("are not ready", &|group| group.plan.unready.clone());
        let cordoned =
            but("are out of service because their nodes are cordoned", &|group| group.plan.cordoned.clone());
        let by_hand = but("somebody took out of service", &|group| group.plan.by_hand.clone());
        let unwell = self.masters.as_ref().is_some_and(|plan| matches!(plan.step, Step::Unwell(_)));
        let masters = if unwell { ", but for masters, as the condition Degraded says" } else { "" };
        // The fight about them lasts for days, and is no progress.
        let contested = if self.contested.is_some() { ", where others let it be" } else { "" };
        Verdict::is_not(
            Reason::Settled,
            format!("everything is as the spec says{contested}{masters}{unready}{cordoned}{by_hand}"),
        )
    }

    fn masters_status(&self, cluster: &AlluxioCluster, observed: &Observed) -> MastersStatus {
        let desired = cluster.spec.masters.count;
        let count = |holds: &dyn Fn(&MasterSeen) -> bool| {
            number(observed.masters.iter().filter(|seen| holds(seen)).count())
        };
        let ready = count(&|seen| seen.facts.ready && !seen.facts.terminating());
        let versions = observed.masters.iter().filter_map(|seen| Some(seen.answer.as_ref()?.version.clone()));
        let versions: BTreeSet<_> = versions.filter(|version| !version.is_empty()).collect();
        MastersStatus {
            summary: format!("{ready}/{desired}"),
            desired,
            replicas: number(observed.masters.len()),
            ready,
            updated: self.master_hash.as_ref().map_or_else(
                || before(cluster).and_then(|status| Some(status.masters?.updated)).unwrap_or(0),
                |hash| count(&|seen| seen.facts.hash.as_ref() == Some(hash)),
            ),
            versions: versions.into_iter().take(16).collect(),
            selector: selectors::masters(&cluster.name_any()),
        }
    }

    fn workers_status(&self, cluster: &AlluxioCluster, observed: &Observed) -> WorkersStatus {
        let told = before(cluster).and_then(|status| status.workers).unwrap_or_default();
        let groups: Vec<_> = cluster
            .spec
            .workers
            .iter()
            .map(|group| {
                let pods = observed.workers.get(&group.name).map(Vec::as_slice).unwrap_or_default();
                let plan = self.groups.iter().find(|plan| plan.name == group.name);
                let told = told.groups.iter().find(|told| told.name == group.name);
                let set = observed.worker_sets.get(&group.name).cloned().unwrap_or_default();
                GroupStatus {
                    name: group.name.clone(),
                    desired: number(set.desired),
                    ready: number(pods.iter().filter(|facts| facts.ready && !facts.terminating()).count()),
                    updated: match plan {
                        Some(plan) => number(
                            pods.iter().filter(|facts| facts.hash.as_ref() == Some(&plan.hash)).count(),
                        ),
                        None => told.map_or(0, |told| told.updated),
                    },
                    rolling: match plan {
                        Some(plan) => plan.plan.rolling,
                        None => told.is_some_and(|told| told.rolling),
                    },
                    leaving: match plan {
                        Some(plan) => plan.plan.leaving_nodes.iter().take(1000).cloned().collect(),
                        None => told.map(|told| told.leaving.clone()).unwrap_or_default(),
                    },
                }
            })
            .collect();
        let sum = |of: fn(&GroupStatus) -> i32| groups.iter().map(of).sum::<i32>();
        let (desired, ready) = (sum(|group| group.desired), sum(|group| group.ready));
        WorkersStatus {
            summary: format!("{ready}/{desired}"),
            desired,
            ready,
            updated: sum(|group| group.updated),
            groups,
        }
    }
}

/// The first of them: a thousand fit in no line.
pub(super) fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 5;
    match names.len() {
        ..=SHOWN => names.join(", "),
        count => format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN),
    }
}

/// Whether a master that is not well was replaced in the roll that goes on, or has failed: with it the roll has. One that was so before has nothing to do
/// with it.
pub(super) fn ended_unwell(cluster: &AlluxioCluster, observed: &Observed, failure: &Failure) -> bool {
    let before = before(cluster).unwrap_or_default();
    let Some(told) = told(&before) else { return false };
    let replaced_since = |began: Timestamp| {
        let mut masters = observed.masters.iter().map(|seen| &seen.facts);
        masters.find(|facts| facts.name == failure.pod).is_none_or(|facts| facts.ready_changed >= began)
    };
    match told.reason {
        Reason::StepFailed => told.message.starts_with(&failure.pod),
        Reason::Rolling | Reason::Recreating => told.last_transition_time.parse().is_ok_and(replaced_since),
        _ => false,
    }
}

fn told(status: &AlluxioClusterStatus) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == ConditionType::Progressing)
}

fn before(cluster: &AlluxioCluster) -> Option<AlluxioClusterStatus> {
    cluster.status.clone()
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
