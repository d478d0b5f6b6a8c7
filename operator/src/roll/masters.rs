//! The next step for the masters: standbys first, highest ordinal first, the leader last.

use std::{fmt, time::Duration};

use k8s_openapi::jiff::Timestamp;

use super::{Failure, Patience, Strategy};

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
    pub created: Timestamp,
    pub terminating: bool,
    pub ready: bool,
    pub role: MasterRole,
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
    /// Whether the StatefulSet's controller has seen the present template. Before that a pod would come back as it was.
    pub template_observed: bool,
    pub pods: Vec<Master>,
    pub strategy: Strategy,
    pub now: Timestamp,
    pub progress_deadline: Duration,
    /// A standby that is farther behind is not caught up.
    pub max_lag: Duration,
    /// Since when no master serves.
    pub leaderless_since: Option<Timestamp>,
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
    Wait(String),
    Replace {
        pods: Vec<String>,
        why: Why,
    },
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
    AllAtOnce,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "it does not work as it is",
            Self::Standby => "a standby, as it was started with what is no longer wanted",
            Self::Leader => "the leader, after all the others",
            Self::LeaderLeaves => "it leads, and is to go",
            Self::AllAtOnce => "all masters at once, as spec.upgradeStrategy says",
        })
    }
}

impl Masters {
    pub fn plan(&self) -> MastersPlan {
        match self.scale_in() {
            Some(plan) => plan,
            None => MastersPlan { replicas: self.count, step: self.roll() },
        }
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
                false => {
                    hold(Step::Wait("no master leads: the number of masters waits for a leader".to_owned()))
                }
            };
        };
        if leader.ordinal < self.count {
            return None;
        }
        if let Some(gone) = self.pods.iter().find(|pod| pod.terminating) {
            return hold(Step::Wait(format!("{} is ending", gone.pod)));
        }
        // ZooKeeper's queue is first come, first served: one that hands over stands at its end, so at most as many
        // hand-overs are needed as masters go.
        let stays = |pod: &&Master| pod.ordinal < self.count && self.well(pod);
        match self.pods.iter().find(stays) {
            Some(_) => hold(replace(leader, Why::LeaderLeaves)),
            None => hold(Step::Wait(format!(
                "{} leads and is to go, but none of those that stay can take over",
                leader.pod
            ))),
        }
    }

    fn roll(&self) -> Step {
        let outdated: Vec<_> = self.staying().filter(|pod| !self.current(pod)).collect();
        if self.strategy == Strategy::Recreate && !outdated.is_empty() {
            return self.recreate(&outdated);
        }
        if let Some(gone) = self.staying().find(|pod| pod.terminating) {
            return Step::Wait(format!("{} is ending", gone.pod));
        }
        if !outdated.is_empty() && !self.template_observed {
            return Step::Wait("the StatefulSet's controller has not seen the change yet".to_owned());
        }
        // Nothing is lost by replacing what does not work; and it is how a reverted edit heals.
        if let Some(broken) = highest(outdated.iter().copied().filter(|pod| !pod.ready)) {
            return replace(broken, Why::Broken);
        }
        if let Some(step) = self.not_well_yet(!outdated.is_empty()) {
            return step;
        }
        let leads = |pod: &Master| matches!(pod.role, MasterRole::Leader { .. });
        match highest(outdated.iter().copied().filter(|pod| !leads(pod))) {
            Some(standby) => replace(standby, Why::Standby),
            None => outdated.first().map_or(Step::Settled, |leader| replace(leader, Why::Leader)),
        }
    }

    fn recreate(&self, outdated: &[&Master]) -> Step {
        if !self.template_observed {
            return Step::Wait("the StatefulSet's controller has not seen the change yet".to_owned());
        }
        let pods: Vec<_> =
            outdated.iter().filter(|pod| !pod.terminating).map(|pod| pod.pod.clone()).collect();
        match pods.is_empty() {
            true => Step::Wait("the masters are ending".to_owned()),
            false => Step::Replace { pods, why: Why::AllAtOnce },
        }
    }

    /// What has to come right before a pod that works may be replaced.
    fn not_well_yet(&self, rolling: bool) -> Option<Step> {
        let patience = Patience { now: self.now, progress_deadline: self.progress_deadline };
        let mut unready = self.staying().filter(|pod| !pod.ready);
        if let Some(pod) = unready.next() {
            let failure = patience.failure(&pod.pod, pod.created, pod.failing.as_deref());
            return Some(match failure {
                Some(failure) if rolling => Step::Stopped(failure),
                Some(failure) => Step::Unwell(failure),
                None => Step::Wait(format!("{} is not ready yet", pod.pod)),
            });
        }
        let count = self.staying().count();
        if count < self.count as usize {
            return Some(Step::Wait(format!("{count} of {} masters exist", self.count)));
        }
        // The rest protects a service; where none has been for long, there is none to protect.
        if self.leaderless_too_long() {
            return None;
        }
        if let Some(pod) = self.staying().find(|pod| pod.role == MasterRole::Unknown) {
            return Some(Step::Wait(format!("{} does not answer on its web port", pod.pod)));
        }
        let late = |pod: &&Master| matches!(pod.role, MasterRole::Standby { lag } if lag > self.max_lag);
        if let Some(pod) = self.staying().find(late) {
            return Some(Step::Wait(format!("{} is still behind the leader", pod.pod)));
        }
        match self.staying().any(|pod| pod.role == MasterRole::Leader { serving: true }) {
            true => None,
            false => Some(Step::Wait("no master serves yet".to_owned())),
        }
    }

    /// Those that are not taken away by `count`.
    fn staying(&self) -> impl Iterator<Item = &Master> {
        self.pods.iter().filter(|pod| pod.ordinal < self.count)
    }

    fn leader(&self) -> Option<&Master> {
        self.pods.iter().find(|pod| pod.role == MasterRole::Leader { serving: true })
    }

    fn leaderless_too_long(&self) -> bool {
        let patience = Patience { now: self.now, progress_deadline: self.progress_deadline };
        self.leaderless_since.is_some_and(|since| patience.age(since) >= self.progress_deadline)
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
    Step::Replace { pods: vec![pod.pod.clone()], why }
}

fn highest<'a>(pods: impl Iterator<Item = &'a Master>) -> Option<&'a Master> {
    pods.max_by_key(|pod| pod.ordinal)
}
