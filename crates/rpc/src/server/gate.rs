//! One switch in front of all services.

use std::sync::Arc;

use parking_lot::RwLock;

/// Open by default. Shut, every call (the version service's too) is answered UNAVAILABLE with the
/// given text, so that clients look for another master. Cheap to clone; clones are the same gate.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    shut: Arc<RwLock<Option<Arc<str>>>>,
}

impl Gate {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn open(&self) {
        *self.shut.write() = None;
    }

    pub fn shut(&self, reason: &str) {
        *self.shut.write() = Some(reason.into());
    }

    /// Why the gate is shut, if it is.
    pub fn reason(&self) -> Option<Arc<str>> {
        self.shut.read().clone()
    }
}
