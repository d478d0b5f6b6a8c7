//! The live feed: what is durable, sent to those who follow, as soon as it is.
//!
//! A follower reads from the store what is before the place at which its subscription begins. The feed keeps
//! little: a subscriber that does not take what is sent is dropped, and catches up from the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::position::Position;

/// Items that may wait for one subscriber.
const MAX_ITEMS: usize = 1024;
/// Bytes that may wait for one subscriber.
const MAX_BYTES: usize = 32 << 20;
/// Subscribers of one journal.
pub(crate) const MAX_SUBSCRIBERS: usize = 16;
/// Without records an item says as often as this that there are none.
const HEARTBEAT: Duration = Duration::from_millis(300);

/// Records that follow each other, past sync and fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedItem {
    /// Their payloads; none when there is nothing new.
    pub payloads: Vec<Bytes>,
    /// The place after the last of them.
    pub end: Position,
}

/// A subscription to a journal that this process writes.
#[derive(Debug)]
pub struct Subscription {
    term: u64,
    start: Position,
    end: Position,
    items: mpsc::Receiver<FeedItem>,
    queued: Arc<AtomicUsize>,
}

impl Subscription {
    /// The term of the one who writes, and of all records that come.
    pub fn term(&self) -> u64 {
        self.term
    }

    /// The place before the first record that comes.
    pub fn start(&self) -> Position {
        self.start
    }

    /// What comes next, or, now and then, that there is nothing. None when the subscription is over: the journal
    /// is, or this subscriber was too slow.
    pub async fn next(&mut self) -> Option<FeedItem> {
        match tokio::time::timeout(HEARTBEAT, self.items.recv()).await {
            Ok(item) => {
                let item = item?;
                self.queued.fetch_sub(bytes_of(&item), Ordering::Relaxed);
                self.end = item.end;
                Some(item)
            }
            Err(_elapsed) => Some(FeedItem { payloads: Vec::new(), end: self.end }),
        }
    }
}

/// The writer's side of a subscription.
pub(crate) struct Subscriber {
    items: mpsc::Sender<FeedItem>,
    queued: Arc<AtomicUsize>,
}

/// A subscription from `start` on.
pub(crate) fn subscription(term: u64, start: Position) -> (Subscriber, Subscription) {
    let (sender, items) = mpsc::channel(MAX_ITEMS);
    let queued = Arc::new(AtomicUsize::new(0));
    let subscriber = Subscriber { items: sender, queued: queued.clone() };
    (subscriber, Subscription { term, start, end: start, items, queued })
}

impl Subscriber {
    /// Whether anyone still takes what is sent.
    pub(crate) fn is_there(&self) -> bool {
        !self.items.is_closed()
    }

    /// Sends without waiting; false when the subscriber must be dropped.
    pub(crate) fn offer(&self, item: FeedItem) -> bool {
        let bytes = bytes_of(&item);
        // One item fits always, however large.
        let queued = self.queued.fetch_add(bytes, Ordering::Relaxed);
        (queued == 0 || queued + bytes <= MAX_BYTES) && self.items.try_send(item).is_ok()
    }
}

fn bytes_of(item: &FeedItem) -> usize {
    item.payloads.iter().map(Bytes::len).sum()
}
