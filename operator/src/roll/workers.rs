//! The next steps for the workers of one group: those on nodes that leave or are cordoned are taken out of service
//! first, and those that leave stay until what only they have is persisted; outdated ones are replaced, so many at once as may
//! be away. A worker that is ended by SIGTERM drains by itself.

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::jiff::Timestamp;

use super::{Failure, Patience, Strategy};

/// What is seen of a worker's pod.
#[derive(Clone, Debug)]
pub struct Worker {
    pub pod: String,
    pub node: String,
    pub hash: Option<String>,
    /// When it shall have ended; `None` where nobody ends it.
    pub ends_by: Option<Timestamp>,
    pub ready: bool,
    /// Since when it is ready, or is not.
    pub ready_changed: Timestamp,
    /// Whether it ever ran: before that it has nothing, and serves nobody.
    pub started: bool,
    pub failing: Option<String>,
    /// Whether the node is one that the user's selector and affinity ask for.
    pub wanted_here: bool,
    pub cordoned: bool,
    /// Whether it is out of service, and not by us.
    pub by_hand: bool,
    /// Since when it does not answer. Only those are asked so that are not ready.
    pub silent_since: Option<Timestamp>,
    /// A disruption budget did not let it go: when it is asked for again.
    pub retry_at: Option<Timestamp>,
    /// Since when we have it out of service; an annotation of the pod.
    pub taken_out: Option<Timestamp>,
    /// Whether the leader offers it to clients; `None` when it was not asked.
    pub offered: Option<bool>,
    /// Whether nothing is being done on it; `None` when it does not answer.
    pub idle: Option<bool>,
    /// How many files it has that are not in the under storage; `None` when it does not say.
    pub unpersisted: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct WorkerGroup {
    pub hash: String,
    /// How many pods its controller wants.
    pub desired: usize,
    pub max_unavailable: usize,
    /// Whether a pod that ends comes back with the hash.
    pub template_observed: bool,
    /// Since when its controller has not made all pods, as far as this operator has seen.
    pub missing_since: Option<Timestamp>,
    /// Since when a pod that ends would not come back with the hash, as far as this operator has seen.
    pub unseen_since: Option<Timestamp>,
    /// Whether a roll was under way at the last look.
    pub rolled: bool,
    pub workers: Vec<Worker>,
    pub strategy: Strategy,
    pub now: Timestamp,
    pub progress_deadline: Duration,
    pub decommission_timeout: Duration,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkersPlan {
    /// Nodes that are not wanted any more, but whose worker still has to be waited for.
    pub leaving_nodes: BTreeSet<String>,
    /// Pods whose worker the leader shall offer to nobody.
    pub take_out: Vec<String>,
    /// Pods whose worker may serve again.
    pub put_back: Vec<String>,
    pub replace: Vec<String>,
    pub stopped: Option<Failure>,
    /// One that does not end, which the roll goes on without.
    pub stuck: Option<Failure>,
    /// Pods that a disruption budget did not let go when they were asked for last.
    pub held: Vec<String>,
    /// Whether pods come or go, so that the roll goes on, whichever is held.
    pub moving: bool,
    /// What a disruption budget says of one that is to be replaced.
    pub refused: Option<String>,
    /// Whether a roll is not over.
    pub rolling: bool,
    /// Pods whose worker somebody took out of service; they are left as they are.
    pub by_hand: Vec<String>,
    /// How many pods are not there, of how many.
    pub missing: Option<(usize, usize)>,
    /// Pods as they shall be that are not ready, though nobody wants that.
    pub unready: Vec<String>,
    /// Pods whose worker is out of service for as long as its node is cordoned.
    pub cordoned: Vec<String>,
}

impl WorkersPlan {
    /// Whether a roll goes on: neither over nor given up.
    pub fn under_way(&self) -> bool {
        self.rolling && self.stopped.is_none()
    }

    /// A disruption budget does not let this one go. `since`: when it was refused first. As long as others go the roll has not failed.
    pub fn refuse(&mut self, pod: &str, why: &str, since: Timestamp, patience: Patience) {
        self.refused = Some(format!("{pod} may not go: {why}"));
        let failed = patience.refused(pod, why, since).filter(|_| !self.moving);
        self.stopped = self.stopped.take().or(failed);
    }
}

impl Worker {
    pub fn terminating(&self) -> bool {
        self.ends_by.is_some()
    }

    /// Whether a worker may be at work in it, ready or not.
    fn runs(&self) -> bool {
        self.started && self.failing.is_none()
    }

    /// Whether it does not serve because somebody wants it.
    fn spared(&self) -> bool {
        self.cordoned || self.by_hand || !self.wanted_here
    }
}

impl WorkerGroup {
    pub fn plan(&self) -> WorkersPlan {
        let mut plan = WorkersPlan::default();
        for worker in self.workers.iter().filter(|worker| !worker.terminating()) {
            self.service(worker, &mut plan);
        }
        self.roll(&mut plan);
        plan
    }

    /// Whether it shall be in or out of service.
    fn service(&self, worker: &Worker, plan: &mut WorkersPlan) {
        if worker.wanted_here && !worker.cordoned {
            if worker.taken_out.is_some() {
                plan.put_back.push(worker.pod.clone());
            }
            return;
        }
        if !worker.started {
            return;
        }
        if worker.wanted_here {
            plan.cordoned.push(worker.pod.clone());
        }
        // A leader that took over does not know what an earlier one took out.
        if worker.taken_out.is_none() || worker.offered == Some(true) {
            plan.take_out.push(worker.pod.clone());
        }
        if !worker.wanted_here && !self.may_leave(worker) {
            plan.leaving_nodes.insert(worker.node.clone());
        }
    }

    fn may_leave(&self, worker: &Worker) -> bool {
        let Some(since) = worker.taken_out else { return false };
        let out = worker.offered == Some(false) && worker.idle == Some(true) && worker.unpersisted == Some(0);
        out || self.patience().age(since) >= self.decommission_timeout
    }

    fn roll(&self, plan: &mut WorkersPlan) {
        let (stuck, stays): (Vec<_>, Vec<_>) =
            self.workers.iter().filter(|worker| worker.wanted_here).partition(|worker| self.is_stuck(worker));
        plan.stuck = stuck.iter().find(|worker| !worker.spared()).map(|worker| self.does_not_end(worker));
        // What somebody took out would come back into service with its next process.
        plan.by_hand =
            stays.iter().filter(|worker| worker.by_hand).map(|worker| worker.pod.clone()).collect();
        let outdated: Vec<_> =
            stays.iter().copied().filter(|worker| !self.current(worker) && !worker.by_hand).collect();
        let failures =
            || stays.iter().filter(|worker| self.current(worker) && !worker.ready && !worker.spared());
        // The last ones, too, have to become ready before it is over.
        let unfinished =
            self.rolled && (self.missing() > 0 || plan.stuck.is_some() || failures().next().is_some());
        plan.rolling = !outdated.is_empty() || unfinished;
        plan.unready = failures().map(|worker| worker.pod.clone()).collect();
        plan.stopped = failures()
            .filter_map(|worker| {
                self.patience().failure(&worker.pod, worker.ready_changed, worker.failing.as_deref())
            })
            .next()
            .or_else(|| self.not_made())
            .or_else(|| self.not_seen().filter(|_| !outdated.is_empty()))
            // Nothing else is left to be done.
            .or_else(|| plan.stuck.clone().filter(|_| outdated.is_empty()));
        plan.held = outdated
            .iter()
            .filter(|worker| worker.retry_at.is_some())
            .map(|worker| worker.pod.clone())
            .collect();
        plan.moving = self.missing() > 0
            || stays.iter().any(|worker| worker.terminating())
            || failures().next().is_some();
        plan.missing = (self.missing() > 0).then_some((self.missing(), self.desired));
        if !plan.rolling || !self.template_observed {
            return;
        }
        // What runs nothing, or is cordoned, costs nothing. Not ready is not enough: a worker that is cut off from the API server, or
        // that registers with a master that was started anew, has its blocks all the same.
        let (free, mut others): (Vec<_>, Vec<_>) = outdated
            .into_iter()
            .filter(|worker| !worker.terminating())
            .partition(|worker| worker.cordoned || !worker.runs());
        // It may be one that somebody took out, and say so at the next look.
        others.retain(|worker| !self.may_answer_yet(worker));
        plan.replace.extend(free.iter().map(|worker| worker.pod.clone()));
        if self.strategy == Strategy::Recreate {
            plan.replace.extend(others.iter().map(|worker| worker.pod.clone()));
            return;
        }
        if plan.stopped.is_some() {
            return;
        }
        // Those that are away already first: it makes no more of them. Then those that no budget refused; of those that one did the one
        // that was not asked for the longest.
        others.sort_by_key(|worker| (worker.ready, worker.retry_at));
        let may_try = |worker: &Worker| worker.retry_at.is_none_or(|at| at <= self.now);
        // One that may not go gives its place to the next, but for one that is away: it has taken it.
        others.retain(|worker| !worker.ready || may_try(worker));
        let budget = self.max_unavailable.max(1).saturating_sub(self.away());
        let next = others.into_iter().take(budget).filter(|worker| may_try(worker));
        plan.replace.extend(next.map(|worker| worker.pod.clone()));
    }

    /// Those away, whoever took them, but for those that are away because somebody wants it, and those that do not end: who knows
    /// when their node is back. Of those that are not ready the ones that are still to be replaced are none of them: they take their place when they are.
    fn away(&self) -> usize {
        let to_be_replaced = |worker: &Worker| !self.current(worker) && worker.runs();
        let away = |worker: &&Worker| {
            let away = worker.terminating() || (!worker.ready && !to_be_replaced(worker));
            away && !worker.spared() && !self.is_stuck(worker)
        };
        self.missing() + self.workers.iter().filter(away).count()
    }

    fn may_answer_yet(&self, worker: &Worker) -> bool {
        worker.silent_since.is_some_and(|since| !self.patience().is_over(since))
    }

    /// Whether it should have ended long ago. Only its node can tell that it has: that is gone, or hangs.
    fn is_stuck(&self, worker: &Worker) -> bool {
        worker.ends_by.is_some_and(|ends_by| self.patience().is_over(ends_by))
    }

    fn does_not_end(&self, worker: &Worker) -> Failure {
        let node = &worker.node;
        Failure {
            pod: worker.pod.clone(),
            seen: format!("does not end on the node {node}, for {}", self.patience().waited()),
            hint: format!(
                "the node may be gone: `kubectl cordon {node}` until it is back, or `kubectl delete node {node}` when it is gone for good"
            ),
        }
    }

    fn not_made(&self) -> Option<Failure> {
        let since = self.missing_since.filter(|_| self.missing() > 0)?;
        let patience = self.patience();
        patience.is_over(since).then(|| Failure {
            pod: "workers".to_owned(),
            seen: format!("{} of {} do not exist, for {}", self.missing(), self.desired, patience.waited()),
            hint: "their set does not make them; `kubectl describe daemonset`, or statefulset, says why (a quota, an admission rule, Pod Security)"
                .to_owned(),
        })
    }

    fn not_seen(&self) -> Option<Failure> {
        let since = self.unseen_since.filter(|_| !self.template_observed)?;
        let patience = self.patience();
        patience.is_over(since).then(|| Failure {
            pod: "workers".to_owned(),
            seen: format!("their set does not have the change, or its controller has not seen it, for {}", patience.waited()),
            hint: "`kubectl get daemonset -o yaml --show-managed-fields`, or statefulset, says who sets its template back".to_owned(),
        })
    }

    /// How many pods its controller has not made.
    fn missing(&self) -> usize {
        self.desired.saturating_sub(self.workers.len())
    }

    fn current(&self, worker: &Worker) -> bool {
        worker.hash.as_deref() == Some(self.hash.as_str())
    }

    fn patience(&self) -> Patience {
        Patience { now: self.now, progress_deadline: self.progress_deadline }
    }
}
