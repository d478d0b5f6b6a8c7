//! Removing the journal of a cluster that is deleted: a Job does it, and removes only what is marked as this cluster's. Where the cluster was deleted
//! before its status had the journal's id, the Job that makes the journal is stopped, and its last word tells the id.

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::json;

use super::{
    Context, deletion, intent,
    journal::{self, LastWord, Outcome},
    reconcile::ReconcileError,
};
use crate::{
    apply::{Applier, Contests, FIELD_MANAGER, Wanted},
    build::{deletion_job, master_account, master_settings, names},
    crd::AlluxioCluster,
    validate::ValidatedCluster,
};

/// How far the journal's end is.
pub(super) enum Removal {
    /// There is none of this cluster's, or not any more.
    Done,
    /// To be waited for.
    Going(String),
    /// It stays.
    Kept(String),
}

/// What there is to be removed.
enum Made {
    /// The Job may be making it.
    Running,
    /// The journal's id.
    Id(String),
    /// Why nobody knows.
    Unknown(String),
}

/// # Errors
/// The API server does not answer.
pub(super) async fn remove(
    context: &Context,
    cluster: &AlluxioCluster,
    pods: &Api<Pod>,
) -> Result<Removal, ReconcileError> {
    let jobs: Api<Job> = Api::namespaced(context.client.clone(), &cluster.namespace().unwrap_or_default());
    let found = jobs.get_opt(&names::deletion_job(&cluster.name_any())).await?;
    // By then the pod with the id may be gone.
    if found.as_ref().is_some_and(|job| is_of(cluster, job) && journal::ended(job) == Some(true)) {
        return Ok(Removal::Done);
    }
    let known = cluster.status.as_ref().and_then(|status| status.journal.as_ref());
    let made = match known {
        Some(known) => Some(Made::Id(known.cluster_id.clone())),
        None => made(cluster, &jobs, pods).await?,
    };
    let Some(made) = made else { return Ok(Removal::Done) };
    let validated = intent::for_deletion(context, cluster).await?;
    let location = known.map(|known| known.location.clone()).or_else(|| {
        let validated = validated.as_ref().ok()?;
        Some(validated.journal.location(&validated.identity.name))
    });
    let at = location.map(|location| format!(" at {location}")).unwrap_or_default();
    let validated = match validated {
        Ok(validated) => validated,
        Err(refused) => return Ok(Removal::Going(format!("the journal{at} ({})", refused.message))),
    };
    let why = match made {
        Made::Running => {
            let job = names::format_job(&cluster.name_any());
            return Ok(Removal::Going(format!("the journal{at} (the Job {job} may be making it)")));
        }
        Made::Unknown(why) => return Ok(Removal::Kept(format!("the journal{at}, if there is one ({why})"))),
        Made::Id(id) => run(context, cluster, &validated, &id, found, pods).await?,
    };
    Ok(Removal::Going(format!("the journal{at} ({why})")))
}

/// An earlier object of the name may have left one.
fn is_of(cluster: &AlluxioCluster, job: &Job) -> bool {
    job.owner_references().iter().any(|owner| Some(&owner.uid) == cluster.metadata.uid.as_ref())
}

/// The Job that removes it, as it is, or made. Why the journal is still there.
async fn run(
    context: &Context,
    cluster: &AlluxioCluster,
    validated: &ValidatedCluster,
    id: &str,
    found: Option<Job>,
    pods: &Api<Pod>,
) -> Result<String, ReconcileError> {
    let namespace = cluster.namespace().unwrap_or_default();
    if let Some(found) = &found {
        if !is_of(cluster, found) {
            let jobs: Api<Job> = Api::namespaced(context.client.clone(), &namespace);
            deletion::gone(jobs.delete(&found.name_any(), &DeleteParams::background()).await)?;
            return Ok(format!("the Job {} of an earlier cluster of the name ends", found.name_any()));
        }
        if journal::ended(found) == Some(false) {
            let told = journal::told(found, pods).await?;
            return Ok(told.as_deref().unwrap_or("the Job failed").trim().to_owned());
        }
    }
    let uid = cluster.uid().unwrap_or_default();
    let applier = Applier::new(context.client.clone(), &namespace, &uid, Contests::default());
    // What the Job's pod cannot start without. The spec may be one that was never carried out; and where the cluster is deleted in the
    // foreground Kubernetes deletes them together with the sets, and also what was made anew while other parts still end.
    applier.apply(&Wanted::new(&master_account(validated))?).await?;
    applier.apply(&Wanted::new(&master_settings(validated))?).await?;
    if found.is_none() {
        applier.apply(&Wanted::new(&deletion_job(validated, id))?).await?;
    }
    Ok("a Job removes it".to_owned())
}

/// What the Job brought that was to make the journal; `None` where there is nothing of this cluster's. It makes no pod any more after that.
async fn made(
    cluster: &AlluxioCluster,
    jobs: &Api<Job>,
    pods: &Api<Pod>,
) -> Result<Option<Made>, kube::Error> {
    let name = names::format_job(&cluster.name_any());
    let found = jobs.get_opt(&name).await?.filter(|job| is_of(cluster, job));
    let Some(job) = found else { return Ok(None) };
    let ended = journal::ended(&job);
    let journal = &cluster.spec.journal;
    // It goes with its claim; or that is an earlier cluster's, and stays.
    let in_own_claim = journal.uri.is_none() && journal.existing_claim.is_none();
    if ended.is_none() {
        let at_work = journal::at_work(&job, pods).await?;
        let runs = at_work.iter().any(journal::may_run);
        if in_own_claim || !runs {
            suspend(jobs, &job).await?;
        }
        // One that waits may run before it is ended.
        if !in_own_claim && !at_work.is_empty() {
            return Ok(Some(Made::Running));
        }
    }
    if in_own_claim {
        return Ok(None);
    }
    let told = journal::told(&job, pods).await?;
    let failed = job.status.as_ref().and_then(|status| status.failed).unwrap_or(0) > 0;
    Ok(match LastWord::of(told.as_deref()) {
        Some(LastWord { outcome: Outcome::Foreign | Outcome::Missing, .. }) => None,
        Some(word) if !word.cluster_id.is_empty() => Some(Made::Id(word.cluster_id)),
        // Nothing of it ever ran.
        _ if ended.is_none() && told.is_none() && !failed => None,
        _ => {
            let said = told.map(|told| told.trim().to_owned()).filter(|told| !told.is_empty());
            let said = said.map(|said| format!(": {said}")).unwrap_or_default();
            Some(Made::Unknown(format!("the Job {name} has not said its id{said}")))
        }
    })
}

/// It ends pods that wait, and makes none; the words of those that ended stay.
async fn suspend(jobs: &Api<Job>, job: &Job) -> Result<(), kube::Error> {
    if job.spec.as_ref().and_then(|spec| spec.suspend) == Some(true) {
        return Ok(());
    }
    let manager = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let patch = Patch::Merge(json!({ "spec": { "suspend": true } }));
    deletion::gone(jobs.patch(&job.name_any(), &manager, &patch).await)
}
