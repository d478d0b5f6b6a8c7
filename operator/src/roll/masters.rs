//! The next step for the masters: standbys first, highest ordinal first, the leader last.

use std::{fmt, time::Duration};

use k8s_openapi::jiff::Timestamp;

use super::{Failure, Patience, Strategy, Wait};

/// What a master says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MasterRole {
    Leader {
        serving: bool,
    },
    Standby {
        lag: Duration,
    },
    /// It was not asked yet, or does not answer.
    Unknown,
}

/// What is seen of a master's pod.
#[derive(Clone, Debug)]
pub struct Master {
    pub pod: String,
    pub ordinal: u32,
    /// What it was started with; `None` when the annotation is gone.
    pub hash: Option<String>,
    pub terminating: bool,
    pub ready: bool,
    /// Since when it is ready, or is not.
    pub ready_changed: Timestamp,
    /// Whether a container of it ever ran.
    pub started: bool,
    pub role: MasterRole,
    /// Since when it does not answer, as far as this operator has seen.
    pub silent_since: Option<Timestamp>,
    /// What a container waits for that does not end by itself, such as `CrashLoopBackOff`.
    pub failing: Option<String>,
}

/// What is wanted, and what there is.
#[derive(Clone, Debug)]
pub struct Masters {
    pub hash: String,
    pub count: u32,
    /// `spec.replicas` as it stands; 0 when there is no StatefulSet yet.
    pub current_count: u32,
    /// Whether a pod that ends comes back with the hash: the live template has it, and the StatefulSet's controller has seen that.
    pub template_observed: bool,
    pub pods: Vec<Master>,
    pub strategy: Strategy,
    pub now: Timestamp,
    pub progress_deadline: Duration,
    /// A standby that is farther behind is not caught up.
    pub max_lag: Duration,
    /// Since when no master serves.
    pub leaderless_since: Option<Timestamp>,
    /// Whether a master ever served.
    pub ever_served: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MastersPlan {
    /// What `spec.replicas` shall be.
    pub replicas: u32,
    pub step: Step,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// All are as wanted, and well.
    Settled,
    Wait(Wait),
    Replace {
        pod: String,
        why: Why,
    },
    /// All end, so that all start anew; so many are left.
    Recreate(usize),
    /// The roll stays where it is: this one was replaced and does not become ready.
    Stopped(Failure),
    /// Nothing is to be replaced, but this one is not well.
    Unwell(Failure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Outdated, and does not work as it is.
    Broken,
    Standby,
    /// The leader, after all the others.
    Leader,
    /// The leader's ordinal is to go.
    LeaderLeaves,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "it does not work as it is",
            Self::Standby => "a standby, as it was started with what is no longer wanted",
            Self::Leader => "the leader, after all the others",
            Self::LeaderLeaves => "it leads, and is to go",
        })
    }
}

impl Step {
    /// In words; two that wait for the same have the same.
    pub fn waits_for(&self) -> Option<String> {
        match self {
            Self::Wait(wait) => Some(wait.to_string()),
            Self::Recreate(left) => Some(format!("all masters end, so that all start anew: {left} are left")),
            Self::Settled | Self::Replace { .. } | Self::Stopped(_) | Self::Unwell(_) => None,
        }
    }
}

impl MastersPlan {
    /// As it is told where a disruption budget does not let the pod go that is to be replaced. `since`: when it was refused first.
    pub fn refused(&self, why: &str, since: Timestamp, patience: Patience) -> Self {
        let Step::Replace { pod, .. } = &self.step else { return self.clone() };
        let step = match patience.refused(pod, why, since) {
            Some(failure) => Step::Stopped(failure),
            None => Step::Wait(Wait::Refused { pod: pod.clone(), why: why.to_owned() }),
        };
        Self { step, ..self.clone() }
    }
}

impl Masters {
    pub fn plan(&self) -> MastersPlan {
        // Two generations never run together, so the set has no pods before it has new ones. An eviction of all would not do:
        // a budget allows one, and the set brings each back at once.
        if self.strategy == Strategy::Recreate && !self.pods.iter().all(|pod| self.current(pod)) {
            return MastersPlan { replicas: 0, step: Step::Recreate(self.pods.len()) };
        }
        match self.scale_in() {
            Some(plan) => plan,
            None => MastersPlan { replicas: self.count, step: self.roll() },
        }
    }

    /// What waits longer than the deadline is for a person. `since`: when the plan began to wait for what it waits for.
    pub fn in_time(&self, plan: MastersPlan, since: Option<Timestamp>) -> MastersPlan {
        let (Some(what), Some(since)) = (plan.step.waits_for(), since) else { return plan };
        let patience = self.patience();
        if !patience.is_over(since) {
            return plan;
        }
        let hint = match &plan.step {
            Step::Wait(wait) => wait.hint(),
            _ => "`kubectl get pods` says which does not end".to_owned(),
        };
        let seen = format!("{what}, for {}", patience.waited());
        let failure = Failure { pod: "masters".to_owned(), seen, hint };
        let rolls = !self.pods.iter().all(|pod| self.current(pod));
        let step = if rolls { Step::Stopped(failure) } else { Step::Unwell(failure) };
        MastersPlan { step, ..plan }
    }

    /// `None` when the number of replicas may be set right now.
    fn scale_in(&self) -> Option<MastersPlan> {
        if self.current_count <= self.count {
            return None;
        }
        let hold = |step| Some(MastersPlan { replicas: self.current_count, step });
        let Some(leader) = self.leader() else {
            // It may be one of those that go; after a while there is nothing to be spared.
            return match self.leaderless_too_long() {
                true => None,
                false => hold(Step::Wait(Wait::NoLeaderToSpare)),
            };
        };
        if leader.ordinal < self.count {
            // Those that go may be all that could take over; what cannot, and what takes too long, is not waited for.
            let comes = |pod: &&Master| {
                !self.well(pod) && pod.failing.is_none() && !self.patience().is_over(pod.ready_changed)
            };
            let comes = self.staying().find(comes);
            return comes.and_then(|pod| hold(Step::Wait(Wait::NotReady(pod.pod.clone()))));
        }
        if let Some(gone) = self.pods.iter().find(|pod| pod.terminating) {
            return hold(Step::Wait(Wait::Ending(gone.pod.clone())));
        }
        // ZooKeeper's queue is first come, first served: one that hands over stands at its end, so at most as many
        // hand-overs are needed as masters go.
        let stays = |pod: &&Master| pod.ordinal < self.count && self.well(pod);
        match self.pods.iter().find(stays) {
            Some(_) => hold(replace(leader, Why::LeaderLeaves)),
            None => hold(Step::Wait(Wait::NoSuccessor(leader.pod.clone()))),
        }
    }

    fn roll(&self) -> Step {
        let outdated: Vec<_> = self.staying().filter(|pod| !self.current(pod)).collect();
        if let Some(gone) = self.staying().find(|pod| pod.terminating) {
            return Step::Wait(Wait::Ending(gone.pod.clone()));
        }
        if !outdated.is_empty() && !self.template_observed {
            return Step::Wait(Wait::Template);
        }
        let broken = outdated.iter().copied().filter(|pod| self.broken(pod));
        if let Some(broken) = broken.max_by_key(|pod| pod.ordinal) {
            return replace(broken, Why::Broken);
        }
        let leads = |pod: &Master| matches!(pod.role, MasterRole::Leader { .. });
        // Least is lost with one that is not well; most with the leader, whether or not it can serve at the moment.
        let next = outdated.into_iter().max_by_key(|pod| (!leads(pod), !self.well(pod), pod.ordinal));
        match (self.others_not_well(next), next) {
            (Some(step), _) => step,
            (None, None) => Step::Settled,
            (None, Some(pod)) if leads(pod) => replace(pod, Why::Leader),
            (None, Some(pod)) => replace(pod, Why::Standby),
        }
    }

    /// Whether nothing is lost by replacing it, however the others are: no master runs in it. One that is not ready and answers
    /// may lead and not reach ZooKeeper, or replay its journal: it is spared as if it were ready.
    fn broken(&self, pod: &Master) -> bool {
        let silent_for_long = || pod.silent_since.is_some_and(|since| self.patience().is_over(since));
        let runs = || pod.started && pod.failing.is_none() && !silent_for_long();
        !pod.ready && pod.role == MasterRole::Unknown && !runs()
    }

    /// What has to come right before `next` may be replaced.
    fn others_not_well(&self, next: Option<&Master>) -> Option<Step> {
        let others = || self.staying().filter(|pod| next.is_none_or(|next| next.ordinal != pod.ordinal));
        let patience = self.patience();
        for pod in others().filter(|pod| !pod.ready) {
            let failure = patience.failure(&pod.pod, pod.ready_changed, pod.failing.as_deref());
            // What failed with an old template must not keep others from the new one.
            if !self.current(pod) && (failure.is_some() || self.nothing_to_protect()) {
                continue;
            }
            return Some(match failure {
                Some(failure) if next.is_some() => Step::Stopped(failure),
                Some(failure) => Step::Unwell(failure),
                None => Step::Wait(Wait::NotReady(pod.pod.clone())),
            });
        }
        let there = self.staying().count();
        if there < self.count as usize {
            return Some(Step::Wait(Wait::Missing { there, wanted: self.count }));
        }
        if self.leaderless_too_long() || (next.is_some() && self.nothing_to_protect()) {
            return None;
        }
        if let Some(pod) = others().find(|pod| pod.ready && pod.role == MasterRole::Unknown) {
            return Some(Step::Wait(Wait::Silent(pod.pod.clone())));
        }
        let late = |pod: &Master| matches!(pod.role, MasterRole::Standby { lag } if lag > self.max_lag);
        if let Some(pod) = others().find(|pod| pod.ready && late(pod)) {
            return Some(Step::Wait(Wait::Behind(pod.pod.clone())));
        }
        match self.staying().any(|pod| pod.role == MasterRole::Leader { serving: true }) {
            true => None,
            false => Some(Step::Wait(Wait::NoLeader)),
        }
    }

    /// Those that are not taken away by `count`.
    fn staying(&self) -> impl Iterator<Item = &Master> {
        self.pods.iter().filter(|pod| pod.ordinal < self.count)
    }

    fn leader(&self) -> Option<&Master> {
        self.pods.iter().find(|pod| pod.role == MasterRole::Leader { serving: true })
    }

    /// Where there has been no service for long, or never, and where one master is all, a step costs nobody anything that it would not
    /// cost later.
    fn nothing_to_protect(&self) -> bool {
        self.count == 1 || !self.ever_served || self.leaderless_too_long()
    }

    fn leaderless_too_long(&self) -> bool {
        self.leaderless_since.is_some_and(|since| self.patience().is_over(since))
    }

    fn patience(&self) -> Patience {
        Patience { now: self.now, progress_deadline: self.progress_deadline }
    }

    fn current(&self, pod: &Master) -> bool {
        pod.hash.as_deref() == Some(self.hash.as_str())
    }

    fn well(&self, pod: &Master) -> bool {
        let caught_up = match pod.role {
            MasterRole::Leader { serving } => serving,
            MasterRole::Standby { lag } => lag <= self.max_lag,
            MasterRole::Unknown => false,
        };
        pod.ready && !pod.terminating && caught_up
    }
}

fn replace(pod: &Master, why: Why) -> Step {
    Step::Replace { pod: pod.pod.clone(), why }
}
