//! The vocabulary of the file system, shared by every room: paths, ids, permissions, errors.
//! No I/O, no clock, no locks.

pub mod acl;
mod acl_wire;
mod error;
pub mod ids;
mod mode;
mod path;

pub use acl::{AccessControlList, AclActions, AclEntry, AclEntryKind};
pub use error::{ErrorKind, FsError, FsResult};
pub use mode::{Bits, Mode};
pub use path::AlluxioPath;
