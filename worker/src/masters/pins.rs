//! Follows the list of files whose blocks stay.

use super::Registered;
use crate::core::Core;
use std::sync::Arc;
use tokio::time::{MissedTickBehavior, interval};

/// Asks when it has registered and as often as it heartbeats. While the master does not answer, the last list
/// holds. Runs until it is dropped.
pub async fn follow_pins(core: Arc<Core>, registered: Registered) {
    let mut ticks = interval(core.settings.heartbeat_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asked = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = registered.wait(asked) => {}
        }
        let Some(registration) = registered.current() else { continue };
        asked = Some(registration);
        match core.link.pinned_files().await {
            Ok(files) => {
                let files = Arc::new(files.into_iter().collect());
                core.store.set_pinned(Arc::clone(&files));
                core.gate.pinned(registration, files);
            }
            Err(error) => tracing::debug!(%error, "no list of pinned files"),
        }
    }
}
