//! Has a pod ended, so that its controller makes a new one.

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{DeleteParams, EvictParams, Preconditions},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    Yes,
    /// A disruption budget says no, or another one was faster: look again.
    NotNow,
}

/// Through `pods/eviction`, so that disruption budgets hold for us as for everybody.
///
/// # Errors
/// The API server cannot be reached, or refuses for another reason than a budget.
pub async fn replace(pods: &Api<Pod>, name: &str, uid: &str) -> Result<Replaced, kube::Error> {
    // Only the pod that was looked at: one that came back under its name in the meantime is none of this.
    let preconditions = Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None });
    let only = DeleteParams { preconditions, ..DeleteParams::default() };
    let eviction = EvictParams { delete_options: Some(only), ..EvictParams::default() };
    match pods.evict(name, &eviction).await {
        Ok(_) => {
            tracing::info!(pod = name, "is replaced");
            Ok(Replaced::Yes)
        }
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409 | 429) => {
            tracing::info!(pod = name, %status, "cannot be replaced now");
            Ok(Replaced::NotNow)
        }
        Err(error) => Err(error),
    }
}
