//! Out of service: what only this worker has is persisted, so that it can be stopped without a loss. How many files are
//! not persisted yet is told on the web port (`/role`): whoever stops the worker can wait for 0.

use crate::{core::Core, masters::WorkerState, only_here::OnlyHere};
use alluxio_fs::FsError;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How many files with blocks here are not persisted. Cheap to clone.
#[derive(Clone, Default)]
pub struct Unpersisted(Arc<Mutex<Option<usize>>>);

impl Unpersisted {
    /// `None` while the worker serves, while a block is being written here, and when the leader does not say.
    pub fn count(&self) -> Option<usize> {
        *self.0.lock()
    }

    fn set(&self, count: Option<usize>) {
        *self.0.lock() = count;
    }
}

/// Runs until `stop`.
pub(crate) async fn drain(
    core: Arc<Core>,
    state: WorkerState,
    unpersisted: Unpersisted,
    stop: CancellationToken,
) {
    let mut ticks = interval(core.settings.heartbeat_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut only_here = OnlyHere::default();
    loop {
        let step = async {
            ticks.tick().await;
            if !state.is_decommissioned() {
                only_here = OnlyHere::default();
                unpersisted.set(None);
                return;
            }
            if let Err(error) = round(&core, &state, &mut only_here, &unpersisted).await {
                tracing::debug!(%error, "the master is asked again what is persisted");
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = step => {}
        }
    }
}

async fn round(
    core: &Core,
    state: &WorkerState,
    only_here: &mut OnlyHere,
    unpersisted: &Unpersisted,
) -> Result<(), FsError> {
    // A block that is being written counts only in a look that begins after its end: nobody may go by this one.
    let writing = core.admission.active_writers() > 0;
    if writing {
        unpersisted.set(None);
    }
    let files = only_here.look(core).await.inspect_err(|_| unpersisted.set(None))?;
    unpersisted.set(Some(files.len()).filter(|_| !writing));
    for file in files {
        // It may take long; put back in service the worker leaves them as they are.
        if state.is_decommissioned() && !only_here.is_settled(file) {
            only_here.is_done(core, file).await?;
        }
    }
    Ok(())
}
