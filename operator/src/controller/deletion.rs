//! The end of a cluster. With the policy Retain there is nothing to do: owner references take the objects along, claims have none. With
//! Delete a finalizer holds the object until the journal's claims are gone, for two minutes at most: a finalizer that never goes
//! would hold the whole namespace.

use std::time::Duration;

use k8s_openapi::{
    api::{
        apps::v1::{DaemonSet, StatefulSet},
        batch::v1::Job,
        core::v1::{Namespace, PersistentVolumeClaim, Pod},
    },
    jiff::Timestamp,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, PartialObjectMeta, Patch, PatchParams},
    runtime::controller::Action,
};
use serde_json::json;

use super::{Context, intent, journal, reconcile::ReconcileError, selectors::selector};
use crate::{
    apply::{Applier, FIELD_MANAGER, Wanted},
    build::{COMPONENT, MASTER, WORKER, deletion_job},
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
pub async fn step(context: &Context, cluster: &AlluxioCluster) -> Result<Action, ReconcileError> {
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
        let done = Occurrence::normal("JournalDeleted", "the journal and its claims are deleted");
        context.tell(cluster, &[done]).await;
    } else if over(cluster, Timestamp::now()) {
        let note =
            format!("after {} s these are left: {}; remove them by hand", BOUND.as_secs(), left.join(", "));
        context.tell(cluster, &[Occurrence::warning("JournalLeft", note)]).await;
    } else {
        return Ok(Action::requeue(PAUSE));
    }
    set_finalizer(context, cluster, false).await?;
    Ok(Action::await_change())
}

/// First what uses the journal, then the journal, then the claims. What is still there is told.
async fn delete_parts(context: &Context, cluster: &AlluxioCluster) -> Result<Vec<String>, ReconcileError> {
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
    let servers = pods.list_metadata(&of_cluster).await?.items.into_iter().filter(is_server);
    let servers: Vec<_> = servers.map(|pod| format!("Pod {}", pod.name_any())).collect();
    if !servers.is_empty() {
        return Ok(servers);
    }
    if let Some(left) = delete_journal(context, cluster, &pods).await? {
        return Ok(vec![left]);
    }
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(context.client.clone(), &namespace);
    let mut left = Vec::new();
    for claim in claims.list_metadata(&of_cluster).await?.items {
        gone(claims.delete(&claim.name_any(), &background).await)?;
        left.push(format!("PersistentVolumeClaim {}", claim.name_any()));
    }
    Ok(left)
}

fn is_server(pod: &PartialObjectMeta<Pod>) -> bool {
    pod.labels().get(COMPONENT).is_some_and(|component| component == MASTER || component == WORKER)
}

/// By a Job, which removes only what is marked as this cluster's. What is left of it is told.
async fn delete_journal(
    context: &Context,
    cluster: &AlluxioCluster,
    pods: &Api<Pod>,
) -> Result<Option<String>, ReconcileError> {
    let Some(journal) = cluster.status.as_ref().and_then(|status| status.journal.as_ref()) else {
        return Ok(None);
    };
    let left = |why: &str| Some(format!("the journal at {} ({why})", journal.location));
    let intent = match intent::of(context, cluster).await? {
        Ok(intent) => intent,
        Err(refused) => return Ok(left(&refused.message)),
    };
    let job = Wanted::new(&deletion_job(intent.validated(), &journal.cluster_id))?;
    let namespace = cluster.namespace().unwrap_or_default();
    let jobs: Api<Job> = Api::namespaced(context.client.clone(), &namespace);
    let Some(found) = jobs.get_opt(&job.name).await? else {
        let applier = Applier::new(context.client.clone(), &namespace, &cluster.uid().unwrap_or_default());
        applier.apply(&job).await?;
        return Ok(left("a Job removes it"));
    };
    match journal::ended(&found) {
        Some(true) => Ok(None),
        Some(false) => {
            Ok(left(journal::told(&found, pods).await?.as_deref().unwrap_or("the Job failed").trim()))
        }
        None => Ok(left("a Job removes it")),
    }
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
    let patch =
        json!({ "metadata": { "finalizers": finalizers, "resourceVersion": cluster.resource_version() } });
    let clusters: Api<AlluxioCluster> =
        Api::namespaced(context.client.clone(), &cluster.namespace().unwrap_or_default());
    let manager = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    gone(clusters.patch_metadata(&cluster.name_any(), &manager, &Patch::Merge(patch)).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> AlluxioCluster {
        serde_json::from_value(json!({
            "apiVersion": "alluxio.org/v1alpha1", "kind": "AlluxioCluster",
            "metadata": { "name": "a", "namespace": "n", "deletionTimestamp": "1970-01-01T00:01:40Z" },
            "spec": { "underStorage": { "root": { "claim": "c" } } },
        }))
        .unwrap()
    }

    #[test]
    fn the_time_is_bounded() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let cluster = cluster();
        assert!(!over(&cluster, at(219)) && over(&cluster, at(220)));
        assert!(!over(&cluster, at(0)), "a clock that is behind does not cut it short");
    }
}
