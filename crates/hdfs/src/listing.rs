//! What is in a folder, in the pieces in which the NameNode tells it.

use std::io;

use hdfs_native::client::ListStatusIterator;

use crate::client::{Entry, Hdfs, entry};

/// A listing under way.
pub struct Listing {
    entries: ListStatusIterator,
    path: String,
    /// After an error the library would tell an end.
    failed: bool,
}

impl Listing {
    pub(crate) fn new(hdfs: &Hdfs, path: &str) -> Self {
        let entries = hdfs.client().list_status_iter(path, false);
        Self { entries, path: path.to_owned(), failed: false }
    }

    /// The next entry, by the bytes of the names; none at the end. `NotADirectory` when a file was listed.
    pub async fn next(&mut self, hdfs: &Hdfs) -> io::Result<Option<Entry>> {
        if self.failed {
            return Err(io::Error::other("the listing failed before"));
        }
        self.failed = true;
        let limit = hdfs.settings().limits.call;
        let found = hdfs.within(limit, async |_| self.entries.next().await.transpose()).await?;
        if found.as_ref().is_some_and(|status| status.path == self.path && !status.isdir) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        self.failed = false;
        Ok(found.as_ref().map(entry))
    }
}
