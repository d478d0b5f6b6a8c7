//! What a master orders in the answer to a heartbeat.

use super::session::Registration;
use crate::core::Core;
use alluxio_proto::grpc::{Command, CommandType};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// What masters decided about this worker. Cheap to clone.
#[derive(Clone, Default)]
pub struct WorkerState(Arc<State>);

#[derive(Default)]
struct State {
    decommissioned: AtomicBool,
    /// The last registration that a master did not know.
    forgotten: AtomicU64,
    register: Notify,
}

impl WorkerState {
    pub fn is_decommissioned(&self) -> bool {
        self.0.decommissioned.load(Ordering::Acquire)
    }

    /// The master does not know the id of this registration: register at once.
    pub fn want_registration(&self, stale: Registration) {
        self.0.forgotten.fetch_max(stale.turn, Ordering::AcqRel);
        self.0.register.notify_one();
    }

    /// Ends when `current` is not known any more; wishes about earlier registrations are past.
    pub(super) async fn registration_wanted(&self, current: Registration) {
        while self.0.forgotten.load(Ordering::Acquire) < current.turn {
            self.0.register.notified().await;
        }
    }
}

/// A master that starts on the wrong journal orders what it does not know freed soon after this worker
/// registered. Within this time such blocks are kept in quarantine; after it the master knew them.
const DOUBT: Duration = Duration::from_secs(10 * 60);

/// Obeys; `true` when a registration is wanted. `since`: the registration.
pub(super) async fn obey(core: &Core, state: &WorkerState, command: Command, since: Instant) -> bool {
    let kind = command.command_type();
    let decommissioned = kind == CommandType::Decommissioned;
    if state.0.decommissioned.swap(decommissioned, Ordering::AcqRel) != decommissioned {
        // A decommissioned worker serves what it has until it is stopped, and takes nothing new.
        core.admission.set_decommissioned(decommissioned);
        tracing::info!(decommissioned, "the master changed this worker's state");
    }
    match kind {
        CommandType::Register => return true,
        CommandType::Free => core.store.free(command.data, since.elapsed() < DOUBT).await,
        CommandType::Nothing | CommandType::Decommissioned => {}
        other => tracing::warn!(command = other.as_str_name(), "the master ordered something unknown"),
    }
    false
}
