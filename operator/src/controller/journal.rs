//! The journal before there is a master: one Job makes it, or finds the one that is there. What it says is written into the status
//! before any master starts.

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{Api, ResourceExt, api::ListParams};
use serde::Deserialize;

use crate::{
    crd::{AlluxioCluster, Reason},
    status::Verdict,
};

/// The line that the Job's container leaves as its last word.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastWord {
    pub outcome: Outcome,
    /// Empty when there is none.
    #[serde(default)]
    pub cluster_id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// There was none.
    Formatted,
    /// It was ours.
    Adopted,
    /// It is another cluster's.
    Foreign,
    /// There shall be one, and there is none.
    Missing,
}

/// How far the Job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    Running,
    /// The cluster's id.
    Done(String),
    Failed(Verdict),
}

/// # Errors
/// The API server does not answer.
pub async fn progress(cluster: &AlluxioCluster, job: &Job, pods: &Api<Pod>) -> Result<Progress, kube::Error> {
    let Some(complete) = ended(job) else { return Ok(Progress::Running) };
    let told = told(job, pods).await?;
    Ok(verdict(cluster, &job.name_any(), complete, told.as_deref()))
}

/// Whether it ended well; `None` while it runs.
pub fn ended(job: &Job) -> Option<bool> {
    let conditions = job.status.as_ref()?.conditions.as_deref()?;
    let is = |type_: &str| {
        conditions.iter().any(|condition| condition.type_ == type_ && condition.status == "True")
    };
    match (is("Complete"), is("Failed")) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

/// The last word of its last pod.
///
/// # Errors
/// The API server does not answer.
pub async fn told(job: &Job, pods: &Api<Pod>) -> Result<Option<String>, kube::Error> {
    let selector = format!("batch.kubernetes.io/job-name={}", job.name_any());
    let pods = pods.list(&ListParams::default().labels(&selector)).await?;
    Ok(pods.items.iter().filter_map(last_word).max_by_key(|(at, _)| *at).map(|(_, message)| message))
}

/// With the time it ended at.
fn last_word(pod: &Pod) -> Option<(Option<k8s_openapi::jiff::Timestamp>, String)> {
    let status = pod.status.as_ref()?;
    let ended = status.container_statuses.iter().flatten().find_map(|container| {
        let state = container.state.as_ref().and_then(|state| state.terminated.as_ref());
        state.or_else(|| container.last_state.as_ref().and_then(|state| state.terminated.as_ref()))
    })?;
    Some((ended.finished_at.as_ref().map(|time| time.0), ended.message.clone().unwrap_or_default()))
}

fn verdict(cluster: &AlluxioCluster, job: &str, complete: bool, told: Option<&str>) -> Progress {
    let name = cluster.name_any();
    let look = format!("`kubectl -n {} logs job/{job}` says more", cluster.namespace().unwrap_or_default());
    let word =
        told.and_then(|told| told.lines().rev().find_map(|line| serde_json::from_str::<LastWord>(line).ok()));
    let failed = |reason, message: String| Progress::Failed(Verdict::is_not(reason, message));
    match (complete, word) {
        (true, Some(LastWord { outcome: Outcome::Formatted | Outcome::Adopted, cluster_id })) if !cluster_id.is_empty() => {
            Progress::Done(cluster_id)
        }
        (_, Some(LastWord { outcome: Outcome::Foreign, cluster_id })) => failed(
            Reason::JournalForeign,
            format!(
                "the journal's folder holds the journal of another cluster ({0}); if it is to be this one's, annotate: kubectl \
                 annotate alluxiocluster {name} alluxio.org/adopt-journal={0}; else set spec.journal to another place",
                cluster_id
            ),
        ),
        (_, Some(LastWord { outcome: Outcome::Missing, .. })) => failed(
            Reason::JournalMissing,
            "the cluster had a journal, and its folder holds none: bring it back; a new one is never made in its place".to_owned(),
        ),
        (true, _) => failed(Reason::FormatFailed, format!("the Job {job} ended without a cluster id; {look}")),
        (false, _) => {
            let said = told.map(|told| format!(": {}", told.trim())).unwrap_or_default();
            failed(Reason::FormatFailed, format!("the Job {job} failed{said}; {look}; mend it and delete the Job"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cluster() -> AlluxioCluster {
        serde_json::from_value(json!({
            "apiVersion": "alluxio.org/v1alpha1", "kind": "AlluxioCluster",
            "metadata": { "name": "a", "namespace": "n" },
            "spec": { "underStorage": { "root": { "claim": "c" } } },
        }))
        .unwrap()
    }

    fn failed(complete: bool, told: Option<&str>) -> (Reason, String) {
        match verdict(&cluster(), "a-format", complete, told) {
            Progress::Failed(verdict) => (verdict.reason, verdict.message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_the_job_says() {
        for outcome in ["formatted", "adopted"] {
            let told = format!("a line of the log\n{{\"outcome\":\"{outcome}\",\"clusterId\":\"id\"}}\n");
            assert_eq!(verdict(&cluster(), "j", true, Some(&told)), Progress::Done("id".to_owned()));
        }
        let (reason, message) = failed(false, Some(r#"{"outcome":"foreign","clusterId":"other"}"#));
        assert_eq!(reason, Reason::JournalForeign);
        assert!(
            message.contains("kubectl annotate alluxiocluster a alluxio.org/adopt-journal=other"),
            "{message}"
        );
        assert_eq!(failed(false, Some(r#"{"outcome":"missing"}"#)).0, Reason::JournalMissing);
    }

    #[test]
    fn no_id_is_no_success() {
        for told in [None, Some(""), Some(r#"{"outcome":"formatted"}"#), Some("no JSON")] {
            assert_eq!(failed(true, told).0, Reason::FormatFailed, "{told:?}");
        }
        let (reason, message) = failed(false, Some(" permission denied "));
        assert_eq!(reason, Reason::FormatFailed);
        assert!(message.contains("failed: permission denied; `kubectl -n n logs job/a-format`"), "{message}");
    }
}
