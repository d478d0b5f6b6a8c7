//! The durable log of the master: records, segments, terms and checkpoints, and the stores they lie on.
//!
//! A record is an opaque payload with a sequence. A record is *durable* when it has been synced on the store and
//! the fence has confirmed after that sync that no other master has taken over; only then may anything that
//! rests on it be answered. The ways through this crate:
//!
//! * **Open**: [`Recovery::start`] claims a term and seals what came before; the caller restores the checkpoint
//!   and applies the records after it; [`Recovery::finish`] begins a segment and gives the [`Journal`].
//! * **Write**: [`Journal::reserve`] before any lock, [`Permit::append`] under it, [`Ticket::wait`] after it. One
//!   task drains all that is queued into one write, one sync and one fence check.
//! * **Checkpoint**: [`Journal::checkpoint_writer`], or a standby's [`Follower::checkpoint_writer`]; segments go only
//!   when two checkpoints that the writer has verified cover them ([`Journal::clean_up`]).
//! * **Follow**: [`Follower::start`], [`Follower::next`]: a standby's state, one record after the other. When it is
//!   to write, [`Recovery::take_over`] goes on from there. [`Journal::subscribe`] feeds followers live, by whatever
//!   connection the caller has; what is before comes from the store.
//! * **Look**: [`JournalReader`] reads without claiming anything.
//!
//! `core` holds formats and decisions without I/O; `store` holds what differs between a mounted path, HDFS and
//! memory. The payload's meaning, who leads, and the lease are not known here.

mod checkpoint;
mod core;
mod error;
mod feed;
mod follower;
mod format;
mod journal;
mod marker;
mod options;
mod position;
mod reader;
mod recovery;
mod stats;
pub mod store;
mod writer;

#[cfg(test)]
mod raise_tests;
#[cfg(test)]
mod test_rig;

pub use uuid::Uuid;

pub use self::checkpoint::{CheckpointInfo, CheckpointReader, CheckpointWriter};
pub use self::core::chunk::{Footer, MAX_CHUNK, MAX_METADATA};
pub use self::core::head::MAX_PAYLOAD;
pub use self::core::header::{FIRST_FORMAT, FORMAT_VERSION};
pub use self::error::{JournalError, Result};
pub use self::feed::{FeedItem, Subscription};
pub use self::follower::{Feed, FollowOptions, Followed, Follower, Others, Progress, Restart};
pub use self::format::{
    Existing, Formatting, check_format, cluster_id, delete, format, format_for, hand_over, is_formatted,
    marker,
};
pub use self::journal::{Journal, JournalStatus};
pub use self::marker::{Marker, Owner};
pub use self::options::Options;
pub use self::position::{CheckpointId, FileId, Position, SegmentId};
pub use self::reader::{JournalReader, ReadEntry, ReadOptions};
pub use self::recovery::{Record, Recovery};
pub use self::stats::{Flush, JournalStats};
pub use self::writer::{Permit, State, Ticket};
