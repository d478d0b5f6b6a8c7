//! The way of a record from a caller to the disk: permit, queue, batch, sync, fence, ticket.

mod followers;
mod permit;
mod shared;
mod task;

pub use self::permit::{Permit, Ticket};
pub(crate) use self::shared::Shared;
pub use self::shared::State;
pub(crate) use self::task::{Command, Writer, random_u32};
