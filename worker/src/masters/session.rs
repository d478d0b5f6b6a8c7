//! Staying registered with a master: register, heartbeat, and again from the start when the master does
//! not know this worker any more.

use super::{MasterLink, WorkerState, heartbeat, registration};
use crate::core::Core;
use alluxio_fs::FsError;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

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
    Stopped,
}

/// Runs until `stop`.
pub async fn keep_registered(
    core: Arc<Core>,
    link: MasterLink,
    registered: Registered,
    state: WorkerState,
    stop: CancellationToken,
) {
    let listener = core.store.listen();
    let mut wait = FIRST_WAIT;
    let mut told = false;
    while !stop.is_cancelled() {
        let attempt = tokio::select! {
            () = stop.cancelled() => return,
            attempt = registration::register(&core, &link, listener) => attempt,
        };
        match attempt {
            Ok(id) => {
                (wait, told) = (FIRST_WAIT, false);
                core.metrics.registrations.inc();
                tracing::info!(worker_id = id, "registered");
                core.mounts.forget();
                let registration = registered.registered(id);
                let ended = heartbeat::beat(&core, &link, &state, listener, registration, &stop).await;
                // Kept while stopping: commits of streams that end now still need it.
                if let Ended::Unknown = ended {
                    registered.forgotten();
                    tracing::info!("the master does not know this worker; registering again");
                }
            }
            Err(error) => {
                tell(&error, &mut told);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = sleep(wait) => {}
                }
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
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
