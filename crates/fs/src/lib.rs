//! The vocabulary of the file system, shared by every room: paths, ids, permissions, errors, and how values are printed.
//! No I/O, no clock, no locks, but for the local time zone that [`print`] reads once.

pub mod acl;
mod acl_wire;
mod error;
pub mod ids;
mod mode;
mod path;
pub mod print;

pub use acl::{AccessControlList, AclActions, AclEntry, AclEntryKind};
pub use error::{ErrorKind, FsError, FsResult};
pub use mode::{Bits, Mode};
pub use path::AlluxioPath;
