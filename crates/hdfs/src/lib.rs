//! HDFS, for whatever lies on it: the journal, and under storages. Addresses, the settings of Hadoop, who we are to it, and a client
//! whose calls end within a time limit and whose errors are [`std::io::Error`]s with a kind.
//!
//! The protocol itself is the library `hdfs-native`'s; what it lacks is made up for here (decision 18).

mod address;
mod beginning;
mod client;
mod error;
mod listing;
mod reader;
mod settings;
mod site;
mod writer;

pub use self::address::Address;
pub use self::beginning::{Beginner, NewFile, Trials};
pub use self::client::{Create, Entry, Hdfs};
pub use self::error::{ConnectError, HdfsError};
pub use self::listing::Listing;
pub use self::reader::Reader;
pub use self::settings::{Kerberos, Limits, Settings};
pub use self::writer::Writer;
