//! Telling the masters that stand by what the leader is told, so that the next leader knows from its first moment
//! where blocks are. Each has a task of its own: one that is slow or gone holds up neither the leader nor the others.
//!
//! Masters of the original are told nothing: their standbys refuse it.

use super::{
    Registered, WorkerState,
    commits::may_pass,
    heartbeat::request,
    link::within,
    registration,
    told::{Known, ToldMaster, ToldMasters},
};
use crate::core::Core;
use alluxio_client::{MasterAddress, WorkerReportsClient};
use alluxio_fs::{FsError, FsResult};
use alluxio_proto::own::{ReportRegistration, ReportRequest};
use futures::future::join_all;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

/// How often it is looked which masters there are.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// When that could not be found out.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// For a call, beside the time for which its answer may be held back.
const CALL: Duration = Duration::from_secs(5);
/// For the good-bye, to all of them together.
const LEAVING: Duration = Duration::from_secs(2);
/// The first and the longest wait after a failure that may pass.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// After one that will not soon: a master that is none of ours, or of another cluster.
const REFUSED_WAIT: Duration = Duration::from_secs(60);

/// Runs until it is dropped.
pub async fn tell_standbys(core: Arc<Core>, told: ToldMasters, registered: Registered, state: WorkerState) {
    let mut standbys = Standbys { core, told, registered, state, cluster: None, links: HashMap::new() };
    loop {
        let pause = match standbys.look().await {
            Ok(()) => LOOK_EVERY,
            Err(error) => {
                tracing::debug!(%error, "it is not known which masters stand by");
                LOOK_AGAIN
            }
        };
        sleep(pause).await;
    }
}

/// A worker that shuts down is not a silent one to whoever leads next.
pub async fn leave(told: &ToldMasters) {
    let leaving = told.all().into_iter().map(|master| async move {
        let known = master.known.lock().await;
        match known.id.filter(|_| !known.leads) {
            Some(id) => master.reports.leave(id, known.registration).await,
            None => Ok(()),
        }
    });
    let left = within(LEAVING, async { join_all(leaving).await.into_iter().collect::<FsResult<()>>() }).await;
    if let Err(error) = left {
        tracing::debug!(%error, "a standby will find out by itself that this worker has left");
    }
}

struct Standbys {
    core: Arc<Core>,
    told: ToldMasters,
    registered: Registered,
    state: WorkerState,
    /// Which cluster the leader belongs to, and the registration after which it was asked.
    cluster: Option<(u64, Option<String>)>,
    links: Links,
}

/// The task that tells each of the masters.
type Links = HashMap<MasterAddress, AbortOnDropHandle<()>>;

impl Standbys {
    /// Begins with masters that have come, and ends with those that have gone.
    async fn look(&mut self) -> FsResult<()> {
        let (masters, cluster) = self.masters().await?;
        keep(&mut self.links, &masters);
        self.told.keep(&masters);
        for address in masters {
            if !self.links.contains_key(&address) {
                let told = self.told.of(&address);
                let (registered, state) = (self.registered.clone(), self.state.clone());
                let link = keep_told(self.core.clone(), told, cluster.clone(), registered, state);
                self.links.insert(address, AbortOnDropHandle::new(tokio::spawn(link)));
            }
        }
        Ok(())
    }

    /// The masters to tell, and their cluster. None where there is only one, and none of the original.
    async fn masters(&mut self) -> FsResult<(Vec<MasterAddress>, String)> {
        let turn = self.registered.wait(None).await.turn;
        if !self.core.settings.all_masters {
            return Ok(Default::default());
        }
        let masters = within(CALL, self.told.cluster().masters()).await?;
        if masters.len() < 2 {
            return Ok(Default::default());
        }
        if self.cluster.as_ref().is_none_or(|(asked_in, _)| *asked_in != turn) {
            let leader = WorkerReportsClient::new(self.told.cluster());
            let cluster = within(CALL, leader.identify()).await?;
            if self.cluster.as_ref().is_none_or(|(_, former)| *former != cluster) {
                self.links.clear();
            }
            self.cluster = Some((turn, cluster));
        }
        let cluster = self.cluster.as_ref().and_then(|(_, cluster)| cluster.clone());
        Ok(cluster.map(|cluster| (masters, cluster)).unwrap_or_default())
    }
}

/// Ends the tasks of masters that have gone. A task never ends by itself, unless by a defect: then it is begun again.
fn keep(links: &mut Links, masters: &[MasterAddress]) {
    links.retain(|address, link| {
        if link.is_finished() {
            tracing::error!(master = %address, "a master was told nothing any more, by a defect: it is told anew");
        }
        masters.contains(address) && !link.is_finished()
    });
}

/// Tells one master what changes, while it does not lead: then the heartbeat does.
async fn keep_told(
    core: Arc<Core>,
    told: Arc<ToldMaster>,
    cluster: String,
    registered: Registered,
    state: WorkerState,
) {
    let interval = core.settings.heartbeat_interval;
    let (mut wait, mut said) = (FIRST_WAIT, false);
    loop {
        registered.wait(None).await;
        let mut known = told.known.lock().await;
        // Only now: who had the lock may have registered by another id.
        let Some(id) = registered.id() else { continue };
        let pause = if known.leads {
            interval
        } else {
            match tell(&core, &told, &mut known, id, &cluster, &state).await {
                Ok(Next::Report { after }) => {
                    (wait, said) = (FIRST_WAIT, false);
                    after
                }
                Ok(Next::Registered) => {
                    tracing::info!(master = %told.address, "told all blocks to a master that does not lead");
                    Duration::ZERO
                }
                Err(error) => {
                    if !said {
                        tracing::info!(master = %told.address, %error, "not told to a master that does not lead");
                        said = true;
                    }
                    let pause = if may_pass(&error) { wait } else { REFUSED_WAIT };
                    wait = (wait * 2).min(LONGEST_WAIT);
                    pause
                }
            }
        };
        drop(known);
        sleep(pause).await;
    }
}

enum Next {
    Registered,
    Report { after: Duration },
}

async fn tell(
    core: &Core,
    told: &ToldMaster,
    known: &mut Known,
    id: i64,
    cluster: &str,
    state: &WorkerState,
) -> FsResult<Next> {
    let changes = if known.id == Some(id) { known.changes(core.settings.report_limit) } else { None };
    let Some(sending) = changes else {
        register(core, told, known, id, cluster).await?;
        return Ok(Next::Registered);
    };
    let (usage, interval) = (core.store.usage(), core.settings.heartbeat_interval);
    // Then this is not all: it does not count as such, and its answer is not to be waited for.
    let more = sending.delta.len() >= core.settings.report_limit;
    let hold = if more { Duration::ZERO } else { interval };
    known.sequence += 1;
    let report = ReportRequest {
        registration: Some(known.registration),
        sequence: Some(known.sequence),
        report: Some(request(id, &sending.delta, &usage, &known.lost)),
        turn: (!more).then_some(known.turn),
        hold_ms: u64::try_from(hold.as_millis()).ok(),
        decommissioned: Some(state.is_decommissioned()),
    };
    let begun = Instant::now();
    let answer = within(hold + CALL, told.reports.report(report)).await?;
    if !answer.known() {
        known.id = None;
        return Err(FsError::unavailable("It does not know this worker any more."));
    }
    sending.arrived();
    known.lost = usage.lost;
    let news = std::mem::replace(&mut known.turn, answer.turn()) != answer.turn();
    let rest = interval.saturating_sub(begun.elapsed());
    Ok(Next::Report { after: if news || more { Duration::ZERO } else { rest } })
}

async fn register(core: &Core, told: &ToldMaster, known: &mut Known, id: i64, cluster: &str) -> FsResult<()> {
    known.id = None;
    known.registration = rand::random();
    (known.sequence, known.turn) = (0, 0);
    let (part, rest) = registration::all(core, id, known.listener, core.settings.register_batch);
    let lost = core.store.usage().lost;
    let first = ReportRegistration {
        cluster_id: Some(cluster.to_owned()),
        address: Some(core.address.clone()),
        registration: Some(known.registration),
        part: Some(part),
    };
    within(core.settings.register_deadline, told.reports.register(first, rest)).await?;
    (known.id, known.lost) = (Some(id), lost);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ended_is_begun_again() {
        let [ended, alive, gone] = [1, 2, 3].map(|port| MasterAddress { host: "m".to_owned(), port });
        let task = |forever: bool| {
            AbortOnDropHandle::new(tokio::spawn(async move {
                if forever {
                    std::future::pending::<()>().await;
                }
            }))
        };
        let mut links =
            Links::from([(ended.clone(), task(false)), (alive.clone(), task(true)), (gone, task(true))]);
        while !links[&ended].is_finished() {
            tokio::task::yield_now().await;
        }
        keep(&mut links, &[ended, alive.clone()]);
        assert_eq!(links.into_keys().collect::<Vec<_>>(), [alive]);
    }
}
