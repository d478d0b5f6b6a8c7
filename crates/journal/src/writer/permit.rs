//! The caller's side of one record.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::shared::{Shared, State};
use crate::core::head::MAX_PAYLOAD;
use crate::error::{JournalError, Result};
use crate::position::Position;

/// Room for one record in the writer's queue. Dropping it gives the room back.
pub struct Permit {
    shared: Arc<Shared>,
    slot: OwnedSemaphorePermit,
}

impl Permit {
    pub(crate) fn new(shared: Arc<Shared>, slot: OwnedSemaphorePermit) -> Self {
        Self { shared, slot }
    }

    /// Hands a record over. Never waits for I/O: meant to be called under the lock that orders the records, so
    /// that records have the order of their effects. It cannot fail; what goes wrong later, or has gone wrong
    /// already, is told by the ticket.
    ///
    /// A payload above [`MAX_PAYLOAD`] ends the journal, because it cannot be written although its effect is in
    /// memory already.
    pub fn append(self, payload: Bytes) -> Ticket {
        if payload.len() > MAX_PAYLOAD {
            let reason = format!("a record has {} bytes; at most {MAX_PAYLOAD} are possible", payload.len());
            self.shared.enter(State::Deposed { reason: reason.into() }, &mut []);
        }
        let (position, outcome) = self.shared.push(payload, self.slot);
        Ticket { position, outcome }
    }
}

/// Tells when a record is durable.
#[must_use = "nothing may be answered before the record is durable"]
pub struct Ticket {
    /// The place after the record.
    pub position: Position,
    outcome: std::result::Result<oneshot::Receiver<State>, State>,
}

impl Ticket {
    /// Sequence of the record.
    pub fn sequence(&self) -> u64 {
        self.position.sequence
    }

    /// Waits until the record is durable. An error says that this is not known: the record may be durable, or
    /// become so.
    pub async fn wait(self) -> Result<()> {
        let state = match self.outcome {
            // The sender is dropped without a word only when the journal ends.
            Ok(receiver) => receiver.await.unwrap_or(State::Closed),
            Err(state) => state,
        };
        match state.outcome() {
            None => Ok(()),
            Some(JournalError::Closed) => {
                Err(JournalError::OutcomeUnknown { reason: "the journal was closed".into() })
            }
            Some(error) => Err(error),
        }
    }
}
