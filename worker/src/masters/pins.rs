//! Follows the list of files whose blocks stay.

use super::Registered;
use crate::core::Core;
use std::sync::Arc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Asks as often as it heartbeats. While the master does not answer, the last list holds.
pub async fn follow_pins(core: Arc<Core>, registered: Registered, stop: CancellationToken) {
    let mut ticks = interval(core.settings.heartbeat_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if registered.id().is_none() {
            continue;
        }
        match core.link.pinned_files().await {
            Ok(files) => core.store.set_pinned(files.into_iter().collect()),
            Err(error) => tracing::debug!(%error, "no list of pinned files"),
        }
    }
}
