//! What the writer is asked that brings no record: whether it still is the writer, and to write in another format.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{State, Writer, Written, answer};
use crate::error::{JournalError, Result};

impl Writer {
    /// Begins a segment that says the format. All before it has been drained, so whoever does not know the format stops exactly here.
    pub(super) async fn raise(&mut self, format: u32, reply: oneshot::Sender<Result<()>>) -> Written {
        self.track.raise(format);
        if self.track.open_has_records() {
            self.end_segment().await;
        } else {
            self.give_segment_up().await;
        }
        if let Err(error) = self.begin_segment().await {
            // The next segment has it, as soon as there can be one: a header that says so may be on the store already.
            answer(reply, Err(JournalError::Unavailable { reason: error.to_string().into() }));
            return Written::Durable;
        }
        let (confirmed, answered) = oneshot::channel();
        let written = self.confirm(confirmed).await;
        self.mark_later();
        answer(reply, answered.await.unwrap_or(Err(JournalError::Closed)));
        written
    }

    /// Checks the fence and answers.
    pub(super) async fn confirm(&mut self, reply: oneshot::Sender<Result<()>>) -> Written {
        match self.fence.check().await {
            Ok(()) => {
                answer(reply, Ok(()));
                Written::Durable
            }
            Err(error) if self.fence.may_confirm_later(&error) => {
                answer(reply, Err(JournalError::Unavailable { reason: error.to_string().into() }));
                Written::Durable
            }
            Err(error) => {
                tracing::error!(%error, "this master is deposed: the journal's fence did not confirm");
                let reason: Arc<str> = error.to_string().into();
                self.shared.enter(State::Deposed { reason: reason.clone() }, &mut []);
                answer(reply, Err(JournalError::Deposed { reason }));
                Written::Over
            }
        }
    }
}
