//! What there is of a cluster.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::future::{join_all, try_join3};
use k8s_openapi::api::{
    apps::v1::{DaemonSet, StatefulSet},
    core::v1::{Node, Pod},
};
use kube::{
    Api, Resource, ResourceExt,
    api::{ListParams, ObjectMeta},
    runtime::reflector::Store,
};

use super::{Context, selectors::selector};
use crate::{
    act::Leader,
    build::{
        COMPONENT, DECOMMISSION_TIMEOUT, MASTER, MASTER_CONTAINER, RESTART_HASH, WORKER_GROUP, kept_nodes,
    },
    crd::{AlluxioCluster, WorkerKind},
    observe::{
        health::RoleAnswer,
        leader::{Candidate, serving},
        pods::PodFacts,
    },
    roll::MasterRole,
};

/// A master's pod and what it answers.
#[derive(Clone, Debug)]
pub struct MasterSeen {
    pub facts: PodFacts,
    pub answer: Option<RoleAnswer>,
    /// The cluster whose journal it has, where that is not this one's.
    pub of_another: Option<String>,
}

impl MasterSeen {
    fn new(facts: PodFacts, answer: Option<RoleAnswer>, known: Option<&str>) -> Self {
        let has = answer.as_ref().and_then(|answer| answer.cluster_id.clone());
        let of_another = has.filter(|has| known.is_some_and(|known| known != has));
        Self { facts, answer, of_another }
    }

    /// One with another cluster's journal is no leader of this one.
    pub fn role(&self) -> MasterRole {
        match (&self.of_another, &self.answer) {
            (None, Some(answer)) => answer.role(),
            _ => MasterRole::Unknown,
        }
    }
}

/// A StatefulSet or DaemonSet, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetSeen {
    /// Whether its controller has seen the present spec.
    observed: bool,
    /// What new pods are started with: somebody may have set the template back.
    hash: Option<String>,
    /// How many pods it wants.
    pub desired: usize,
    /// How long workers that leave may take.
    pub decommission_timeout: Option<Duration>,
}

#[derive(Debug, Default)]
pub struct Observed {
    pub masters: Vec<MasterSeen>,
    pub master_set: Option<SetSeen>,
    /// What the set's pods run.
    pub master_image: Option<String>,
    /// By group.
    pub workers: BTreeMap<String, Vec<PodFacts>>,
    pub worker_sets: BTreeMap<String, SetSeen>,
    /// What runs each group; of one that was added again both may be there.
    pub worker_kinds: Vec<(String, WorkerKind)>,
    /// By group, the nodes that its DaemonSet has by name.
    pub kept_nodes: BTreeMap<String, BTreeSet<String>>,
}

impl Observed {
    /// # Errors
    /// The API server does not answer.
    pub async fn look(context: &Context, cluster: &AlluxioCluster) -> Result<Self, kube::Error> {
        let namespace = cluster.namespace().unwrap_or_default();
        let selector = ListParams::default().labels(&selector(&cluster.name_any()));
        let pods: Api<Pod> = Api::namespaced(context.client.clone(), &namespace);
        let stateful: Api<StatefulSet> = Api::namespaced(context.client.clone(), &namespace);
        let daemons: Api<DaemonSet> = Api::namespaced(context.client.clone(), &namespace);
        let (pods, stateful, daemons) =
            try_join3(pods.list(&selector), stateful.list(&selector), daemons.list(&selector)).await?;
        let mut observed = Self::default();
        let mut masters = Vec::new();
        for pod in &pods.items {
            let facts = PodFacts::of(pod, RESTART_HASH);
            match (pod.labels().get(COMPONENT).map(String::as_str), pod.labels().get(WORKER_GROUP)) {
                (Some(MASTER), _) => masters.push(facts),
                (_, Some(group)) => observed.workers.entry(group.clone()).or_default().push(facts),
                _ => {}
            }
        }
        for set in &stateful.items {
            let seen = SetSeen::of_stateful(set);
            match set.labels().get(WORKER_GROUP) {
                Some(group) => {
                    observed.worker_kinds.push((group.clone(), WorkerKind::StatefulSet));
                    observed.worker_sets.insert(group.clone(), seen);
                }
                None => {
                    observed.master_set = Some(seen);
                    observed.master_image = master_image(set);
                }
            }
        }
        for set in &daemons.items {
            if let Some(group) = set.labels().get(WORKER_GROUP) {
                observed.worker_kinds.push((group.clone(), WorkerKind::DaemonSet));
                observed.worker_sets.insert(group.clone(), SetSeen::of_daemon(set));
                let pod = set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
                observed.kept_nodes.insert(group.clone(), pod.map(kept_nodes).unwrap_or_default());
            }
        }
        masters.sort_by_key(PodFacts::ordinal);
        let answers = masters.iter().map(|facts| async {
            match &facts.ip {
                Some(ip) => context.health.role(ip, web_port(facts, cluster)).await,
                None => None,
            }
        });
        let answers = join_all(answers).await;
        let known = cluster.status.as_ref().and_then(|status| status.journal.as_ref());
        let known = known.map(|journal| journal.cluster_id.as_str());
        let seen = masters.into_iter().zip(answers);
        observed.masters = seen.map(|(facts, answer)| MasterSeen::new(facts, answer, known)).collect();
        Ok(observed)
    }

    /// The servers of ZooKeeper that each master was started with.
    pub fn ensembles(&self) -> Vec<Vec<String>> {
        let known = self.masters.iter().map(|seen| &seen.facts.ensemble);
        known.filter(|servers| !servers.is_empty()).cloned().collect()
    }

    /// The format that the journal is written in, by what its masters say.
    pub fn journal_format(&self) -> Option<u32> {
        let ours = self.masters.iter().filter(|seen| seen.of_another.is_none());
        ours.filter_map(|seen| seen.answer.as_ref()?.journal_format).max()
    }

    /// A master that has another cluster's journal, and whose.
    pub fn of_another(&self) -> Option<(&str, &str)> {
        self.masters.iter().find_map(|seen| Some((seen.facts.name.as_str(), seen.of_another.as_deref()?)))
    }

    pub fn candidates(&self) -> Vec<Candidate> {
        let candidate = |seen: &MasterSeen| Candidate {
            pod: seen.facts.name.clone(),
            uid: seen.facts.uid.clone(),
            labelled: seen.facts.leader_label,
            terminating: seen.facts.terminating(),
            of_another: seen.of_another.is_some(),
            role: seen.role(),
            term: seen.answer.as_ref().map_or(0, |answer| answer.term),
        };
        self.masters.iter().map(candidate).collect()
    }

    /// The master that serves, for calling it.
    pub fn leading(&self, cluster: &AlluxioCluster) -> Option<Leader> {
        let facts = &self.leader()?.facts;
        Some(Leader { host: facts.ip.clone()?, port: rpc_port(facts, cluster) })
    }

    /// The master that serves.
    pub fn leader(&self) -> Option<&MasterSeen> {
        let candidates = self.candidates();
        let leader = serving(&candidates)?;
        self.masters.iter().find(|seen| seen.facts.uid == leader.uid)
    }
}

fn master_image(set: &StatefulSet) -> Option<String> {
    let pod = set.spec.as_ref()?.template.spec.as_ref()?;
    pod.containers.iter().find(|container| container.name == MASTER_CONTAINER)?.image.clone()
}

impl SetSeen {
    /// Whether a pod that ends now comes back with this.
    pub fn makes(&self, hash: &str) -> bool {
        self.observed && self.hash.as_deref() == Some(hash)
    }

    fn of_stateful(set: &StatefulSet) -> Self {
        let desired = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(0);
        let observed = set.status.as_ref().and_then(|status| status.observed_generation);
        let template = set.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref());
        Self::of(set, template, observed, desired)
    }

    fn of_daemon(set: &DaemonSet) -> Self {
        let status = set.status.as_ref();
        let observed = status.and_then(|status| status.observed_generation);
        let desired = status.map_or(0, |status| status.desired_number_scheduled);
        let template = set.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref());
        Self::of(set, template, observed, desired)
    }

    fn of(set: &impl Resource, template: Option<&ObjectMeta>, observed: Option<i64>, desired: i32) -> Self {
        let timeout = set.annotations().get(DECOMMISSION_TIMEOUT).and_then(|seconds| seconds.parse().ok());
        Self {
            observed: observed >= set.meta().generation,
            hash: template.and_then(|metadata| metadata.annotations.as_ref()?.get(RESTART_HASH).cloned()),
            desired: usize::try_from(desired).unwrap_or(0),
            decommission_timeout: timeout.map(Duration::from_secs),
        }
    }
}

/// Where a master's pod answers clients; that of the spec is the next one's.
pub fn rpc_port(facts: &PodFacts, cluster: &AlluxioCluster) -> u16 {
    facts.rpc_port.unwrap_or_else(|| bounded(cluster.spec.masters.ports.rpc))
}

/// Where a master's pod says what it does.
pub fn web_port(facts: &PodFacts, cluster: &AlluxioCluster) -> u16 {
    facts.web_port.unwrap_or_else(|| bounded(cluster.spec.masters.ports.web))
}

/// The CRD's bounds keep it a port.
fn bounded(port: i32) -> u16 {
    u16::try_from(port).unwrap_or_default()
}

/// The node of that name.
pub fn node_named(nodes: &Store<Node>, name: &str) -> Option<std::sync::Arc<Node>> {
    nodes.get(&kube::runtime::reflector::ObjectRef::new(name))
}
