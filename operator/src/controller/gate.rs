//! Whether the masters' image can go on with the journal. A release that knows no newer format than the first always can; beyond that an image
//! that is to come is asked before anything is changed for it: in a roll, the first standby that cannot read the journal would tell it too
//! late, and a cluster of one master would be gone.

use kube::{ResourceExt, api::DeleteParams};

use super::{
    deletion,
    intent::Intent,
    journal,
    observed::Observed,
    reconcile::{Reconcile, ReconcileError},
};
use crate::{apply::APPLIED_HASH, crd::Reason, status::Verdict};

/// What every release reads, and all that those read that do not know the question.
const FIRST_FORMAT: u32 = 1;

/// How what is told begins.
const FIELD: &str = "spec.image: ";

pub enum Gate {
    Open,
    /// The image is being asked.
    Looks(String),
    Refused(Verdict),
}

impl Reconcile<'_> {
    pub(super) async fn gate(&self, intent: &Intent, observed: &Observed) -> Result<Gate, ReconcileError> {
        let told = self.cluster.status.as_ref().and_then(|status| status.journal.as_ref()?.format);
        let written = observed.journal_format().max(told.and_then(|format| u32::try_from(format).ok()));
        let image = intent.master_image();
        let runs = observed.master_image.as_deref();
        let Some(written) =
            written.filter(|written| *written > FIRST_FORMAT && runs.is_some_and(|runs| runs != image))
        else {
            return Ok(Gate::Open);
        };
        let looks = || match self.told_of(image) {
            Some(told) => Gate::Refused(told),
            None => Gate::Looks(format!("which journals {image} reads is asked before anything is replaced")),
        };
        let job = intent.reads_job()?;
        let Some(found) = self.jobs.get_opt(&job.name).await? else {
            self.make_job(&job).await?;
            return Ok(looks());
        };
        if found.annotations().get(APPLIED_HASH) != Some(&job.hash) {
            deletion::gone(self.jobs.delete(&job.name, &DeleteParams::background()).await)?;
            return Ok(looks());
        }
        let Some(complete) = journal::ended(&found) else {
            // Nobody waits ten minutes for a tag that is not there; and it may still come.
            let stuck = journal::is_stuck(&found, &self.pods).await?;
            return Ok(stuck.map_or_else(looks, |why| Gate::Refused(stuck_before(image, &job.name, &why))));
        };
        let end = journal::ended_last(&found, &self.pods).await?;
        let told = end.as_ref().and_then(|end| end.message.as_deref()).unwrap_or_default().trim();
        let gone = async || deletion::gone(self.jobs.delete(&job.name, &DeleteParams::background()).await);
        Ok(match journal::reads(Some(told)) {
            Some(reads) if reads < written => {
                let seen = format!("reads journals up to format {reads}");
                Gate::Refused(refusal(image, runs, &seen, written))
            }
            Some(_) => Gate::Open,
            None if end.as_ref().is_some_and(|end| ran(end.exit_code)) => {
                let seen = format!(
                    "does not know the question which journals it reads, as releases that read format {FIRST_FORMAT} only (it said: {told:?}; \
                     `kubectl delete job {}` asks it again)",
                    job.name
                );
                Gate::Refused(refusal(image, runs, &seen, written))
            }
            // It answered, and the pod with the answer is gone: a drained node, or somebody who cleaned up. That may have been a no.
            None if complete => {
                gone().await?;
                looks()
            }
            // Of what never ran nothing is known; and the only one has no standby that would show what is wrong.
            None if end.is_none() || self.cluster.spec.masters.count == 1 => {
                if journal::may_try_again(&found, self.now) {
                    gone().await?;
                }
                Gate::Refused(unanswered(image, &job.name, told))
            }
            // One whose program does not even start is found out by the first standby, which stops the roll.
            None => Gate::Open,
        })
    }

    /// While the image is asked once more, what was told of it holds.
    fn told_of(&self, image: &str) -> Option<Verdict> {
        let conditions = &self.cluster.status.as_ref()?.conditions;
        let told = conditions.iter().find(|condition| condition.reason == Reason::DowngradeRefused)?;
        let same = told.message.starts_with(&format!("{FIELD}{image} "));
        same.then(|| Verdict::is(Reason::DowngradeRefused, told.message.clone()))
    }
}

/// Whether a program came to its end: what cannot be started, or is killed, ends with 126 to 254.
fn ran(exit_code: i32) -> bool {
    !(126..=254).contains(&exit_code)
}

/// `seen`: what the image does.
fn refusal(image: &str, runs: Option<&str>, seen: &str, written: u32) -> Verdict {
    let runs = runs.map(|runs| format!(", such as {runs}, which runs now")).unwrap_or_default();
    Verdict::is(
        Reason::DowngradeRefused,
        format!(
            "{FIELD}{image} {seen}, and this cluster's is written in format {written}; set an image that \
             reads it{runs}. For an older release take a backup with `alluxio fsadmin backup`, and make a new cluster from it"
        ),
    )
}

fn stuck_before(image: &str, job: &str, why: &str) -> Verdict {
    Verdict::is(
        Reason::DowngradeRefused,
        format!(
            "{FIELD}{image} has not said which journals it reads, and no master is replaced meanwhile: the pod of the Job {job} cannot \
             start: {why}; mend spec.image"
        ),
    )
}

fn unanswered(image: &str, job: &str, told: &str) -> Verdict {
    let told = if told.is_empty() { String::new() } else { format!(": {told}") };
    Verdict::is(
        Reason::DowngradeRefused,
        format!(
            "{FIELD}{image} has not said which journals it reads, and no master is replaced before: the Job {job} failed{told}; \
             `kubectl describe job {job}` says more; it is asked again every minute"
        ),
    )
}
