//! What is done to pods and to the processes in them, beside applying objects. Each act may be repeated: an operator that was killed
//! in the middle leaves nothing that the next one does not finish.

mod label;
mod leader;
mod mounts;
mod replace;
mod workers;

pub use label::move_label;
pub use leader::{Leader, while_it_lasts};
pub use mounts::{MountWish, Mounted, mount};
pub use replace::{Replaced, replace};
pub use workers::{PodOf, WorkerError, WorkerName, WorkerService};

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::apply::FIELD_MANAGER;

/// Changes labels or annotations of just that pod, not of one of the same name. `false`: it is gone, or is another one.
async fn patch_pod(pods: &Api<Pod>, name: &str, uid: &str, metadata: Value) -> Result<bool, kube::Error> {
    let mut metadata = metadata;
    metadata["uid"] = json!(uid);
    let manager = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    match pods.patch(name, &manager, &Patch::Merge(json!({ "metadata": metadata }))).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409 | 422) => {
            tracing::debug!(pod = name, %status, "the pod is another one now");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
