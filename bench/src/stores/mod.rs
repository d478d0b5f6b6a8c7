//! Real under storages on this machine, each with a client of its own to compare with, behind a link whose speed can be
//! limited.

mod hdfs;
mod s3;

use std::{fmt, path::Path, str::FromStr, time::Duration};

use alluxio_tests::links::{Link, Traffic};
use anyhow::{Result, bail};
use tokio::runtime::Runtime;

use self::{hdfs::HdfsStore, s3::S3Store};

/// Which store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    S3,
    Hdfs,
}

impl FromStr for Kind {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "s3" => Ok(Self::S3),
            "hdfs" => Ok(Self::Hdfs),
            _ => bail!("{word} is neither s3 nor hdfs"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::S3 => "S3",
            Self::Hdfs => "HDFS",
        })
    }
}

/// A store with one folder that is used as a root. Dropping it ends it.
pub trait Store {
    /// Properties with which it is the root of a cluster.
    fn root(&self) -> Vec<(String, String)>;

    /// The link that its data goes through.
    fn link(&self) -> &Link;

    /// Makes so many small files, in directories of a thousand.
    fn make_tree(&mut self, files: u64) -> Result<()>;

    /// Copies a local file into the root.
    fn put(&mut self, local: &Path, name: &str) -> Result<()>;

    /// Lists all of the root without Alluxio. By whom, and how long it took: first by the store's own client.
    fn list(&mut self) -> Result<Vec<(&'static str, Duration)>>;

    /// Reads a file of the root with the store's own client.
    fn read(&mut self, name: &str) -> Result<Duration>;

    /// The end of a measurement that went well.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Starts an empty one.
pub fn start(kind: Kind, runtime: &Runtime) -> Result<Box<dyn Store>> {
    let handle = runtime.handle().clone();
    Ok(match kind {
        Kind::S3 => Box::new(S3Store::start(handle)?),
        Kind::Hdfs => Box::new(HdfsStore::start(handle)?),
    })
}

/// Lets so many bytes per second through, or all.
pub fn limit(store: &dyn Store, per_second: Option<u64>) {
    store.link().set(per_second.map_or(Traffic::Passes, Traffic::Limited));
}
