//! The end of a cluster. With the policy Retain there is nothing to do: owner references take the objects along, claims have none. With
//! Delete a finalizer holds the object until the journal's claims are gone, for two minutes at most: a finalizer that never goes
//! would hold the whole namespace.

use std::time::Duration;

use k8s_openapi::{
    api::{
        apps::v1::{DaemonSet, StatefulSet},
        core::v1::{Namespace, PersistentVolumeClaim, Pod},
    },
    jiff::Timestamp,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
    runtime::controller::Action,
};
use serde_json::json;

use super::{Context, selectors::selector};
use crate::{
    apply::FIELD_MANAGER,
    crd::{AlluxioCluster, DeletionPolicy},
    status::Occurrence,
};

pub const FINALIZER: &str = "alluxio.org/delete-journal";

/// How long deleting may hold the object.
const BOUND: Duration = Duration::from_secs(120);

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// Whether the finalizer is as the policy says; changes it where it is not.
///
/// # Errors
/// The API server does not answer, or the object was changed meanwhile.
pub async fn guard(context: &Context, cluster: &AlluxioCluster) -> Result<(), kube::Error> {
    let has = cluster.finalizers().iter().any(|finalizer| finalizer == FINALIZER);
    match (cluster.spec.deletion_policy, has) {
        (DeletionPolicy::Delete, false) => set_finalizer(context, cluster, true).await,
        (DeletionPolicy::Retain, true) => set_finalizer(context, cluster, false).await,
        _ => Ok(()),
    }
}

/// What is done for an object that is being deleted.
///
/// # Errors
/// The API server does not answer.
pub async fn step(context: &Context, cluster: &AlluxioCluster) -> Result<Action, kube::Error> {
    if !cluster.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(Action::await_change());
    }
    let keeps = cluster.spec.deletion_policy == DeletionPolicy::Retain;
    if keeps || namespace_ends(context, cluster).await? {
        set_finalizer(context, cluster, false).await?;
        return Ok(Action::await_change());
    }
    let left = delete_parts(context, cluster).await?;
    if left.is_empty() {
        let note = match elsewhere(cluster) {
            Some(place) => Occurrence::warning("JournalLeft", format!("the journal at {place} is left: remove it by hand")),
            None => Occurrence::normal("JournalDeleted", "the journal's claims are deleted"),
        };
        context.tell(cluster, &[note]).await;
    } else if over(cluster, Timestamp::now()) {
        let note = format!("after {} s these are left: {}; remove them by hand", BOUND.as_secs(), left.join(", "));
        context.tell(cluster, &[Occurrence::warning("JournalLeft", note)]).await;
    } else {
        return Ok(Action::requeue(PAUSE));
    }
    set_finalizer(context, cluster, false).await?;
    Ok(Action::await_change())
}

/// First what uses the claims, then these. What is still there is told.
async fn delete_parts(context: &Context, cluster: &AlluxioCluster) -> Result<Vec<String>, kube::Error> {
    let namespace = cluster.namespace().unwrap_or_default();
    let of_cluster = ListParams::default().labels(&selector(&cluster.name_any()));
    let background = DeleteParams::background();
    let stateful: Api<StatefulSet> = Api::namespaced(context.client.clone(), &namespace);
    for set in stateful.list_metadata(&of_cluster).await?.items {
        gone(stateful.delete(&set.name_any(), &background).await)?;
    }
    let daemons: Api<DaemonSet> = Api::namespaced(context.client.clone(), &namespace);
    for set in daemons.list_metadata(&of_cluster).await?.items {
        gone(daemons.delete(&set.name_any(), &background).await)?;
    }
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &namespace);
    let pods = pods.list_metadata(&of_cluster).await?.items;
    if !pods.is_empty() {
        return Ok(pods.iter().map(|pod| format!("Pod {}", pod.name_any())).collect());
    }
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(context.client.clone(), &namespace);
    let mut left = Vec::new();
    for claim in claims.list_metadata(&of_cluster).await?.items {
        gone(claims.delete(&claim.name_any(), &background).await)?;
        left.push(format!("PersistentVolumeClaim {}", claim.name_any()));
    }
    Ok(left)
}

/// A thing that is not there any more needs no deleting.
///
/// # Errors
/// Any other failure.
pub fn gone<T>(deleted: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match deleted {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(error),
    }
}

/// Where the journal is, if it is not on a claim that was made for the cluster.
fn elsewhere(cluster: &AlluxioCluster) -> Option<String> {
    let journal = &cluster.spec.journal;
    let on_claim = journal.existing_claim.as_ref().map(|claim| format!("the claim {}", claim.claim_name));
    journal.uri.clone().or(on_claim)
}

fn over(cluster: &AlluxioCluster, now: Timestamp) -> bool {
    let since = cluster.metadata.deletion_timestamp.as_ref().map_or(now, |time| time.0);
    Duration::try_from(now.duration_since(since)).is_ok_and(|passed| passed >= BOUND)
}

async fn namespace_ends(context: &Context, cluster: &AlluxioCluster) -> Result<bool, kube::Error> {
    let namespaces: Api<Namespace> = Api::all(context.client.clone());
    let namespace = namespaces.get_opt(&cluster.namespace().unwrap_or_default()).await?;
    Ok(namespace.is_none_or(|namespace| namespace.metadata.deletion_timestamp.is_some()))
}

/// Fails where somebody else changed the object meanwhile: the next reconcile looks again.
async fn set_finalizer(context: &Context, cluster: &AlluxioCluster, wanted: bool) -> Result<(), kube::Error> {
    let others = cluster.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).cloned();
    let finalizers: Vec<_> = others.chain(wanted.then(|| FINALIZER.to_owned())).collect();
    let patch = json!({ "metadata": { "finalizers": finalizers, "resourceVersion": cluster.resource_version() } });
    let clusters: Api<AlluxioCluster> =
        Api::namespaced(context.client.clone(), &cluster.namespace().unwrap_or_default());
    let manager = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    gone(clusters.patch_metadata(&cluster.name_any(), &manager, &Patch::Merge(patch)).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(journal: serde_json::Value) -> AlluxioCluster {
        serde_json::from_value(json!({
            "apiVersion": "alluxio.org/v1alpha1", "kind": "AlluxioCluster",
            "metadata": { "name": "a", "namespace": "n", "deletionTimestamp": "1970-01-01T00:01:40Z" },
            "spec": { "underStorage": { "root": { "claim": "c" } }, "journal": journal },
        }))
        .unwrap()
    }

    #[test]
    fn the_time_is_bounded() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let cluster = cluster(json!({}));
        assert!(!over(&cluster, at(219)) && over(&cluster, at(220)));
        assert!(!over(&cluster, at(0)), "a clock that is behind does not cut it short");
    }

    #[test]
    fn what_is_not_on_a_claim_of_ours_is_told() {
        assert_eq!(elsewhere(&cluster(json!({}))), None);
        assert_eq!(elsewhere(&cluster(json!({ "uri": "hdfs://h/j" }))).as_deref(), Some("hdfs://h/j"));
        let existing = cluster(json!({ "existingClaim": { "claimName": "shared" } }));
        assert_eq!(elsewhere(&existing).as_deref(), Some("the claim shared"));
    }
}
