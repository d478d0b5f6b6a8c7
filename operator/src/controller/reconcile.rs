//! One reconcile of one cluster.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::future::{join_all, try_join_all};
use k8s_openapi::{
    api::{
        apps::v1::{DaemonSet, StatefulSet},
        batch::v1::Job,
        core::v1::{ConfigMap, Pod, Service, ServiceAccount},
        policy::v1::PodDisruptionBudget,
    },
    jiff::Timestamp,
};
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
    runtime::controller::Action,
};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::{
    Context, deletion,
    gate::Gate,
    intent::{self, Intent, Objects},
    masters, mounts,
    next_look::next_look,
    observed::{self, Observed},
    report::{Ensemble, Report, ended_unwell},
    selectors::selector,
    workers::{self, GroupPlan},
};
use crate::{
    act,
    apply::{
        Applied, Applier, ApplyError, Change, ChildKind, Contests, FIELD_MANAGER, Keep, Wanted, orphans,
    },
    build::{CONFIG_ROW, names::worker_group},
    crd::{AlluxioCluster, AlluxioClusterStatus, Reason},
    observe::{
        leader,
        pulse::{ClusterKey, Target, Targets},
    },
    roll::{MastersPlan, Step},
    status::{Verdict, transitions},
    validate::Refusals,
};

/// No reconcile acts longer: what hangs must not keep the cluster from the next one. What was seen is told after that.
const LONGEST: Duration = Duration::from_secs(60);

/// So long the first look may take, and as long is left for the telling.
const LOOKING: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error("the API server: {0}; it is tried again")]
    Kube(#[from] kube::Error),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error("an object cannot be written: {0}")]
    Json(#[from] serde_json::Error),
    #[error("what runs cannot be built as it is: {0}")]
    Refused(Refusals),
    #[error("the reconcile took longer than {} s: the API server, or the leader, is slow; it is tried again", LONGEST.as_secs())]
    Late,
}

pub async fn reconcile(
    cluster: Arc<AlluxioCluster>,
    context: Arc<Context>,
) -> Result<Action, ReconcileError> {
    let started = Instant::now();
    // In a box: what it awaits is nested deeper than the compiler computes the size of one future.
    let once = Box::pin(once(&cluster, &context));
    let done = timeout(LOOKING + LONGEST + LOOKING, once).await.unwrap_or(Err(ReconcileError::Late));
    context.metrics.reconciled(started.elapsed(), if done.is_ok() { "ok" } else { "failed" });
    done
}

/// What failed is tried again, less and less often by kube's own back-off of watches; here at a fixed pace that one
/// cluster in trouble may have.
pub fn after_failure(cluster: Arc<AlluxioCluster>, error: &ReconcileError, _: Arc<Context>) -> Action {
    tracing::warn!(cluster = cluster.name_any(), namespace = cluster.namespace(), %error, "reconcile failed");
    Action::requeue(Duration::from_secs(5))
}

async fn once(seen: &AlluxioCluster, context: &Context) -> Result<Action, ReconcileError> {
    let key = ClusterKey { namespace: seen.namespace().unwrap_or_default(), name: seen.name_any() };
    let clusters: Api<AlluxioCluster> = Api::namespaced(context.client.clone(), &key.namespace);
    // What the watch has may be older than what we wrote last.
    let Some(cluster) = clusters.get_opt(&key.name).await? else {
        context.forget(&key);
        return Ok(Action::await_change());
    };
    if cluster.metadata.deletion_timestamp.is_some() {
        context.forget(&key);
        let step = timeout(LONGEST, deletion::step(context, &cluster));
        return step.await.unwrap_or(Err(ReconcileError::Late));
    }
    deletion::guard(context, &cluster).await?;
    Reconcile::new(context, &key, cluster).run().await
}

/// What became of the objects.
struct Made {
    /// Whether the journal is there, and so the masters' set.
    formatted: bool,
    /// The sets that are new, or whose controllers have to look at them anew, by name.
    renewed: BTreeSet<String>,
}

pub(super) struct Reconcile<'a> {
    pub(super) context: &'a Context,
    pub(super) cluster: AlluxioCluster,
    pub(super) now: Timestamp,
    /// The same, by a clock that nobody sets.
    pub(super) started: Instant,
    pub(super) pods: Api<Pod>,
    pub(super) jobs: Api<Job>,
    pub(super) applier: Applier,
    contests: Contests,
    pub(super) key: &'a ClusterKey,
}

impl<'a> Reconcile<'a> {
    fn new(context: &'a Context, key: &'a ClusterKey, cluster: AlluxioCluster) -> Self {
        let client = || context.client.clone();
        let (uid, contests) = (cluster.uid().unwrap_or_default(), context.contests.of(key));
        let applier = Applier::new(client(), &key.namespace, &uid, contests.clone());
        let pods = Api::namespaced(client(), &key.namespace);
        let jobs = Api::namespaced(client(), &key.namespace);
        let (now, started) = (Timestamp::now(), Instant::now());
        Self { context, cluster, now, started, pods, jobs, applier, contests, key }
    }

    async fn run(self) -> Result<Action, ReconcileError> {
        // Until it is known what to ask.
        let mut report = Report { zookeeper: Ensemble::NotAsked, ..Report::default() };
        let look = Observed::look(self.context, &self.cluster);
        let observed = timeout(LOOKING, look).await.map_err(|_| ReconcileError::Late)??;
        let acts = Box::pin(self.act(&observed, &mut report));
        let done = timeout(LONGEST, acts).await.unwrap_or(Err(ReconcileError::Late));
        if report.masters.is_none() {
            // Workers are not asked. What one said before tells nothing of now, and its silence is not counted meanwhile.
            self.context.by_hand.forget(self.key);
            self.context.refused.forget(self.key);
            self.context.missing.forget(self.key);
            self.context.unseen.forget(self.key);
        }
        if let Err(error) = &done {
            report.failed = Some(Verdict::is(Reason::ApplyFailed, error.to_string()));
        }
        // What is so is told in any case: who leads, and why nothing goes on, must be seen also where it fails for days.
        let told = self.tell(report, &observed).await;
        done.and(told)
    }

    /// What is seen and done goes into the report, also where it is cut short.
    async fn act(&self, observed: &Observed, report: &mut Report) -> Result<(), ReconcileError> {
        // Which master leads is so whatever the spec says: also while it is paused, or refused.
        let moves = leader::moves(&observed.candidates());
        let mut done = act::move_label(&self.pods, &moves).await.map_err(ReconcileError::from);
        let wanted = intent::of(self.context, &self.cluster, observed).await?;
        let ensemble = match &wanted {
            Ok(intent) => intent.zookeeper.clone(),
            // The one that masters use, which may not be the one that is refused.
            Err(_) => observed.ensembles().pop().unwrap_or_else(|| {
                let zookeeper = self.cluster.spec.zookeeper.as_ref();
                zookeeper.map(|zookeeper| zookeeper.addresses.clone()).unwrap_or_default()
            }),
        };
        self.watch(observed, &ensemble);
        report.zookeeper = match ensemble.is_empty() {
            true => Ensemble::None,
            // Asked here it would hold up everything that follows, and once for each cluster that has it.
            false => self.context.pulse.zookeeper(self.key).map_or(Ensemble::NotAsked, Ensemble::answers),
        };
        match wanted {
            Err(refused) => report.refused = Some(refused),
            Ok(intent) => {
                report.image.clone_from(&intent.image);
                report.master_hash = Some(intent.master_hash.clone());
                report.endpoints = Some(intent.endpoints.clone());
                if !self.cluster.spec.paused && done.is_ok() {
                    done = self.gated(&intent, observed, report).await;
                }
            }
        }
        done
    }

    /// What it says is carried out by an image that can.
    async fn gated(
        &self,
        intent: &Intent,
        observed: &Observed,
        report: &mut Report,
    ) -> Result<(), ReconcileError> {
        match self.gate(intent, observed).await? {
            Gate::Open => self.carry_out(intent, observed, report).await?,
            Gate::Looks(what) => report.looks = Some(what),
            Gate::Refused(why) => report.refused = Some(why),
        }
        Ok(())
    }

    fn watch(&self, observed: &Observed, zookeeper: &[String]) {
        let masters = observed.masters.iter().filter_map(|seen| {
            let facts = &seen.facts;
            let port = observed::web_port(facts, &self.cluster);
            Some(Target { pod: facts.name.clone(), host: facts.ip.clone()?, port })
        });
        let targets = Targets { masters: masters.collect(), zookeeper: zookeeper.to_vec() };
        self.context.pulse.watch(self.key.clone(), targets);
    }

    async fn carry_out(
        &self,
        intent: &Intent,
        observed: &Observed,
        report: &mut Report,
    ) -> Result<(), ReconcileError> {
        let plan =
            masters::plan(self.context, self.key, &self.cluster, observed, &intent.master_hash, self.now);
        report.masters = Some(plan.clone());
        report.groups =
            workers::plan(self.context, self.key, &self.cluster, observed, &intent.group_hashes, self.now)
                .await;
        let made = self.make(intent, observed, &plan, report).await;
        self.contests.keep(intent.names());
        report.contested = self.contests.told();
        let Made { formatted, renewed } = match made {
            Ok(made) => made,
            Err(ReconcileError::Apply(error)) if error.is_final() => {
                report.failed = Some(Verdict::is(Reason::ApplyFailed, error.to_string()));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if report.journal_trouble().is_some() {
            // Nothing is replaced: what runs has in memory what is not where it should be.
            return Ok(());
        }
        let served = workers::serve(&self.cluster, observed, &report.groups, &self.pods).await;
        self.context.tell(&self.cluster, &served.told).await;
        report.decommission = served.failure;
        let replaced = self.replace(&plan, observed, &renewed, report).await;
        if self.workers_follow(&plan, observed) {
            let rolling = report.groups.iter().any(|group| group.plan.under_way());
            // Where nobody serves a Job may be looking for the journal.
            if !rolling && formatted && observed.leader().is_some() {
                self.clear(intent, observed, &report.groups).await?;
            }
            (report.mounts, report.failed) =
                mounts::mount(self.context, &self.cluster, intent.validated(), observed).await?;
        }
        replaced
    }

    /// Whether workers are replaced, and mounts made: all masters are as wanted, and a standby that is not well needs nothing of them. With one that this
    /// roll has broken the roll has failed, and the rest stays as it is.
    pub(super) fn workers_follow(&self, plan: &MastersPlan, observed: &Observed) -> bool {
        match &plan.step {
            Step::Settled => true,
            Step::Unwell(failure) => {
                observed.leader().is_some() && !ended_unwell(&self.cluster, observed, failure)
            }
            Step::Wait(_) | Step::Replace { .. } | Step::Recreate(_) | Step::Stopped(_) => false,
        }
    }

    /// All objects; masters only when the journal is there.
    async fn make(
        &self,
        intent: &Intent,
        observed: &Observed,
        plan: &MastersPlan,
        report: &mut Report,
    ) -> Result<Made, ReconcileError> {
        let Objects { used, workers, masters } = intent.objects(plan.replicas, &report.groups)?;
        self.apply(used).await?;
        let mut renewed = self.apply(workers).await?;
        // The Job needs the others: the account, the settings, the claim.
        let formatted = self.journal(intent, observed, report).await?;
        if formatted {
            renewed.extend(self.apply(masters).await?);
        }
        Ok(Made { formatted, renewed })
    }

    /// The names of those that are not any more what was seen. They are asked for and written at the same time: one after the other a reconcile would be little but
    /// waiting for the API server.
    async fn apply(&self, objects: Vec<Wanted>) -> Result<BTreeSet<String>, ReconcileError> {
        let applied = join_all(objects.iter().map(|wanted| self.apply_one(wanted))).await;
        let renewed = objects.iter().zip(applied).map(|(wanted, applied)| {
            let renewed = applied?.renewed();
            Ok(renewed.then(|| wanted.name.clone()))
        });
        let renewed = renewed.collect::<Result<Vec<_>, ReconcileError>>()?;
        Ok(renewed.into_iter().flatten().collect())
    }

    async fn apply_one(&self, wanted: &Wanted) -> Result<Applied, ReconcileError> {
        let applied = self.applier.apply(wanted).await?;
        let why = match &applied {
            Applied::Unchanged | Applied::Contested(_) => return Ok(applied),
            Applied::Deleted => "deleted",
            Applied::Created => "created",
            Applied::Changed { why: Change::Edit, .. } => "edit",
            Applied::Changed { why: Change::Drift(_), .. } => "drift",
        };
        self.context.metrics.wrote(&wanted.resource.kind, why);
        Ok(applied)
    }

    /// Takes away what is not wanted any more; never in the middle of a roll, which may have to go back. One that was given up may last for days.
    async fn clear(
        &self,
        intent: &Intent,
        observed: &Observed,
        groups: &[GroupPlan],
    ) -> Result<(), ReconcileError> {
        let pods = observed.masters.iter().map(|seen| &seen.facts).chain(observed.workers.values().flatten());
        let leaving = groups.iter().filter(|group| !group.plan.leaving_nodes.is_empty());
        let keep = Keep {
            used: pods.flat_map(|facts| facts.config_maps.iter().cloned()).collect(),
            leaving: leaving.map(|group| worker_group(&self.key.name, &group.name)).collect(),
        };
        let (selector, kinds) = (selector(&self.key.name), child_kinds());
        let existing = try_join_all(kinds.iter().map(|kind| self.applier.existing(kind, &selector))).await?;
        for (kind, existing) in kinds.iter().zip(existing) {
            for orphan in orphans(&existing, intent.names(), &keep) {
                self.applier.delete(&kind.resource, orphan).await?;
                self.context.metrics.wrote(&orphan.kind, "deleted");
            }
        }
        Ok(())
    }

    /// Writes the status where it changed, and tells what happened.
    async fn tell(&self, report: Report, observed: &Observed) -> Result<Action, ReconcileError> {
        let (moved, still) = (next_look(&report, true), next_look(&report, false));
        let before = self.cluster.status.clone().unwrap_or_default();
        let status = report.status(&self.cluster, observed, self.now);
        if status != before {
            self.write(&status).await?;
            self.context.tell(&self.cluster, &transitions(&before, &status)).await;
            return Ok(Action::requeue(moved));
        }
        Ok(Action::requeue(still))
    }

    async fn write(&self, status: &AlluxioClusterStatus) -> Result<(), ReconcileError> {
        let clusters: Api<AlluxioCluster> = Api::namespaced(self.context.client.clone(), &self.key.namespace);
        // The uid: one that was deleted and made anew meanwhile is another cluster.
        let applied = json!({
            "apiVersion": "alluxio.org/v1alpha1",
            "kind": "AlluxioCluster",
            "metadata": { "name": self.key.name, "uid": self.cluster.uid() },
            "status": status,
        });
        let force = PatchParams::apply(FIELD_MANAGER).force();
        clusters.patch_status(&self.key.name, &force, &Patch::Apply(applied)).await?;
        self.context.metrics.wrote("AlluxioCluster", "status");
        Ok(())
    }
}

/// What clusters own, in the order in which it is taken away: pods before what they use. Claims have no owner.
fn child_kinds() -> [ChildKind; 7] {
    [
        ChildKind::of::<StatefulSet>(None),
        ChildKind::of::<DaemonSet>(None),
        ChildKind::of::<Job>(None),
        ChildKind::of::<Service>(None),
        ChildKind::of::<PodDisruptionBudget>(None),
        ChildKind::of::<ConfigMap>(Some(CONFIG_ROW)),
        ChildKind::of::<ServiceAccount>(None),
    ]
}

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod whole;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fake_api::FakeApi, fixture};

    #[tokio::test]
    async fn a_set_that_is_not_wanted_goes_when_its_workers_have_left() {
        const SET: &str = "/apis/apps/v1/namespaces/data/daemonsets/demo-worker-old";
        let api = FakeApi::default();
        let (context, cluster) = (Context::for_test(&api), fixture::cluster("{}"));
        let owner =
            json!([{ "apiVersion": "v", "kind": "k", "name": "demo", "uid": "uid-1", "controller": true }]);
        let labels = json!({ "app.kubernetes.io/managed-by": "alluxio-operator", "app.kubernetes.io/instance": "demo" });
        api.put(SET, json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": { "name": "demo-worker-old", "uid": "u", "labels": labels, "ownerReferences": owner },
        }));
        let intent = intent::of(&context, &cluster, &Observed::default())
            .await
            .unwrap()
            .unwrap_or_else(|no| panic!("{no:?}"));
        let key = ClusterKey { namespace: "data".to_owned(), name: "demo".to_owned() };
        let reconcile = Reconcile::new(&context, &key, cluster);
        let mut group = GroupPlan { name: "old".to_owned(), ..GroupPlan::default() };
        group.plan.leaving_nodes.insert("n".to_owned());
        reconcile.clear(&intent, &Observed::default(), std::slice::from_ref(&group)).await.unwrap();
        assert!(api.get(SET).is_some());
        group.plan.leaving_nodes.clear();
        reconcile.clear(&intent, &Observed::default(), &[group]).await.unwrap();
        assert!(api.get(SET).is_none());
    }
}
