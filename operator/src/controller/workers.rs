//! From what is seen of the workers to the next steps, and taking them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::{
    future::join,
    stream::{self, StreamExt as _},
};
use k8s_openapi::{
    api::core::v1::{Affinity, Pod},
    jiff::Timestamp,
};
use kube::Api;
use tokio::time::{Instant, timeout_at};

use super::{
    Context,
    keeping::kept_nodes,
    masters::{progress_deadline, seconds, strategy},
    observed::Observed,
    report::some_of,
    standing::standing,
};
use crate::{
    act::{PodOf, WorkerName, WorkerService},
    crd::{self, AlluxioCluster, WorkerKind, status::GroupStatus},
    observe::{health::WorkerRole, nodes::NodeTerms, pods::PodFacts, pulse::ClusterKey},
    roll::{Worker, WorkerGroup, WorkersPlan},
    status::Occurrence,
};

/// What a group is and what is to be done in it.
#[derive(Debug, Default)]
pub struct GroupPlan {
    pub name: String,
    pub hash: String,
    pub plan: WorkersPlan,
    /// What `spec.replicas` of a StatefulSet shall be: workers that leave are still among them.
    pub replicas: Option<u32>,
    /// The nodes that a DaemonSet has by name.
    pub kept_nodes: BTreeSet<String>,
    /// Those of the workers of a group that is not in the spec.
    pub web_ports: BTreeSet<u16>,
}

/// How long workers of a set may take that does not say it.
const DECOMMISSION_TIMEOUT: Duration = Duration::from_secs(300);

/// So many workers are asked at once, and so long all of a group together: who leads has to be told in time also where a rack is gone.
const AT_ONCE: usize = 100;
const ASKING: Duration = Duration::from_secs(3);

/// So long workers are taken out of service and put back in one reconcile: nothing else is done for the cluster meanwhile.
const SERVING: Duration = Duration::from_secs(5);

/// `hashes`: by group, what pods shall have been started with. Asks the leader and the workers only where a node leaves or is
/// cordoned, and workers that are not ready. A set whose group is not in the spec any more has a plan as long as it is there: all its workers leave.
pub async fn plan(
    context: &Context,
    key: &ClusterKey,
    cluster: &AlluxioCluster,
    observed: &Observed,
    hashes: &BTreeMap<String, String>,
    now: Timestamp,
) -> Vec<GroupPlan> {
    let (mut plans, none) = (Vec::new(), BTreeSet::new());
    let missing = context.missing.since(key, missing(observed), now);
    let unseen = context.unseen.since(key, unseen(observed, hashes), now);
    let (leaving, unready) = (BTreeSet::new(), BTreeSet::new());
    let mut asked = Asked { context, key, cluster, observed, now, offered: None, leaving, unready };
    for group in &cluster.spec.workers {
        let Some(hash) = hashes.get(&group.name) else { continue };
        let terms = node_terms(group);
        let worker = |facts: &PodFacts| worker(context, cluster, group, &terms, facts);
        let group_seen = WorkerGroup {
            missing_since: missing.get(&group.name).copied(),
            unseen_since: unseen.get(&group.name).copied(),
            rolled: told(cluster, &group.name).is_some_and(|told| told.rolling),
            max_unavailable: usize::try_from(group.max_unavailable).unwrap_or(1),
            decommission_timeout: seconds(group.decommission_timeout_seconds),
            ..asked.group(&group.name, hash, worker).await
        };
        let plan = group_seen.plan();
        let replicas =
            (group.kind == WorkerKind::StatefulSet).then(|| replicas(group, &group_seen.workers, &plan));
        let named = observed.kept_nodes.get(&group.name).unwrap_or(&none);
        let kept_nodes = kept_nodes(context.nodes.as_ref(), &terms, &group_seen.workers, &plan, named);
        let (name, hash) = (group.name.clone(), hash.clone());
        plans.push(GroupPlan { name, hash, plan, replicas, kept_nodes, ..GroupPlan::default() });
    }
    for name in removed(cluster, observed) {
        let leaving = |facts: &PodFacts| Worker { wanted_here: false, ..seen(facts) };
        let plan = asked.group(name, "", leaving).await.plan();
        let pods = observed.workers.get(name).into_iter().flatten();
        let web_ports = pods.filter_map(|facts| facts.web_port).collect();
        // Its set stays as it is.
        plans.push(GroupPlan { name: name.clone(), plan, web_ports, ..GroupPlan::default() });
    }
    context.quiet.keep(key, &asked.leaving);
    context.by_hand.keep(key, &asked.unready);
    plans
}

/// The groups that have fewer pods than their set wants.
fn missing(observed: &Observed) -> impl Iterator<Item = String> {
    let pods = |name: &String| observed.workers.get(name).map_or(0, Vec::len);
    let sets = observed.worker_sets.iter().filter(move |(name, set)| pods(name) < set.desired);
    sets.map(|(name, _)| name.clone())
}

/// The groups whose set would not make pods with these.
fn unseen(observed: &Observed, hashes: &BTreeMap<String, String>) -> impl Iterator<Item = String> {
    let makes = |name: &String, hash: &str| observed.worker_sets.get(name).is_some_and(|set| set.makes(hash));
    hashes.iter().filter(move |(name, hash)| !makes(name, hash)).map(|(name, _)| name.clone())
}

/// The groups whose set is there, but not in the spec.
fn removed<'a>(cluster: &'a AlluxioCluster, observed: &'a Observed) -> impl Iterator<Item = &'a String> {
    let wanted = |name: &String| cluster.spec.workers.iter().any(|group| group.name == *name);
    observed.worker_sets.keys().filter(move |name| !wanted(name))
}

/// What the leader and the workers say, where they are asked.
struct Asked<'a> {
    context: &'a Context,
    key: &'a ClusterKey,
    cluster: &'a AlluxioCluster,
    observed: &'a Observed,
    now: Timestamp,
    /// `None` before the leader was asked; an inner `None` when it did not answer.
    offered: Option<Option<Vec<WorkerName>>>,
    /// The pods that leave, by uid.
    leaving: BTreeSet<String>,
    /// The pods that may have been taken out of service by hand, by uid.
    unready: BTreeSet<String>,
}

impl Asked<'_> {
    /// What can be seen of the group without the spec. `hash`: what its pods shall have been started with.
    async fn group(&mut self, name: &str, hash: &str, worker: impl Fn(&PodFacts) -> Worker) -> WorkerGroup {
        let pods = self.observed.workers.get(name).map(Vec::as_slice).unwrap_or_default();
        let refused = |facts: &PodFacts| self.context.refused.retry_at(self.key, &facts.uid);
        let worker = |facts| Worker { retry_at: refused(facts), ..worker(facts) };
        let seen: Vec<_> = pods.iter().map(|facts| (facts, worker(facts))).collect();
        let leaving = seen.iter().filter(|(_, worker)| leaves(worker));
        self.leaving.extend(leaving.map(|(facts, _)| facts.uid.clone()));
        let unready = seen.iter().filter(|(_, worker)| may_be_out(worker));
        self.unready.extend(unready.map(|(facts, _)| facts.uid.clone()));
        if self.offered.is_none() && seen.iter().any(|(_, worker)| leaves(worker)) {
            self.offered = Some(offered_workers(self.cluster, self.observed).await);
        }
        // At the same time: those on a node that is gone take as long as they may.
        let until = Instant::now() + ASKING;
        let this = &*self;
        // Collected first: the compiler cannot tell that a stream which still has the closure may be sent.
        let asked: Vec<_> =
            seen.into_iter().map(|(facts, worker)| this.asked(facts, worker, until)).collect();
        let workers = stream::iter(asked).buffered(AT_ONCE).collect().await;
        let set = self.observed.worker_sets.get(name).cloned().unwrap_or_default();
        WorkerGroup {
            hash: hash.to_owned(),
            desired: set.desired,
            max_unavailable: 1,
            template_observed: set.makes(hash),
            missing_since: None,
            unseen_since: None,
            rolled: false,
            workers,
            strategy: strategy(self.cluster.spec.upgrade_strategy),
            now: self.now,
            progress_deadline: progress_deadline(self.cluster),
            decommission_timeout: set.decommission_timeout.unwrap_or(DECOMMISSION_TIMEOUT),
        }
    }

    /// The worker with what is asked of it.
    async fn asked(&self, facts: &PodFacts, mut worker: Worker, until: Instant) -> Worker {
        if leaves(&worker) {
            self.ask(facts, &mut worker, until).await;
            return worker;
        }
        if may_be_out(&worker) {
            let answer = self.role(facts, until).await.map(|role| role.decommissioned);
            let said = self.context.by_hand.said(self.key, &facts.uid, answer, self.now);
            (worker.by_hand, worker.silent_since) = (said.by_hand, said.silent_since);
        }
        worker
    }

    async fn ask(&self, facts: &PodFacts, worker: &mut Worker, until: Instant) {
        let offered = self.offered.iter().flatten().next();
        worker.offered = offered.zip(worker_name(facts)).map(|(all, name)| all.contains(&name));
        let operations = async {
            let (ip, port) = facts.ip.as_deref().zip(facts.web_port)?;
            in_time(until, self.context.health.operations(ip, port)).await
        };
        let (role, operations) = join(self.role(facts, until), operations).await;
        worker.unpersisted = role.and_then(|role| role.unpersisted_files);
        worker.idle = Some(self.context.quiet.count(self.key, &facts.uid, operations));
    }

    async fn role(&self, facts: &PodFacts, until: Instant) -> Option<WorkerRole> {
        let (ip, port) = facts.ip.as_deref().zip(facts.web_port)?;
        in_time(until, self.context.health.worker(ip, port)).await
    }
}

fn leaves(worker: &Worker) -> bool {
    !worker.wanted_here || worker.cordoned
}

/// Whether somebody may have taken it out of service.
fn may_be_out(worker: &Worker) -> bool {
    let stays = !leaves(worker) && !worker.terminating() && worker.taken_out.is_none();
    stays && worker.started && !worker.ready
}

async fn in_time<T>(until: Instant, question: impl Future<Output = Option<T>>) -> Option<T> {
    timeout_at(until, question).await.ok().flatten()
}

/// What became of the plan of the service.
#[derive(Debug, Default)]
pub struct Served {
    /// Why not all of it was done.
    pub failure: Option<String>,
    pub told: Vec<Occurrence>,
}

impl From<String> for Served {
    fn from(failure: String) -> Self {
        Self { failure: Some(failure), ..Self::default() }
    }
}

impl Served {
    fn tell(&mut self, reason: &'static str, group: &str, what: &str, pods: &[String]) {
        if !pods.is_empty() {
            tracing::info!(group, ?pods, "{what}");
            let note = format!("of the group {group}: {}: {what}", some_of(pods));
            self.told.push(Occurrence::normal(reason, note));
        }
    }
}

/// Does what the plan of the service says, as far as it gets in time. What fails, and what is left, is tried at the next reconcile.
pub async fn serve(
    cluster: &AlluxioCluster,
    observed: &Observed,
    plans: &[GroupPlan],
    pods: &Api<Pod>,
) -> Served {
    let mut served = Served::default();
    let wanted = plans.iter().any(|group| !group.plan.take_out.is_empty() || !group.plan.put_back.is_empty());
    if !wanted {
        return served;
    }
    let service =
        match observed.leading(cluster).map(|leader| WorkerService::new(&leader, &cluster.spec.properties)) {
            Some(Ok(service)) => service,
            Some(Err(error)) => return format!("workers cannot be taken out of service: {error}").into(),
            None => return "workers that leave wait for a leader".to_owned().into(),
        };
    let until = Instant::now() + SERVING;
    for group_plan in plans {
        if let Some(late) = serve_group(&service, observed, group_plan, pods, until, &mut served).await {
            served.failure.get_or_insert_with(|| format!("{late} and others wait: the leader is slow"));
            break;
        }
    }
    served
}

/// The pod at which the time was over.
async fn serve_group(
    service: &WorkerService,
    observed: &Observed,
    group: &GroupPlan,
    pods: &Api<Pod>,
    until: Instant,
    served: &mut Served,
) -> Option<String> {
    let of = |name: &String| {
        let facts = observed.workers.get(&group.name)?.iter().find(|facts| facts.name == *name)?;
        Some((facts, worker_name(facts)?))
    };
    let (mut out, mut back, mut late) = (Vec::new(), Vec::new(), None);
    for (facts, name) in group.plan.take_out.iter().filter_map(of) {
        if Instant::now() >= until {
            late = Some(facts.name.clone());
            break;
        }
        let pod = PodOf { name: &facts.name, uid: &facts.uid, marked: facts.taken_out.is_some() };
        match service.take_out(pods, &pod, &name).await {
            // To a leader that took over it is said once more.
            Ok(()) if pod.marked => {}
            Ok(()) => out.push(facts.name.clone()),
            Err(error) => {
                served.failure = Some(format!("{} cannot be taken out of service: {error}", facts.name))
            }
        }
    }
    for (facts, name) in group.plan.put_back.iter().filter_map(of) {
        if late.is_some() || Instant::now() >= until {
            late = late.or_else(|| Some(facts.name.clone()));
            break;
        }
        let pod = PodOf { name: &facts.name, uid: &facts.uid, marked: true };
        match service.put_back(pods, &pod, &name).await {
            Ok(()) => back.push(facts.name.clone()),
            Err(error) => {
                served.failure = Some(format!("{} cannot be put back into service: {error}", facts.name))
            }
        }
    }
    let why = "taken out of service, because its node is cordoned, or it leaves the group";
    served.tell("Decommissioning", &group.name, why, &out);
    served.tell("BackInService", &group.name, "may serve again", &back);
    late
}

/// A worker that stays, as its pod tells.
pub(super) fn seen(facts: &PodFacts) -> Worker {
    Worker {
        pod: facts.name.clone(),
        node: facts.node.clone().unwrap_or_default(),
        hash: facts.hash.clone(),
        ends_by: facts.ends_by,
        ready: facts.ready,
        ready_changed: facts.ready_changed,
        started: facts.started,
        failing: facts.failing.clone(),
        wanted_here: true,
        cordoned: false,
        by_hand: false,
        silent_since: None,
        retry_at: None,
        taken_out: facts.taken_out,
        offered: None,
        idle: None,
        unpersisted: None,
    }
}

fn worker(
    context: &Context,
    cluster: &AlluxioCluster,
    group: &crd::WorkerGroup,
    terms: &NodeTerms,
    facts: &PodFacts,
) -> Worker {
    let of_node = standing(context.nodes.as_ref(), terms, facts, was_leaving(cluster, group, facts));
    let wanted_here = match group.kind {
        WorkerKind::DaemonSet => of_node.wanted_here,
        WorkerKind::StatefulSet => {
            facts.ordinal().is_none_or(|ordinal| i64::from(ordinal) < i64::from(group.count.unwrap_or(1)))
        }
    };
    Worker { wanted_here, cordoned: of_node.cordoned, ..seen(facts) }
}

/// By what was told last: the operator that began it may have been another one.
fn was_leaving(cluster: &AlluxioCluster, group: &crd::WorkerGroup, facts: &PodFacts) -> bool {
    let told = told(cluster, &group.name);
    told.zip(facts.node.as_ref()).is_some_and(|(told, node)| told.leaving.contains(node))
}

/// What the status says of the group.
fn told<'a>(cluster: &'a AlluxioCluster, group: &str) -> Option<&'a GroupStatus> {
    let workers = cluster.status.as_ref()?.workers.as_ref()?;
    workers.groups.iter().find(|told| told.name == group)
}

/// A StatefulSet takes the highest ordinals away first, so all below the highest that still has to stay do, too.
fn replicas(group: &crd::WorkerGroup, workers: &[Worker], plan: &WorkersPlan) -> u32 {
    let wanted = u32::try_from(group.count.unwrap_or(1)).unwrap_or(0);
    let ordinal =
        |worker: &Worker| worker.pod.rsplit_once('-').and_then(|(_, number)| number.parse::<u32>().ok());
    let stays: BTreeSet<_> = plan.leaving_nodes.iter().collect();
    let leaving = workers.iter().filter(|worker| !worker.wanted_here && stays.contains(&worker.node));
    leaving.filter_map(ordinal).map(|ordinal| ordinal + 1).fold(wanted, u32::max)
}

fn node_terms(group: &crd::WorkerGroup) -> NodeTerms {
    // `validate` has read it before: what cannot be read was refused.
    let affinity = group.scheduling.affinity.as_ref().and_then(|raw| raw.read::<Affinity>().ok());
    NodeTerms {
        labels: group.scheduling.node_selector.clone(),
        affinity: affinity.and_then(|affinity| affinity.node_affinity),
    }
}

/// The master knows a worker by its node's address.
fn worker_name(facts: &PodFacts) -> Option<WorkerName> {
    Some(WorkerName { host: facts.host_ip.clone()?, web_port: facts.web_port? })
}

/// `None` when the leader was not asked, or did not answer.
async fn offered_workers(cluster: &AlluxioCluster, observed: &Observed) -> Option<Vec<WorkerName>> {
    let service = WorkerService::new(&observed.leading(cluster)?, &cluster.spec.properties);
    match async { service?.offered().await }.await {
        Ok(offered) => Some(offered),
        Err(error) => {
            tracing::debug!(%error, "the leader does not tell its workers");
            None
        }
    }
}

#[cfg(test)]
#[path = "workers_tests.rs"]
mod tests;
