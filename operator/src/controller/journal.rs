//! The journal before there is a master: one Job makes it, or finds the one that is there. What it says is written into the status
//! before any master starts.

use std::time::Duration;

use k8s_openapi::{
    api::{
        batch::v1::{Job, JobCondition},
        core::v1::{ContainerStateTerminated, Pod},
    },
    jiff::Timestamp,
};
use kube::{Api, ResourceExt, api::ListParams};
use serde::Deserialize;

use crate::{
    crd::{AlluxioCluster, ConditionType, Reason, conditions::ConditionStatus},
    observe::pods::{stuck, unscheduled},
    status::Verdict,
};

/// So long after a Job failed another one looks: what it lacked may have come.
const AGAIN: Duration = Duration::from_secs(60);

/// The line that the Job's container leaves as its last word.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastWord {
    pub outcome: Outcome,
    /// Empty when there is none.
    #[serde(default)]
    pub cluster_id: String,
    #[serde(default)]
    pub message: String,
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

impl LastWord {
    /// In what the container left.
    pub fn of(told: Option<&str>) -> Option<Self> {
        told?.lines().rev().find_map(|line| serde_json::from_str(line).ok())
    }
}

/// The newest journal format that an image reads, as the Job that asked it was told.
pub fn reads(told: Option<&str>) -> Option<u32> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Reads {
        reads_format: u32,
    }
    told?
        .lines()
        .rev()
        .find_map(|line| serde_json::from_str::<Reads>(line).ok())
        .map(|reads| reads.reads_format)
}

/// How far the Job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// With what keeps its pod from starting.
    Running(Option<String>),
    /// The cluster's id.
    Done(String),
    Failed(Verdict),
}

/// # Errors
/// The API server does not answer.
pub async fn progress(cluster: &AlluxioCluster, job: &Job, pods: &Api<Pod>) -> Result<Progress, kube::Error> {
    let Some(complete) = ended(job) else {
        let pods = pods_of(job, pods).await?;
        // It is tried again for a minute; but what lies in the folder is known.
        let known = failed_word(&pods).map(|told| verdict(cluster, &job.name_any(), false, Some(told)));
        if let Some(Progress::Failed(verdict)) = known
            && is_known(&verdict)
        {
            return Ok(Progress::Failed(verdict));
        }
        return Ok(match pods.iter().find_map(stuck) {
            Some(why) => Progress::Failed(cannot_start(&job.name_any(), &why)),
            None => Progress::Running(pods.iter().find_map(unscheduled)),
        });
    };
    let told = told(job, pods).await?;
    Ok(verdict(cluster, &job.name_any(), complete, told.as_deref()))
}

/// Whether it ended well; `None` while it runs.
pub fn ended(job: &Job) -> Option<bool> {
    condition(job, "Complete").map(|_| true).or_else(|| condition(job, "Failed").map(|_| false))
}

/// Whether a Job that did not bring what was wanted ended so long ago that another one may try.
pub fn may_try_again(job: &Job, now: Timestamp) -> bool {
    let ended = condition(job, "Complete").or_else(|| condition(job, "Failed"));
    let at = ended.and_then(|ended| Some(ended.last_transition_time.as_ref()?.0));
    at.is_some_and(|at| Duration::try_from(now.duration_since(at)).is_ok_and(|passed| passed >= AGAIN))
}

fn condition<'a>(job: &'a Job, type_: &str) -> Option<&'a JobCondition> {
    let mut conditions = job.status.as_ref()?.conditions.iter().flatten();
    conditions.find(|condition| condition.type_ == type_ && condition.status == "True")
}

/// Whether this says that no master can start before somebody does something.
pub fn is_trouble(verdict: &Verdict) -> bool {
    verdict.status == ConditionStatus::False && verdict.reason != Reason::JournalNotFormatted
}

pub fn ours() -> Verdict {
    Verdict::is(Reason::JournalFormatted, "the journal is this cluster's")
}

/// A Job is at it. `waits`: why no node has its pod.
pub fn looks(job: &str, waits: Option<&str>) -> Verdict {
    let waits = waits.map(|why| format!("; its pod is on no node yet: {why}")).unwrap_or_default();
    Verdict::is_not(Reason::JournalNotFormatted, format!("the Job {job} makes it, or looks for it{waits}"))
}

/// Whether this tells what lies in the folder, and not only that nobody could look.
pub fn is_known(verdict: &Verdict) -> bool {
    matches!(verdict.reason, Reason::JournalMissing | Reason::JournalForeign)
}

/// Masters of `known` find another journal in its place. `seen`: what the Job says of that.
pub fn replaced(cluster: &AlluxioCluster, known: &str, seen: &str) -> Verdict {
    let (namespace, name) = (cluster.namespace().unwrap_or_default(), cluster.name_any());
    Verdict::is_not(
        Reason::JournalForeign,
        format!(
            "bring back the journal of {known}, it is looked for every minute; nothing is started or replaced meanwhile. There is another one now: {seen}. Once \
             that is named in the annotation, `kubectl -n {namespace} delete statefulset/{name}-masters` has the cluster go on with it"
        ),
    )
}

/// A master that Kubernetes started anew, not we, has taken what lies there.
pub fn taken(cluster: &AlluxioCluster, pod: &str, found: &str) -> Verdict {
    let (namespace, name) = (cluster.namespace().unwrap_or_default(), cluster.name_any());
    Verdict::is_not(
        Reason::JournalForeign,
        format!(
            "{pod} has taken the journal of another cluster ({found}), which lies in the folder of this one's: stop the masters with \
             `kubectl -n {namespace} scale statefulset/{name}-masters --replicas=0` and bring the folder back; they are started again then"
        ),
    )
}

/// What was told of the journal, if that was trouble: it holds until a Job says otherwise.
pub fn told_trouble(cluster: &AlluxioCluster) -> Option<Verdict> {
    let conditions = &cluster.status.as_ref()?.conditions;
    let told = conditions.iter().find(|condition| condition.type_ == ConditionType::JournalReady)?;
    let verdict = Verdict { status: told.status, reason: told.reason, message: told.message.clone() };
    is_trouble(&verdict).then_some(verdict)
}

/// The last word of its last pod.
///
/// # Errors
/// The API server does not answer.
pub async fn told(job: &Job, pods: &Api<Pod>) -> Result<Option<String>, kube::Error> {
    Ok(ended_last(job, pods).await?.map(|end| end.message.unwrap_or_default()))
}

/// How the container of its last pod ended; where it is complete, of the one that ended well. `None` where that pod is gone, or never ran.
///
/// # Errors
/// The API server does not answer.
pub async fn ended_last(job: &Job, pods: &Api<Pod>) -> Result<Option<ContainerStateTerminated>, kube::Error> {
    let pods = pods_of(job, pods).await?;
    let complete = ended(job) == Some(true);
    let words = pods.iter().filter_map(last_word).filter(|word| !complete || word.exit_code == 0);
    Ok(words.max_by_key(|word| word.finished_at.as_ref().map(|time| time.0)).cloned())
}

/// What keeps the container of one of its pods from running, if that does not end by itself.
///
/// # Errors
/// The API server does not answer.
pub async fn is_stuck(job: &Job, pods: &Api<Pod>) -> Result<Option<String>, kube::Error> {
    Ok(pods_of(job, pods).await?.iter().find_map(stuck))
}

/// Not those of a former Job of the name, which may be there for long on a node that is gone.
async fn pods_of(job: &Job, pods: &Api<Pod>) -> Result<Vec<Pod>, kube::Error> {
    let selector = format!("batch.kubernetes.io/job-name={}", job.name_any());
    let mut pods = pods.list(&ListParams::default().labels(&selector)).await?.items;
    let uid = job.uid().unwrap_or_default();
    pods.retain(|pod| pod.owner_references().iter().all(|owner| owner.uid == uid));
    Ok(pods)
}

/// Its pods that have not come to their end.
///
/// # Errors
/// The API server does not answer.
pub async fn at_work(job: &Job, pods: &Api<Pod>) -> Result<Vec<Pod>, kube::Error> {
    let mut pods = pods_of(job, pods).await?;
    let phase = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.clone());
    pods.retain(|pod| !matches!(phase(pod).as_deref(), Some("Succeeded" | "Failed")));
    Ok(pods)
}

/// Whether it runs, or may do so before anybody knows.
pub fn may_run(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()) && stuck(pod).is_none()
}

fn cannot_start(job: &str, why: &str) -> Verdict {
    let message = format!(
        "the pod of the Job {job} cannot start: {why}; mend spec.image, or what else of spec.masters it is about: the Job is made anew then"
    );
    Verdict::is_not(Reason::FormatFailed, message)
}

/// What the last one that failed has said.
fn failed_word(pods: &[Pod]) -> Option<&str> {
    let failed = pods.iter().filter_map(last_word).filter(|word| word.exit_code != 0);
    failed.max_by_key(|word| word.finished_at.as_ref().map(|time| time.0))?.message.as_deref()
}

fn last_word(pod: &Pod) -> Option<&ContainerStateTerminated> {
    let status = pod.status.as_ref()?;
    status.container_statuses.iter().flatten().find_map(|container| {
        let state = container.state.as_ref().and_then(|state| state.terminated.as_ref());
        state.or_else(|| container.last_state.as_ref().and_then(|state| state.terminated.as_ref()))
    })
}

fn verdict(cluster: &AlluxioCluster, job: &str, complete: bool, told: Option<&str>) -> Progress {
    let name = cluster.name_any();
    let look = format!("`kubectl -n {} logs job/{job}` says more", cluster.namespace().unwrap_or_default());
    let word = LastWord::of(told);
    let failed = |reason, message: String| Progress::Failed(Verdict::is_not(reason, message));
    match (complete, word) {
        (true, Some(LastWord { outcome: Outcome::Formatted | Outcome::Adopted, cluster_id, .. }))
            if !cluster_id.is_empty() =>
        {
            Progress::Done(cluster_id)
        }
        // One of a Java master, which has no id by which it could be taken over; or one that masters use.
        (_, Some(LastWord { outcome: Outcome::Foreign, cluster_id, message })) if cluster_id.is_empty() => failed(
            Reason::JournalForeign,
            format!("the journal's folder is in use, and cannot become this cluster's: {message}; make the cluster with another spec.journal"),
        ),
        (_, Some(LastWord { outcome: Outcome::Foreign, cluster_id, .. })) => failed(
            Reason::JournalForeign,
            format!(
                "the journal's folder holds the journal of another cluster ({cluster_id}); if it is to be this one's, annotate: kubectl \
                 annotate alluxiocluster {name} alluxio.org/adopt-journal={cluster_id}; else make the cluster with another spec.journal"
            ),
        ),
        (_, Some(LastWord { outcome: Outcome::Missing, message, .. }))
            if cluster.status.as_ref().is_none_or(|status| status.journal.is_none()) =>
        {
            failed(Reason::JournalMissing, format!("{message} (the annotation alluxio.org/adopt-journal names it)"))
        }
        (_, Some(LastWord { outcome: Outcome::Missing, .. })) => failed(
            Reason::JournalMissing,
            "the cluster had a journal, and its folder holds none: bring it back, it is looked for every minute; a new one is never \
             made in its place"
                .to_owned(),
        ),
        (true, _) => failed(Reason::FormatFailed, format!("the Job {job} ended without a cluster id; {look}")),
        (false, _) => {
            let said = told.map(|told| format!(": {}", told.trim())).unwrap_or_default();
            failed(Reason::FormatFailed, format!("the Job {job} failed{said}; {look}; it is tried again every minute"))
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

    /// Where there is no id, there is nothing to name in an annotation.
    #[test]
    fn the_journal_of_a_java_master_cannot_be_adopted() {
        let told = r#"{"outcome":"foreign","clusterId":"","message":"/j: there is the journal of a Java master (v1): choose another folder"}"#;
        let (reason, message) = failed(false, Some(told));
        assert_eq!(reason, Reason::JournalForeign);
        assert!(message.contains("of a Java master (v1)") && !message.contains("annotate"), "{message}");
    }

    #[test]
    fn a_job_that_failed_may_try_again_after_a_minute() {
        let job =
            |conditions| serde_json::from_value(json!({ "status": { "conditions": conditions } })).unwrap();
        let ended = |type_| json!([{ "type": type_, "status": "True", "lastTransitionTime": "1970-01-01T00:01:40Z" }]);
        let at = |second| Timestamp::from_second(second).unwrap();
        for type_ in ["Failed", "Complete"] {
            assert!(
                !may_try_again(&job(ended(type_)), at(159)) && may_try_again(&job(ended(type_)), at(160))
            );
        }
        assert!(!may_try_again(&job(json!([])), at(1000)), "it runs");
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
