//! Moves the leader's label.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use serde_json::json;

use super::patch_pod;
use crate::observe::leader::{LEADER_LABEL, LabelMoves};

/// Takes it everywhere first. When taking fails nothing is given: two leaders in the Service are worse than none.
///
/// # Errors
/// The API server cannot be reached, or refuses.
pub async fn move_label(pods: &Api<Pod>, moves: &LabelMoves) -> Result<(), kube::Error> {
    for pod in &moves.take {
        patch_pod(pods, &pod.pod, &pod.uid, json!({ "labels": { LEADER_LABEL: null } })).await?;
        tracing::info!(pod = pod.pod, "does not lead any more");
    }
    if let Some(pod) = &moves.give {
        patch_pod(pods, &pod.pod, &pod.uid, json!({ "labels": { LEADER_LABEL: "true" } })).await?;
        tracing::info!(pod = pod.pod, "leads");
    }
    Ok(())
}
