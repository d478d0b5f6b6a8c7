//! What shall be: everything the spec refers to is looked up, then it is checked and built. What is read changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{ConfigMap, PodTemplateSpec, Secret};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::{Context, observed::Observed, reconcile::ReconcileError, workers::GroupPlan};
use crate::{
    apply::{Wanted, hash_of},
    build::{
        FormatRequest, Live, RESTART_HASH, Resources, WorkerSet, build, format_job,
        names::{client_uri, leader_host, leader_path},
        reads_job,
    },
    crd::{AlluxioCluster, Endpoints, PinnedImage},
    status::Verdict,
    validate::{
        Facts, Found, NodeFacts, Reference, Refusals, ValidatedCluster, references, validate,
        validate_for_deletion,
    },
};

/// A cluster as it shall be.
pub struct Intent {
    validated: ValidatedCluster,
    pub image: Option<PinnedImage>,
    pub master_hash: String,
    /// By group.
    pub group_hashes: BTreeMap<String, String>,
    /// Where the journal lies, for people.
    pub journal: String,
    pub zookeeper: Vec<String>,
    pub endpoints: Endpoints,
    names: BTreeSet<(String, String)>,
    /// Whose journal it is; it stands in the status before masters start.
    cluster_id: Option<String>,
}

/// The inner error is the spec's: nothing shall be changed, and it is told.
///
/// # Errors
/// The API server does not answer.
pub async fn of(
    context: &Context,
    cluster: &AlluxioCluster,
    observed: &Observed,
) -> Result<Result<Intent, Verdict>, ReconcileError> {
    let others = context.clusters.state();
    let others = others.iter().filter(|other| other.uid() != cluster.uid());
    let facts = Facts {
        release: Some(context.release.clone()),
        found: look_up(context, cluster).await?,
        nodes: nodes(context),
        others: others.map(AsRef::as_ref).collect(),
        ensembles: observed.ensembles(),
        worker_sets: observed.worker_kinds.clone(),
    };
    match validate(cluster, &facts) {
        Ok(validated) => {
            let journal = cluster.status.as_ref().and_then(|status| status.journal.as_ref());
            Intent::new(validated, journal.map(|journal| journal.cluster_id.clone()))
        }
        Err(refusals) => Ok(Err(refused(&refusals))),
    }
}

/// What the Job needs that removes the journal. The inner error says why it could not run; what else is wrong with the spec keeps no
/// journal.
///
/// # Errors
/// The API server does not answer.
pub async fn for_deletion(
    context: &Context,
    cluster: &AlluxioCluster,
) -> Result<Result<ValidatedCluster, Verdict>, ReconcileError> {
    let facts = Facts {
        release: Some(context.release.clone()),
        found: look_up(context, cluster).await?,
        ..Facts::default()
    };
    Ok(validate_for_deletion(cluster, &facts).map_err(|refusals| refused(&refusals)))
}

/// What the spec's references lead to. Of a Secret only digests are kept.
async fn look_up(
    context: &Context,
    cluster: &AlluxioCluster,
) -> Result<BTreeMap<Reference, Found>, kube::Error> {
    let namespace = cluster.namespace().unwrap_or_default();
    let maps: Api<ConfigMap> = Api::namespaced(context.client.clone(), &namespace);
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), &namespace);
    let mut all = BTreeMap::new();
    let wanted: BTreeSet<_> = references(&cluster.spec).into_iter().map(|used| used.reference).collect();
    for reference in wanted {
        let found = match &reference {
            Reference::ConfigMap(name) => maps.get_opt(name).await?.map(|map| {
                let values = map.data.unwrap_or_default();
                let digests = values.iter().map(|(key, value)| (key.clone(), hash_of(&json!(value))));
                Found { digests: digests.collect(), values }
            }),
            Reference::Secret(name) => secrets.get_opt(name).await?.map(|secret| {
                let data = secret.data.unwrap_or_default();
                let digests = data.iter().map(|(key, value)| (key.clone(), hash_of(&json!(value))));
                Found { digests: digests.collect(), values: BTreeMap::new() }
            }),
        };
        all.extend(found.map(|found| (reference, found)));
    }
    Ok(all)
}

fn nodes(context: &Context) -> Vec<NodeFacts> {
    let nodes = context.nodes.as_ref().map(|nodes| nodes.state()).unwrap_or_default();
    let facts = nodes.iter().map(|node| NodeFacts {
        name: node.name_any(),
        labels: node.labels().clone(),
        taints: node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default(),
    });
    facts.collect()
}

impl Intent {
    fn new(
        validated: ValidatedCluster,
        cluster_id: Option<String>,
    ) -> Result<Result<Self, Verdict>, ReconcileError> {
        // The hashes do not depend on what is live.
        let built = match build(&validated, &Live::default()) {
            Ok(built) => built,
            Err(refusals) => return Ok(Err(refused(&refusals))),
        };
        let name = &validated.identity.name;
        let (rpc, web) = (validated.masters.pod.rpc_port, validated.masters.pod.web_port);
        let leader = leader_host(&validated.identity);
        let group_hashes = validated.workers.iter().zip(&built.workers);
        let intent = Self {
            image: validated.images.pinned.clone(),
            master_hash: restart_hash(built.masters.spec.as_ref().map(|spec| &spec.template)),
            group_hashes: group_hashes
                .map(|(group, set)| (group.name.clone(), restart_hash(template(set))))
                .collect(),
            journal: validated.journal.location(name),
            zookeeper: validated.zookeeper.as_ref().map(|it| it.addresses.clone()).unwrap_or_default(),
            endpoints: Endpoints {
                uri: client_uri(&validated),
                zookeeper_leader_path: validated.zookeeper.as_ref().map(leader_path),
                rpc: format!("{leader}:{rpc}"),
                web: format!("{leader}:{web}"),
            },
            names: objects(built)?.all().map(|object| (object.resource.kind, object.name)).collect(),
            validated,
            cluster_id,
        };
        Ok(Ok(intent))
    }

    /// Kind and name of all that shall be, but for the Jobs, which go when they are done.
    pub fn names(&self) -> &BTreeSet<(String, String)> {
        &self.names
    }

    pub fn validated(&self) -> &ValidatedCluster {
        &self.validated
    }

    /// The Job that makes the journal, or sees whether it is the one that the cluster had.
    pub fn format_job(&self, known: Option<String>, adopt: Option<String>) -> Result<Wanted, ReconcileError> {
        Ok(Wanted::new(&format_job(&self.validated, &FormatRequest { known, adopt }))?)
    }

    /// The Job that tells which journals the masters' image reads.
    pub fn reads_job(&self) -> Result<Wanted, ReconcileError> {
        Ok(Wanted::new(&reads_job(&self.validated))?)
    }

    pub fn master_image(&self) -> &str {
        &self.validated.images.master
    }

    /// All objects.
    pub fn objects(&self, master_replicas: u32, groups: &[GroupPlan]) -> Result<Objects, ReconcileError> {
        let kept = groups.iter().map(|group| (group.name.clone(), group.kept_nodes.clone()));
        let wanted = |name: &String| self.validated.workers.iter().any(|group| group.name == *name);
        let removed = groups.iter().filter(|group| !wanted(&group.name));
        let live = Live {
            removed_groups: removed.map(|group| (group.name.clone(), group.web_ports.clone())).collect(),
            master_replicas: Some(master_replicas),
            kept_nodes: kept.collect(),
            cluster_id: self.cluster_id.clone(),
        };
        let mut built = build(&self.validated, &live).map_err(ReconcileError::Refused)?;
        for (group, set) in self.validated.workers.iter().zip(&mut built.workers) {
            let replicas = groups.iter().find(|plan| plan.name == group.name).and_then(|plan| plan.replicas);
            if let (WorkerSet::Stateful(set), Some(replicas)) = (set, replicas) {
                let replicas = i32::try_from(replicas).unwrap_or(i32::MAX);
                set.spec.get_or_insert_default().replicas = Some(replicas);
            }
        }
        Ok(objects(built)?)
    }
}

/// In the order in which they are applied: pods find what they use.
pub struct Objects {
    pub used: Vec<Wanted>,
    pub workers: Vec<Wanted>,
    pub masters: Vec<Wanted>,
}

impl Objects {
    fn all(self) -> impl Iterator<Item = Wanted> {
        self.used.into_iter().chain(self.workers).chain(self.masters)
    }
}

fn objects(built: Resources) -> Result<Objects, serde_json::Error> {
    let Resources {
        service_accounts,
        config_maps,
        services,
        disruption_budget,
        journal_claim,
        workers,
        masters,
    } = built;
    let mut used = Vec::new();
    for account in &service_accounts {
        used.push(Wanted::new(account)?);
    }
    for config_map in &config_maps {
        used.push(Wanted::new(config_map)?);
    }
    for service in &services {
        used.push(Wanted::new(service)?);
    }
    used.push(Wanted::new(&disruption_budget)?);
    if let Some(claim) = &journal_claim {
        used.push(Wanted::new(claim)?);
    }
    let workers = workers.iter().map(|set| match set {
        WorkerSet::Daemon(set) => Wanted::new(set.as_ref()),
        WorkerSet::Stateful(set) => Wanted::new(set.as_ref()),
    });
    Ok(Objects { used, workers: workers.collect::<Result<_, _>>()?, masters: vec![Wanted::new(&masters)?] })
}

fn template(set: &WorkerSet) -> Option<&PodTemplateSpec> {
    match set {
        WorkerSet::Daemon(set) => set.spec.as_ref().map(|spec| &spec.template),
        WorkerSet::Stateful(set) => set.spec.as_ref().map(|spec| &spec.template),
    }
}

fn restart_hash(template: Option<&PodTemplateSpec>) -> String {
    let annotations = template.and_then(|template| template.metadata.as_ref()?.annotations.as_ref());
    annotations.and_then(|annotations| annotations.get(RESTART_HASH).cloned()).unwrap_or_default()
}

fn refused(refusals: &Refusals) -> Verdict {
    Verdict::is(refusals.reason(), refusals.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn objects_that_cannot_be_built_are_an_error_and_not_none() {
        let mut validated =
            fixture::valid("workers: [{name: default, scheduling: {nodeSelector: {disk: ssd}}}]");
        // What is refused before, laid over what only a worker that is there brings about.
        let template = json!({ "spec": { "containers": [], "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{ "matchExpressions": [{ "key": "zone", "operator": "Exists" }] }],
        } } } } });
        validated.workers[0].pod.template = serde_json::from_value(template).unwrap();
        let Ok(Ok(intent)) = Intent::new(validated, None) else { panic!("it is built without workers") };
        let group = |kept_nodes| GroupPlan { name: "default".to_owned(), kept_nodes, ..GroupPlan::default() };
        assert!(intent.objects(1, &[group([].into())]).is_ok());
        let Err(error) = intent.objects(1, &[group(["n".to_owned()].into())]) else { panic!("it is built") };
        let told = error.to_string();
        assert!(told.contains("spec.workers[default].podTemplate.spec.affinity"), "{told}");
    }

    #[test]
    fn workers_start_beside_none_of_a_group_that_is_taken_out() {
        let Ok(Ok(intent)) = Intent::new(fixture::valid("{}"), None) else { panic!("it is built") };
        let group = |name: &str| GroupPlan {
            name: name.to_owned(),
            web_ports: [30000].into(),
            ..GroupPlan::default()
        };
        let told = |groups: &[GroupPlan]| {
            let Ok(objects) = intent.objects(1, groups) else { panic!("it is built") };
            let affinity = &objects.workers[0].object["spec"]["template"]["spec"]["affinity"];
            affinity["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]["labelSelector"]
                ["matchExpressions"][0]["values"]
                .clone()
        };
        assert_eq!(told(&[group("default")]), json!(null));
        assert_eq!(told(&[group("default"), group("old")]), json!(["old"]));
    }
}
