//! What a reconcile does about the journal: a Job makes it or finds it before the first master starts, and looks for it again when no
//! master serves.

use std::time::Duration;

use kube::{ResourceExt, api::DeleteParams};

use super::{
    deletion,
    intent::Intent,
    journal, masters,
    observed::Observed,
    reconcile::{Reconcile, ReconcileError},
    report::Report,
};
use crate::{
    apply::{APPLIED_HASH, Wanted},
    crd::{JournalStatus, Reason},
    status::Verdict,
};

/// The id of a journal that shall become this cluster's though it is another one's.
const ADOPT_JOURNAL: &str = "alluxio.org/adopt-journal";

/// A change of leaders, or masters that all start anew, may take so long. Where nobody serves for longer the journal may be the reason.
const NOBODY_SERVES: Duration = Duration::from_secs(30);

impl Reconcile<'_> {
    /// Whether masters may start, or be changed: the journal is there, and the status knows whose it is. Where there is no set of masters
    /// a Job looks, also when the journal was known before: its folder may have got lost together with the set.
    pub(super) async fn journal(
        &self,
        intent: &Intent,
        observed: &Observed,
        report: &mut Report,
    ) -> Result<bool, ReconcileError> {
        let known = self.cluster.status.as_ref().and_then(|status| status.journal.clone());
        let known_id = known.map(|journal| journal.cluster_id);
        if let Some(known) = &known_id
            && observed.master_set.is_some()
        {
            // Handed over to this object it would be nobody's: the masters of that set refuse to start over it.
            let job = intent.format_job(known_id.clone(), None)?;
            let verdict = self.still_there(&job, known, observed).await?;
            let there = !journal::is_trouble(&verdict);
            report.journal_verdict = Some(verdict);
            return Ok(there);
        }
        let adopt = self.cluster.annotations().get(ADOPT_JOURNAL).cloned();
        let job = intent.format_job(known_id.clone(), adopt)?;
        let verdict = match self.run_job(&job, known_id.as_deref()).await? {
            journal::Progress::Running(waits) => {
                // A former one's words hold until this one's pod runs, but where it is known what that waits for they are not true any more.
                let looks = journal::looks(&job.name, waits.as_deref());
                match journal::told_trouble(&self.cluster) {
                    Some(told) if waits.is_some() && !journal::is_known(&told) => {
                        Verdict { message: looks.message, ..told }
                    }
                    told => told.unwrap_or(looks),
                }
            }
            journal::Progress::Failed(verdict) => verdict,
            // Masters start when the id stands in the status.
            journal::Progress::Done(cluster_id) if known_id.as_ref() == Some(&cluster_id) => {
                report.journal_verdict = Some(journal::ours());
                return Ok(true);
            }
            journal::Progress::Done(cluster_id) => {
                report.journal =
                    Some(JournalStatus { cluster_id, location: intent.journal.clone(), format: None });
                journal::ours()
            }
        };
        report.journal_verdict = Some(verdict);
        Ok(false)
    }

    /// While masters run. Who serves has it; and where nobody does, a Job looks once a minute. That the Job fails says nothing: what the
    /// masters cannot reach, or a claim that is mounted elsewhere, it cannot reach either.
    async fn still_there(
        &self,
        job: &Wanted,
        known: &str,
        observed: &Observed,
    ) -> Result<Verdict, ReconcileError> {
        if let Some((pod, found)) = observed.of_another() {
            return Ok(journal::taken(&self.cluster, pod, found));
        }
        let told = journal::told_trouble(&self.cluster).filter(journal::is_known);
        // Before one ever served, it was there a moment ago.
        let served = self.cluster.status.as_ref().is_some_and(|status| status.version.is_some());
        let for_long = masters::leaderless_since(&self.cluster, observed)
            .filter(|_| served)
            .and_then(|since| Duration::try_from(self.now.duration_since(since)).ok())
            .is_some_and(|passed| passed >= NOBODY_SERVES);
        if observed.leader().is_some() || (told.is_none() && !for_long) {
            return Ok(journal::ours());
        }
        Ok(match self.look(job).await? {
            journal::Progress::Failed(verdict) if verdict.reason == Reason::JournalForeign => {
                journal::replaced(&self.cluster, known, &verdict.message)
            }
            journal::Progress::Failed(verdict) if journal::is_known(&verdict) => verdict,
            journal::Progress::Done(found) if found == known => journal::ours(),
            _ => told.unwrap_or_else(journal::ours),
        })
    }

    /// What a Job of the last minute says.
    async fn look(&self, job: &Wanted) -> Result<journal::Progress, ReconcileError> {
        let Some(found) = self.jobs.get_opt(&job.name).await? else { return self.make_job(job).await };
        let same = found.annotations().get(APPLIED_HASH) == Some(&job.hash);
        if !same || journal::may_try_again(&found, self.now) {
            deletion::gone(self.jobs.delete(&job.name, &DeleteParams::background()).await)?;
        }
        match same {
            true => Ok(journal::progress(&self.cluster, &found, &self.pods).await?),
            false => Ok(journal::Progress::Running(None)),
        }
    }

    /// A Job cannot be changed: one that was told something else goes first, unless it has found the journal that is looked for.
    async fn run_job(&self, job: &Wanted, known: Option<&str>) -> Result<journal::Progress, ReconcileError> {
        let Some(found) = self.jobs.get_opt(&job.name).await? else { return self.make_job(job).await };
        let progress = journal::progress(&self.cluster, &found, &self.pods).await?;
        let same = found.annotations().get(APPLIED_HASH) == Some(&job.hash);
        let fits = matches!(&progress, journal::Progress::Done(id) if Some(id.as_str()) == known);
        if same || fits {
            let failed = matches!(progress, journal::Progress::Failed(_));
            if failed && journal::may_try_again(&found, self.now) {
                deletion::gone(self.jobs.delete(&job.name, &DeleteParams::background()).await)?;
            }
            return Ok(progress);
        }
        deletion::gone(self.jobs.delete(&job.name, &DeleteParams::background()).await)?;
        Ok(journal::Progress::Running(None))
    }

    pub(super) async fn make_job(&self, job: &Wanted) -> Result<journal::Progress, ReconcileError> {
        self.applier.apply(job).await?;
        self.context.metrics.wrote(&job.resource.kind, "created");
        Ok(journal::Progress::Running(None))
    }
}
