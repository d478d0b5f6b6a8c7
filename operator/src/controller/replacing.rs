//! Which pods end so that new ones come, and what is told of those that a disruption budget does not let go.

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::jiff::Timestamp;

use super::{
    masters::{self, progress_deadline},
    observed::Observed,
    reconcile::{Reconcile, ReconcileError},
    report::Report,
    workers::GroupPlan,
};
use crate::{
    act::{self, Replaced},
    build::names::{self, worker_group},
    observe::{pods::PodFacts, refused::Refusal},
    roll::{MastersPlan, Patience, Step},
    status::Occurrence,
};

/// So long what was seen of the masters holds.
const FRESH: Duration = Duration::from_secs(5);

impl Reconcile<'_> {
    /// Workers after the masters: a worker of a newer release may need a newer master. `renewed`: the sets whose controllers have not
    /// seen the present template, so that a pod which is replaced now may come back as it was.
    pub(super) async fn replace(
        &self,
        plan: &MastersPlan,
        observed: &Observed,
        renewed: &BTreeSet<String>,
        report: &mut Report,
    ) -> Result<(), ReconcileError> {
        let name = &self.key.name;
        let master = match &plan.step {
            Step::Replace { pod, why } => {
                let seen = observed.masters.iter().find(|seen| seen.facts.name == *pod);
                seen.map(|seen| (&seen.facts, why))
            }
            _ => None,
        };
        let workers = report.groups.iter().flat_map(|group| to_go(group, observed));
        let to_go = workers.chain(master.map(|(facts, _)| facts));
        let to_go: BTreeSet<_> = to_go.map(|facts| facts.uid.as_str()).collect();
        self.context.refused.keep(self.key, &to_go);
        if let Some((facts, why)) = master.filter(|_| !renewed.contains(&names::masters(name))) {
            if self.still(plan, report).await? && self.ends(facts).await? {
                self.context.metrics.replaced("master");
                let step = format!("{} is replaced: {why}", facts.name);
                self.context.tell(&self.cluster, &[Occurrence::normal("RollStep", step)]).await;
            }
            if let Some(Refusal { why, since, .. }) = self.context.refused.of(self.key, &facts.uid) {
                report.masters = Some(plan.refused(&why, since, self.patience()));
            }
        }
        if self.workers_follow(plan, observed) {
            let seen = |group: &&mut GroupPlan| !renewed.contains(&worker_group(name, &group.name));
            // One that fails holds up no other group.
            let mut failed = None;
            for group in report.groups.iter_mut().filter(seen) {
                failed = failed.or(self.replace_workers(group, observed).await.err());
            }
            return failed.map_or(Ok(()), |error| Err(error.into()));
        }
        Ok(())
    }

    /// Whether the masters are still as they were, where the look at them was a while ago: another one may have failed meanwhile.
    async fn still(&self, plan: &MastersPlan, report: &Report) -> Result<bool, kube::Error> {
        if self.started.elapsed() < FRESH {
            return Ok(true);
        }
        let observed = Observed::look(self.context, &self.cluster).await?;
        let hash = report.master_hash.as_deref().unwrap_or_default();
        let again = masters::plan(self.context, self.key, &self.cluster, &observed, hash, Timestamp::now());
        Ok(again.step == plan.step)
    }

    async fn replace_workers(&self, group: &mut GroupPlan, observed: &Observed) -> Result<(), kube::Error> {
        let mut replaced = Vec::new();
        let mut failed = None;
        let pods = to_go(group, observed);
        for facts in pods.iter().filter(|facts| group.plan.replace.contains(&facts.name)) {
            match self.ends(facts).await {
                Ok(true) => {
                    self.context.metrics.replaced("worker");
                    replaced.push(facts.name.as_str());
                }
                Ok(false) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if !replaced.is_empty() {
            let step = format!("workers of the group {} are replaced: {}", group.name, replaced.join(", "));
            self.context.tell(&self.cluster, &[Occurrence::normal("RollStep", step)]).await;
        }
        group.plan.moving |= !replaced.is_empty();
        let refused =
            pods.iter().filter_map(|facts| Some((facts, self.context.refused.of(self.key, &facts.uid)?)));
        // The same one at each look, or each would write the status.
        if let Some((facts, Refusal { why, since, .. })) = refused.min_by_key(|(_, refusal)| refusal.since) {
            group.plan.refuse(&facts.name, &why, since, self.patience());
        }
        failed.map_or(Ok(()), Err)
    }

    /// Whether it is replaced now.
    async fn ends(&self, facts: &PodFacts) -> Result<bool, kube::Error> {
        let refused = &self.context.refused;
        if !refused.may_try(self.key, &facts.uid, self.now) {
            return Ok(false);
        }
        Ok(match act::replace(&self.pods, &facts.name, &facts.uid).await? {
            Replaced::Yes => {
                refused.granted(self.key, &facts.uid);
                true
            }
            Replaced::Another => false,
            Replaced::Refused(why) => {
                refused.refused(self.key, &facts.uid, why, Timestamp::now());
                false
            }
        })
    }

    fn patience(&self) -> Patience {
        Patience { now: self.now, progress_deadline: progress_deadline(&self.cluster) }
    }
}

/// The pods of the group that are to be replaced, now or when a budget lets them go.
fn to_go<'a>(group: &GroupPlan, observed: &'a Observed) -> Vec<&'a PodFacts> {
    let pods = observed.workers.get(&group.name).map(Vec::as_slice).unwrap_or_default();
    let GroupPlan { plan, .. } = group;
    let goes = |facts: &&PodFacts| plan.replace.contains(&facts.name) || plan.held.contains(&facts.name);
    pods.iter().filter(goes).collect()
}
