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

/// What every release reads.
const FIRST_FORMAT: u32 = 1;

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
        let looks =
            || Gate::Looks(format!("which journals {image} reads is asked before anything is replaced"));
        let job = intent.reads_job()?;
        let Some(found) = self.jobs.get_opt(&job.name).await? else {
            self.make_job(&job).await?;
            return Ok(looks());
        };
        if found.annotations().get(APPLIED_HASH) != Some(&job.hash) {
            deletion::gone(self.jobs.delete(&job.name, &DeleteParams::background()).await)?;
            return Ok(looks());
        }
        let Some(complete) = journal::ended(&found) else { return Ok(looks()) };
        let told = journal::told(&found, &self.pods).await?;
        if complete && told.is_none() {
            // It answered, and the pod with the answer is gone: a drained node, or somebody who cleaned up. That may have been a no.
            deletion::gone(self.jobs.delete(&job.name, &DeleteParams::background()).await)?;
            return Ok(looks());
        }
        Ok(match journal::reads(told.as_deref()) {
            Some(reads) if reads < written => Gate::Refused(refusal(image, runs, reads, written)),
            // One that does not even start is found out by the first standby, which stops the roll.
            _ => Gate::Open,
        })
    }
}

fn refusal(image: &str, runs: Option<&str>, reads: u32, written: u32) -> Verdict {
    let runs = runs.map(|runs| format!(", such as {runs}, which runs now")).unwrap_or_default();
    Verdict::is(
        Reason::DowngradeRefused,
        format!(
            "spec.image: {image} reads journals up to format {reads}, and this cluster's is written in format {written}; set an image that \
             reads it{runs}. For an older release take a backup with `alluxio fsadmin backup`, and make a new cluster from it"
        ),
    )
}
