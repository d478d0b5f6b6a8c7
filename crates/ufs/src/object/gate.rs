//! Whether a change may begin: asked right before each request that changes something.

use std::fmt;

use super::store::Store;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::path::UfsPath;
use crate::under_fs::GoOn;

/// Who is asked; nobody by default.
#[derive(Clone, Default)]
pub(super) struct Gate(Option<GoOn>);

impl Gate {
    pub(super) fn of(go_on: GoOn) -> Self {
        Self(Some(go_on))
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "gated" } else { "open" })
    }
}

impl Store {
    /// Fails where the change may not begin.
    pub(super) async fn may_change(&self, operation: Operation, path: &UfsPath) -> Result<()> {
        let Some(go_on) = self.gate.0.clone() else { return Ok(()) };
        let stopped = |reason: &str| self.error(UfsErrorKind::Unavailable, operation, path).because(reason);
        match tokio::task::spawn_blocking(move || go_on()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(stopped("it was stopped; what was not changed stays")),
            Err(error) => Err(stopped("the process is shutting down").caused_by(error)),
        }
    }
}
