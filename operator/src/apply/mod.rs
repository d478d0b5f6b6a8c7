//! Writing: the only place from which objects are created, changed or deleted for a cluster.
//!
//! An object is applied (server-side, with our field manager) when the hash of what is wanted differs from the one in
//! its annotation, or when a field of ours is not what it was (drift). Where neither is so nothing is sent: an idle
//! cluster writes nothing. The hash finds fields that are no longer wanted; the comparison finds what others changed. What others change
//! again and again is told.

mod claims;
mod compare;
mod contests;
mod orphans;
mod quantity;
mod server_side;
mod wanted;

pub use compare::difference;
pub use contests::Contests;
pub use orphans::{Existing, Keep, orphans};
pub use server_side::{Applied, Applier, ApplyError, Change, ChildKind, FIELD_MANAGER};
pub use wanted::{APPLIED_HASH, Wanted, hash_of};
