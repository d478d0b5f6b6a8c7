//! The followers that the writer feeds.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::shared::Queued;
use crate::error::{JournalError, Result};
use crate::feed::{FeedItem, MAX_SUBSCRIBERS, Subscriber, Subscription, subscription};
use crate::position::Position;

/// Shortest time between two segments that are ended for the sake of new followers.
const ROLL_EVERY: Duration = Duration::from_secs(1);

/// Who is fed, and who wants to be.
#[derive(Default)]
pub(super) struct Followers {
    subscribers: Vec<Subscriber>,
    waiting: Vec<oneshot::Sender<Result<Subscription>>>,
    rolled_at: Option<Instant>,
}

impl Followers {
    pub(super) fn wait(&mut self, reply: oneshot::Sender<Result<Subscription>>) {
        if self.waiting.len() < MAX_SUBSCRIBERS {
            self.waiting.push(reply);
        } else {
            refuse(reply);
        }
    }

    /// When those who wait may be admitted; None when nobody waits.
    pub(super) fn admit_at(&self) -> Option<Instant> {
        let at = self.rolled_at.map_or_else(Instant::now, |at| at + ROLL_EVERY);
        (!self.waiting.is_empty()).then_some(at)
    }

    /// A segment has been ended for those who wait.
    pub(super) fn rolled(&mut self) {
        self.rolled_at = Some(Instant::now());
    }

    /// Feeds those who wait with what comes after `start`.
    pub(super) fn admit(&mut self, term: u64, start: Position) {
        self.subscribers.retain(Subscriber::is_there);
        for reply in self.waiting.drain(..) {
            if self.subscribers.len() == MAX_SUBSCRIBERS {
                refuse(reply);
                continue;
            }
            let (subscriber, subscription) = subscription(term, start);
            if reply.send(Ok(subscription)).is_ok() {
                self.subscribers.push(subscriber);
            }
        }
    }

    /// Refuses those who wait.
    pub(super) fn refuse(&mut self, refusal: impl Fn() -> JournalError) {
        for reply in self.waiting.drain(..) {
            // Whoever asked may have gone away.
            let _ = reply.send(Err(refusal()));
        }
    }

    /// Sends a batch that is durable.
    pub(super) fn feed(&mut self, batch: &[Queued]) {
        let Some(last) = batch.last() else { return };
        if self.subscribers.is_empty() {
            return;
        }
        let payloads = batch.iter().map(|queued| queued.entry.payload.clone()).collect();
        let item = FeedItem { payloads, end: last.entry.position };
        self.subscribers.retain(|subscriber| {
            let keeps_up = subscriber.offer(item.clone());
            if !keeps_up && subscriber.is_there() {
                tracing::warn!("a standby is too slow for the live feed; it catches up from the journal");
            }
            keeps_up
        });
    }
}

fn refuse(reply: oneshot::Sender<Result<Subscription>>) {
    let reason = format!("{MAX_SUBSCRIBERS} masters are fed already").into();
    // As above.
    let _ = reply.send(Err(JournalError::Unavailable { reason }));
}
