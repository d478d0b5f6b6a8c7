//! Under storages: the stores that keep the users' files, behind one trait.
//!
//! [`UnderFs`] is the contract, [`Capabilities`] says what a store can do (an object store has no rename,
//! no modes and no directories of its own), and [`open_ufs`] picks the implementation by scheme. Paths are
//! [`UfsPath`]s: relative to the mounted address, so nothing can be named outside of it. Every
//! implementation runs the same suite, [`behaviour`] (feature `behaviour`).
//!
//! This room does not know Alluxio paths or mount points: the mount table is the master's.

#[cfg(feature = "behaviour")]
pub mod behaviour;
mod capability;
mod driver;
mod error;
#[cfg(feature = "faults")]
pub mod faults;
mod fingerprint;
mod hdfs;
mod layers;
mod listing;
pub mod local;
mod object;
mod open;
mod options;
mod path;
mod status;
mod temporary;
mod under_fs;
mod uri;

pub use capability::Capabilities;
pub use error::{Operation, Result, UfsError, UfsErrorKind};
pub use fingerprint::Fingerprint;
pub use listing::{ListOptions, ListPage, UfsLister, listing_key};
pub use local::LocalUfs;
pub use open::{open_mount, open_ufs, ufs_type};
pub use options::{Attributes, CreateOptions, MkdirsOptions};
pub use path::UfsPath;
pub use status::{Space, UfsStatus};
pub use temporary::{is_temporary_name, permanent_name, temporary_name};
pub use under_fs::{GoOn, UfsReader, UfsWriter, UnderFs};
pub use uri::UfsUri;
