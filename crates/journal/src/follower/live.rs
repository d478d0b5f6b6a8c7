//! What the one who writes the journal sends live.

use std::collections::VecDeque;

use crc32c::crc32c;
use tokio::sync::mpsc;

use crate::feed::FeedItem;
use crate::position::Position;
use crate::recovery::Record;

/// A subscription to another process's journal, as it comes over a connection.
#[derive(Debug)]
pub struct Feed {
    /// Term of the one who writes, and of all records.
    pub term: u64,
    /// The place before the first record that comes.
    pub start: Position,
    /// What comes; ended when the connection is. It should hold few items: what is not taken is kept back there.
    pub items: mpsc::Receiver<FeedItem>,
}

/// A feed that is being taken from.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) term: u64,
    /// The place before the next record that comes.
    at: Position,
    items: mpsc::Receiver<FeedItem>,
}

impl Live {
    pub(super) fn new(feed: Feed) -> Self {
        Self { term: feed.term, at: feed.start, items: feed.items }
    }

    /// The place before the next record that comes: all up to it is durable.
    pub(super) fn at(&self) -> Position {
        self.at
    }

    /// Whether the store has brought the state to where the feed goes on.
    pub(super) fn is_reached(&self, at: Position) -> bool {
        self.at.sequence <= at.sequence
    }

    /// The next item; None when the feed has ended.
    pub(super) async fn next(&mut self) -> Option<FeedItem> {
        self.items.recv().await
    }

    /// Adds the records of an item that come after `at`, where the state is. An error says why this feed does not
    /// lead on from there; then nothing has been added.
    pub(super) fn take(
        &mut self,
        item: FeedItem,
        at: Position,
        ready: &mut VecDeque<Record>,
    ) -> Result<(), String> {
        if self.term < at.term {
            return Err(format!("it is of term {}, the state of term {}", self.term, at.term));
        }
        let differs = |place: Position| place.sequence == at.sequence && place != at;
        let mut place = self.at;
        let mut records = Vec::with_capacity(item.payloads.len());
        for payload in item.payloads {
            if differs(place) {
                break;
            }
            place = place.next(self.term, crc32c(&payload));
            if place.sequence > at.sequence {
                records.push(Record { position: place, payload });
            }
        }
        if differs(place) {
            return Err(format!("it has {place}, the state is at {at}"));
        }
        if place != item.end {
            return Err(format!("its records lead to {place}, it says {}", item.end));
        }
        self.at = place;
        ready.extend(records);
        Ok(())
    }
}
