//! What shall be: everything the spec refers to is looked up, then it is checked and built. What is read changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::{Context, reconcile::ReconcileError, workers::GroupPlan};
use crate::{
    apply::{Wanted, hash_of},
    build::{self, Built, Live},
    crd::{AlluxioCluster, Endpoints, PinnedImage},
    status::Verdict,
    validate::{Facts, Found, NodeFacts, Reference, ValidatedCluster, references, validate},
};

/// A cluster as it shall be.
pub struct Intent {
    validated: ValidatedCluster,
    pub image: Option<PinnedImage>,
    pub master_hash: String,
    /// By group.
    pub group_hashes: BTreeMap<String, String>,
    /// The Job that makes the journal.
    pub format_job: Option<String>,
    /// Where the journal lies, for people.
    pub journal: String,
    pub zookeeper: Vec<String>,
    pub endpoints: Endpoints,
    names: BTreeSet<(String, String)>,
}

/// The inner error is the spec's: nothing shall be changed, and it is told.
///
/// # Errors
/// The API server does not answer.
pub async fn of(context: &Context, cluster: &AlluxioCluster) -> Result<Result<Intent, Verdict>, ReconcileError> {
    let others = context.clusters.state();
    let others = others.iter().filter(|other| other.uid() != cluster.uid());
    let facts = Facts {
        release: Some(context.release.clone()),
        found: look_up(context, cluster).await?,
        nodes: nodes(context),
        others: others.map(AsRef::as_ref).collect(),
    };
    match validate(cluster, &facts) {
        Ok(validated) => Ok(Ok(Intent::new(validated)?)),
        Err(refusals) => Ok(Err(Verdict::is(refusals.reason(), refusals.to_string()))),
    }
}

/// What the spec's references lead to. Of a Secret only digests are kept.
async fn look_up(context: &Context, cluster: &AlluxioCluster) -> Result<BTreeMap<Reference, Found>, kube::Error> {
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
    nodes.iter().map(|node| NodeFacts { name: node.name_any(), labels: node.labels().clone() }).collect()
}
