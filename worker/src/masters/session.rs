//! Staying registered with the leader: register, heartbeat, and again from the start when the master does
//! not know this worker any more. A new leader that was told all as a standby needs no registration.

use super::{
    WorkerState, heartbeat, registration,
    told::{ToldMaster, ToldMasters},
};
use crate::core::Core;
use alluxio_fs::FsError;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::sleep};

/// The first and the longest wait between attempts to reach a master.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// One registration with the leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registration {
    /// The worker's id. A master may give the same one again.
    pub id: i64,
    /// Tells a registration from an earlier one with the same id.
    pub turn: u64,
}

/// The present registration; none while the worker is not registered. Cheap to clone.
#[derive(Clone)]
pub struct Registered(watch::Sender<(u64, Option<i64>)>);

impl Default for Registered {
    fn default() -> Registered {
        Registered(watch::Sender::new((0, None)))
    }
}

impl Registered {
    pub fn id(&self) -> Option<i64> {
        self.0.borrow().1
    }

    /// The present registration.
    pub fn current(&self) -> Option<Registration> {
        let (turn, id) = *self.0.borrow();
        id.map(|id| Registration { id, turn })
    }

    /// Whether a master knew this worker once.
    pub fn was_registered(&self) -> bool {
        self.0.borrow().0 > 0
    }

    fn registered(&self, id: i64) -> Registration {
        self.0.send_modify(|(turn, current)| {
            *turn += 1;
            *current = Some(id);
        });
        Registration { id, turn: self.0.borrow().0 }
    }

    /// Another master leads, which knows this worker by this id: the same one as a rule.
    fn goes_on(&self, id: i64) -> Registration {
        self.current().filter(|current| current.id == id).unwrap_or_else(|| self.registered(id))
    }

    fn forgotten(&self) {
        self.0.send_modify(|(_, current)| *current = None);
    }

    /// Waits for a registration other than `stale`.
    pub async fn wait(&self, stale: Option<Registration>) -> Registration {
        let mut changes = self.0.subscribe();
        loop {
            let (turn, current) = *changes.borrow_and_update();
            let registration = current.map(|id| Registration { id, turn });
            if let Some(registration) = registration.filter(|_| registration != stale) {
                return registration;
            }
            if changes.changed().await.is_err() {
                // Not possible while self lives; waiting is right.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Why a registered phase ended.
pub(super) enum Ended {
    /// The master asks for a registration, or does not know the id.
    Unknown,
    /// Another master leads.
    Replaced,
}

/// Runs until it is dropped. The registration is kept then: commits of streams that end now still need it.
pub async fn keep_registered(core: Arc<Core>, told: ToldMasters, registered: Registered, state: WorkerState) {
    let mut wait = FIRST_WAIT;
    let mut said = false;
    let mut former: Option<Arc<ToldMaster>> = None;
    loop {
        match find_leader(&core, &told, &registered).await {
            Ok((leader, registration)) => {
                (wait, said) = (FIRST_WAIT, false);
                if let Some(former) =
                    former.replace(leader.clone()).filter(|former| !Arc::ptr_eq(former, &leader))
                {
                    former.known.lock().await.leads = false;
                }
                let ended = heartbeat::beat(&core, &told, &leader, &state, registration).await;
                if let Ended::Unknown = ended {
                    registered.forgotten();
                    tracing::info!("the master does not know this worker; registering again");
                }
            }
            Err(error) => {
                tell(&error, &mut said);
                sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}

/// The master that leads, which knows this worker: from when it stood by, or from now on.
async fn find_leader(
    core: &Core,
    told: &ToldMasters,
    registered: &Registered,
) -> Result<(Arc<ToldMaster>, Registration), FsError> {
    let leader = told.leader().await?;
    let mut known = leader.known.lock().await;
    if let Some(id) = known.id {
        tracing::info!(master = %leader.address, worker_id = id, "another master leads, and knows this worker");
        // As a registration does: its root may be another one, and it may know what the former one did not.
        core.mounts.forget();
        core.store.restore_quarantined().await;
        known.leads = true;
        let registration = registered.goes_on(id);
        drop(known);
        return Ok((leader, registration));
    }
    let id = registration::register(core, &leader.link, known.listener)
        .await
        .inspect_err(|_| told.cluster().doubt(&leader.address))?;
    (known.id, known.lost) = (Some(id), core.store.usage().lost);
    // From here on this master is told by the heartbeat alone. The new id is known before the lock is free, or else the task that
    // tells standbys would register this worker there by its former one.
    known.leads = true;
    let registration = registered.registered(id);
    drop(known);
    core.metrics.registrations.inc();
    tracing::info!(worker_id = id, "registered");
    core.mounts.forget();
    Ok((leader, registration))
}

/// One line per outage, not per attempt.
fn tell(error: &FsError, told: &mut bool) {
    if *told {
        tracing::debug!(%error, "not registered yet");
    } else {
        tracing::warn!(%error, "not registered; trying until the master answers");
        *told = true;
    }
}
