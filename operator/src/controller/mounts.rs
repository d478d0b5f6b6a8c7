//! The mounts of the spec, where they are not those that are there.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};
use tokio::time::timeout;

use super::{Context, observed::Observed};
use crate::{
    act::{self, MountWish},
    build::{mount_digest, mount_options},
    crd::{AlluxioCluster, MountStatus, Reason},
    status::Verdict,
    validate::{MountPlan, ValidatedCluster},
};

/// So long the mounts of other clusters are waited for.
const TURN: Duration = Duration::from_secs(3);

/// The mounts that are the operator's after this, and what went wrong. The leader is asked only where the spec, or a Secret of it, differs from what
/// was done: so nothing is asked at rest, and what somebody unmounts by hand stays so.
///
/// # Errors
/// The API server does not answer.
pub async fn mount(
    context: &Context,
    cluster: &AlluxioCluster,
    validated: &ValidatedCluster,
    observed: &Observed,
) -> Result<(Option<Vec<MountStatus>>, Option<Verdict>), kube::Error> {
    let told = cluster.status.as_ref().map(|status| status.mounts.as_slice()).unwrap_or_default();
    let ours: BTreeMap<_, _> = told.iter().map(|mount| (mount.path.clone(), mount.digest.clone())).collect();
    let digest = |plan: &MountPlan| (plan.path.clone(), mount_digest(validated, plan));
    let wanted: BTreeMap<_, _> = validated.mounts.iter().map(digest).collect();
    let Some(leader) = observed.leading(cluster).filter(|_| ours != wanted) else { return Ok((None, None)) };
    let mut wishes = Vec::new();
    for plan in &validated.mounts {
        let options = options(context, cluster, plan).await?;
        let (path, digest) = digest(plan);
        wishes.push(MountWish {
            path,
            uri: plan.uri.clone(),
            read_only: plan.settings.read_only,
            options,
            digest,
        });
    }
    let turn = timeout(TURN, context.mounting.acquire()).await;
    let failed = |message: String| Verdict::is(Reason::MountFailed, format!("{message}; it is tried again"));
    let Ok(Ok(_turn)) = turn else {
        return Ok((
            None,
            Some(failed("the mounts of another cluster take long, and come first".to_owned())),
        ));
    };
    match act::mount(&leader, &cluster.spec.properties, &wishes, &ours).await {
        Ok(mounted) => {
            let mounts = mounted.digests.into_iter().map(|(path, digest)| MountStatus { path, digest });
            Ok((Some(mounts.collect()), mounted.failure.map(failed)))
        }
        Err(error) => Ok((None, Some(failed(format!("the leader does not tell its mounts: {error}"))))),
    }
}

/// The one place where the operator reads a Secret's values: a mount's credentials go to the leader, which keeps them.
async fn options(
    context: &Context,
    cluster: &AlluxioCluster,
    plan: &MountPlan,
) -> Result<BTreeMap<String, String>, kube::Error> {
    let secrets: Api<Secret> =
        Api::namespaced(context.client.clone(), &cluster.namespace().unwrap_or_default());
    let mut options = mount_options(plan);
    for credential in &plan.settings.credentials {
        let secret = secrets.get(&credential.secret_key.name).await?;
        let value = secret.data.as_ref().and_then(|data| data.get(&credential.secret_key.key));
        // `validate` has seen that the key is there; one that went meanwhile is told by the next reconcile.
        if let Some(value) = value {
            options
                .insert(credential.option.clone(), String::from_utf8_lossy(&value.0).trim_end().to_owned());
        }
    }
    Ok(options)
}
