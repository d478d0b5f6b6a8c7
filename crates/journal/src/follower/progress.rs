//! How far a follower is, for whoever wants to know while it works.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::position::Position;

#[derive(Clone, Copy, Debug)]
struct State {
    position: Position,
    format: u32,
    /// The last moment at which all that was known to be durable had been given; the start before the first.
    current_at: Instant,
    /// Whether there was such a moment.
    has_caught_up: bool,
}

/// How far a follower is. Clones look at the same follower.
#[derive(Clone, Debug)]
pub struct Progress(Arc<watch::Sender<State>>);

impl Progress {
    pub(super) fn new(position: Position, format: u32) -> Self {
        Self(Arc::new(watch::Sender::new(State {
            position,
            format,
            current_at: Instant::now(),
            has_caught_up: false,
        })))
    }

    /// The place after the last record given.
    pub fn position(&self) -> Position {
        self.0.borrow().position
    }

    /// How long ago all records that others could know to be durable had been given. It grows while the follower
    /// catches up, while the store cannot be read, and while a record that was given is being applied.
    pub fn lag(&self) -> Duration {
        self.0.borrow().current_at.elapsed()
    }

    /// Whether all that others could know to be durable had been given at some moment. Until then the lag says little: it
    /// counts from the start, however long the log is.
    pub fn has_caught_up(&self) -> bool {
        self.0.borrow().has_caught_up
    }

    /// The format that the log is written in, as far as the last look has shown.
    pub fn format(&self) -> u32 {
        self.0.borrow().format
    }

    pub(super) fn is_written_in(&self, format: u32) {
        self.0.send_modify(|state| state.format = state.format.max(format));
    }

    pub(super) fn given(&self, position: Position) {
        self.0.send_modify(|state| state.position = position);
    }

    pub(super) fn current(&self, at: Instant) {
        self.0.send_modify(|state| {
            state.current_at = state.current_at.max(at);
            state.has_caught_up = true;
        });
    }
}
