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
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, PartialObjectMeta, Patch, PatchParams},
    runtime::controller::Action,
};
use serde_json::{Value, json};

use super::{
    Context,
    reconcile::ReconcileError,
    removal::{Removal, remove},
    selectors::selector,
};
use crate::{
    act,
    apply::FIELD_MANAGER,
    build::{COMPONENT, MASTER, WORKER, names::journal_claim},
    crd::{AlluxioCluster, DeletionPolicy},
    status::Occurrence,
};

pub const FINALIZER: &str = "alluxio.org/delete-journal";

/// How long deleting may hold the object.
const BOUND: Duration = Duration::from_secs(120);

/// So long it is tried in any case: an operator may have been away when the object was deleted.
const LEAST: Duration = Duration::from_secs(60);

/// The annotation with the time of the first look.
const BEGAN: &str = "alluxio.org/deletion-began";

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// Whether the finalizer is as the policy says; changes it where it is not.
///
/// # Errors
/// The API server does not answer, or the object was changed meanwhile.
pub async fn guard(context: &Context, cluster: &AlluxioCluster) -> Result<(), kube::Error> {
    let has = cluster.finalizers().iter().any(|finalizer| finalizer == FINALIZER);
    match (cluster.spec.deletion_policy, has) {
        (DeletionPolicy::Delete, false) => set_finalizer(&context.client, cluster, true).await,
        (DeletionPolicy::Retain, true) => set_finalizer(&context.client, cluster, false).await,
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
    if cluster.spec.deletion_policy == DeletionPolicy::Retain {
        set_finalizer(&context.client, cluster, false).await?;
        return Ok(Action::await_change());
    }
    let left = look(context, cluster).await;
    let is_done = left.as_ref().is_ok_and(|left| left.going.is_empty());
    let now = Timestamp::now();
    if !is_done && !over(cluster, now) {
        begin(context, cluster, now).await?;
        return left.map(|_| Action::requeue(PAUSE));
    }
    // What fails for as long as that, such as a Job that a quota does not admit, fails for ever.
    let Left { going, kept, ends } = left.unwrap_or_else(|error| Left::going(vec![error.to_string()]));
    if ends {
        set_finalizer(&context.client, cluster, false).await?;
        return Ok(Action::await_change());
    }
    let told = match (going.is_empty(), kept.is_empty()) {
        (true, true) => Occurrence::normal("JournalDeleted", "the journal and its claims are deleted"),
        (true, false) => Occurrence::warning(
            "JournalLeft",
            format!("these are left, remove them by hand if nobody needs them: {}", kept.join(", ")),
        ),
        (false, _) => {
            let left = going.into_iter().chain(kept).collect::<Vec<_>>().join(", ");
            let note = format!("after {} s these are left: {left}; remove them by hand", BOUND.as_secs());
            Occurrence::warning("JournalLeft", note)
        }
    };
    context.tell(cluster, &[told]).await;
    set_finalizer(&context.client, cluster, false).await?;
    Ok(Action::await_change())
}

/// What is still there.
#[derive(Default)]
struct Left {
    /// To be waited for.
    going: Vec<String>,
    /// It stays.
    kept: Vec<String>,
    /// The namespace ends, and everything with it.
    ends: bool,
}

impl Left {
    fn going(going: Vec<String>) -> Self {
        Self { going, ..Self::default() }
    }
}

async fn look(context: &Context, cluster: &AlluxioCluster) -> Result<Left, ReconcileError> {
    if namespace_ends(context, cluster).await? {
        return Ok(Left { ends: true, ..Left::default() });
    }
    delete_parts(context, cluster).await
}

/// First what uses the journal, then the journal, then the claims.
async fn delete_parts(context: &Context, cluster: &AlluxioCluster) -> Result<Left, ReconcileError> {
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
    // Workers write no journal; one on a node that is gone may stay for ever.
    let masters = pods.list_metadata(&of_cluster).await?.items.into_iter().filter(|pod| is(pod, MASTER));
    let masters: Vec<_> = masters.map(|pod| format!("Pod {}", pod.name_any())).collect();
    if !masters.is_empty() {
        return Ok(Left::going(masters));
    }
    let mut left = Left::default();
    match remove(context, cluster, &pods).await? {
        Removal::Done => {}
        Removal::Going(what) => return Ok(Left::going(vec![what])),
        Removal::Kept(what) => left.kept.push(what),
    }
    // Kubernetes keeps a claim for as long as any pod names it, one that has ended too: that of the Job.
    for pod in pods.list_metadata(&of_cluster).await?.items.iter().filter(|pod| !is(pod, WORKER)) {
        act::replace(&pods, &pod.name_any(), &pod.uid().unwrap_or_default()).await?;
    }
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(context.client.clone(), &namespace);
    for claim in claims.list_metadata(&of_cluster).await?.items {
        let shown = format!("PersistentVolumeClaim {}", claim.name_any());
        if goes_along(cluster, &claim) {
            gone(claims.delete(&claim.name_any(), &background).await)?;
            left.going.push(shown);
        } else {
            left.kept.push(format!("{shown} (it was there before this cluster, which never took it up)"));
        }
    }
    Ok(left)
}

/// Whether a claim with this cluster's labels is its own: it was made for it, or taken up by it. One that an earlier cluster of the name left may
/// hold what nobody wants deleted: a cluster that was deleted before it started has not so much as looked into it.
fn goes_along(cluster: &AlluxioCluster, claim: &PartialObjectMeta<PersistentVolumeClaim>) -> bool {
    let made_before = claim.creation_timestamp() < cluster.creation_timestamp();
    // Of workers' claims that are in use a StatefulSet is the owner, since the policy is Delete.
    let has_owner = !claim.owner_references().is_empty();
    // By now the Job has removed the journal in it.
    let journal_is_ours = cluster.status.as_ref().is_some_and(|status| status.journal.is_some());
    let journal = &cluster.spec.journal;
    let is_journals = journal.uri.is_none()
        && journal.existing_claim.is_none()
        && claim.name_any() == journal_claim(&cluster.name_any());
    !made_before || has_owner || (is_journals && journal_is_ours)
}

fn is(pod: &PartialObjectMeta<Pod>, component: &str) -> bool {
    pod.labels().get(COMPONENT).is_some_and(|of| of == component)
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
    let passed = |since: Option<Timestamp>, time: Duration| {
        let passed = since.and_then(|since| Duration::try_from(now.duration_since(since)).ok());
        passed.is_some_and(|passed| passed >= time)
    };
    passed(cluster.metadata.deletion_timestamp.as_ref().map(|time| time.0), BOUND)
        && passed(began(cluster), LEAST)
}

fn began(cluster: &AlluxioCluster) -> Option<Timestamp> {
    cluster.annotations().get(BEGAN)?.parse().ok()
}

/// Writes down when the first look was.
async fn begin(context: &Context, cluster: &AlluxioCluster, now: Timestamp) -> Result<(), kube::Error> {
    if began(cluster).is_some() {
        return Ok(());
    }
    let patch = json!({ "metadata": { "annotations": { BEGAN: now.to_string() } } });
    patch_metadata(&context.client, cluster, patch).await
}

async fn namespace_ends(context: &Context, cluster: &AlluxioCluster) -> Result<bool, kube::Error> {
    let namespaces: Api<Namespace> = Api::all(context.client.clone());
    let namespace = namespaces.get_opt(&cluster.namespace().unwrap_or_default()).await?;
    Ok(namespace.is_none_or(|namespace| namespace.metadata.deletion_timestamp.is_some()))
}

/// Fails where somebody else changed the object meanwhile: the next reconcile looks again.
pub(super) async fn set_finalizer(
    client: &Client,
    cluster: &AlluxioCluster,
    wanted: bool,
) -> Result<(), kube::Error> {
    let others = cluster.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).cloned();
    let finalizers: Vec<_> = others.chain(wanted.then(|| FINALIZER.to_owned())).collect();
    let patch =
        json!({ "metadata": { "finalizers": finalizers, "resourceVersion": cluster.resource_version() } });
    patch_metadata(client, cluster, patch).await
}

async fn patch_metadata(client: &Client, cluster: &AlluxioCluster, patch: Value) -> Result<(), kube::Error> {
    let clusters: Api<AlluxioCluster> =
        Api::namespaced(client.clone(), &cluster.namespace().unwrap_or_default());
    let manager = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    gone(clusters.patch_metadata(&cluster.name_any(), &manager, &Patch::Merge(patch)).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> AlluxioCluster {
        serde_json::from_value(json!({
            "apiVersion": "alluxio.org/v1alpha1", "kind": "AlluxioCluster",
            "metadata": {
                "name": "a", "namespace": "n",
                "annotations": { BEGAN: "1970-01-01T00:01:41Z" },
                "creationTimestamp": "1970-01-01T00:00:50Z", "deletionTimestamp": "1970-01-01T00:01:40Z",
            },
            "spec": { "underStorage": { "root": { "claim": "c" } } },
        }))
        .unwrap()
    }

    fn claim(
        name: &str,
        created: &str,
        owners: serde_json::Value,
    ) -> PartialObjectMeta<PersistentVolumeClaim> {
        let metadata = json!({ "name": name, "creationTimestamp": created, "ownerReferences": owners });
        serde_json::from_value(json!({ "metadata": metadata })).unwrap()
    }

    /// `a` was deleted with Retain; `a` is made again with Delete and a mistake, and deleted.
    #[test]
    fn a_claim_of_an_earlier_cluster_that_was_never_taken_up_stays() {
        let (before, after) = ("1970-01-01T00:00:49Z", "1970-01-01T00:00:50Z");
        let mut cluster = cluster();
        assert!(!goes_along(&cluster, &claim("a-journal", before, json!([]))));
        assert!(!goes_along(&cluster, &claim("tier-0-a-worker-x-0", before, json!([]))));
        assert!(goes_along(&cluster, &claim("a-journal", after, json!([]))), "made for this one");
        let set =
            json!([{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "a-worker-x", "uid": "u" }]);
        assert!(goes_along(&cluster, &claim("tier-0-a-worker-x-0", before, set)));

        let journal = json!({ "journal": { "clusterId": "id", "location": "claim a-journal" } });
        cluster.status = Some(serde_json::from_value(journal).unwrap());
        assert!(goes_along(&cluster, &claim("a-journal", before, json!([]))), "taken up");
        // Its journal is elsewhere: the one in the claim is an earlier cluster's.
        cluster.spec.journal.uri = Some("hdfs://n/j".to_owned());
        assert!(!goes_along(&cluster, &claim("a-journal", before, json!([]))));
    }

    #[test]
    fn the_time_is_bounded() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut cluster = cluster();
        assert!(!over(&cluster, at(219)) && over(&cluster, at(220)));
        assert!(!over(&cluster, at(0)), "a clock that is behind does not cut it short");
        let began = "1970-01-01T00:05:00Z".to_owned();
        cluster.annotations_mut().insert(BEGAN.to_owned(), began);
        assert!(!over(&cluster, at(359)) && over(&cluster, at(360)), "the operator was away");
        cluster.annotations_mut().clear();
        assert!(!over(&cluster, at(360)), "the first look");
    }
}
