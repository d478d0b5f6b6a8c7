//! The mounts of the spec, where they are not those that are there.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};

use super::{Context, observed::Observed};
use crate::{
    act::{self, MountWish},
    build::mount_options,
    crd::{AlluxioCluster, Reason},
    status::Verdict,
    validate::{MountPlan, ValidatedCluster},
};

/// The folders that are the operator's after this, and what went wrong. The leader is asked only where the spec differs from what
/// was done: so nothing is asked at rest, and what somebody unmounts by hand stays so.
///
/// # Errors
/// The API server does not answer.
pub async fn mount(
    context: &Context,
    cluster: &AlluxioCluster,
    validated: &ValidatedCluster,
    observed: &Observed,
) -> Result<(Option<Vec<String>>, Option<Verdict>), kube::Error> {
    let told = cluster.status.as_ref().map(|status| status.mounts.as_slice()).unwrap_or_default();
    let ours: BTreeSet<String> = told.iter().cloned().collect();
    let wanted: BTreeSet<_> = validated.mounts.iter().map(|mount| mount.path.clone()).collect();
    let Some(leader) = observed.leading(cluster).filter(|_| ours != wanted) else { return Ok((None, None)) };
    let mut wishes = Vec::new();
    for plan in &validated.mounts {
        wishes.push(wish(context, cluster, plan).await?);
    }
    let failed = |message: String| Verdict::is(Reason::MountFailed, message);
    match act::mount(&leader, &cluster.spec.properties, &wishes, &ours).await {
        Ok(mounted) => Ok((Some(mounted.paths.into_iter().collect()), mounted.failure.map(failed))),
        Err(error) => Ok((None, Some(failed(format!("the leader does not tell its mounts: {error}"))))),
    }
}

/// The one place where the operator reads a Secret's values: a mount's credentials go to the leader, which keeps them.
async fn wish(
    context: &Context,
    cluster: &AlluxioCluster,
    plan: &MountPlan,
) -> Result<MountWish, kube::Error> {
    let secrets: Api<Secret> =
        Api::namespaced(context.client.clone(), &cluster.namespace().unwrap_or_default());
    let mut options = mount_options(plan);
    for credential in &plan.credentials {
        let secret = secrets.get(&credential.secret_key.name).await?;
        let value = secret.data.as_ref().and_then(|data| data.get(&credential.secret_key.key));
        // `validate` has seen that the key is there; one that went meanwhile is told by the next reconcile.
        if let Some(value) = value {
            options
                .insert(credential.option.clone(), String::from_utf8_lossy(&value.0).trim_end().to_owned());
        }
    }
    Ok(MountWish { path: plan.path.clone(), uri: plan.uri.clone(), read_only: plan.read_only, options })
}
