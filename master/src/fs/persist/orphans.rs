//! Files that jobs of earlier masters left behind: a worker wrote one for a file that was deleted while
//! the leader changed, so nobody knew of it any more. Each directory that files are persisted to is
//! looked through once by every master.

use std::{collections::BTreeSet, time::Duration};

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_ufs::{ListOptions, UfsPath};
use parking_lot::Mutex;

use super::temporary::term_in_name;
use crate::{
    fs::{
        FileSystemMaster,
        ufs::{UfsPlace, bounded},
    },
    namespace::now_ms,
};

/// Directories remembered as looked through; then it begins anew.
const REMEMBERED: usize = 100_000;

/// A younger file may still be written by a worker that has not heard of the new leader.
const MIN_AGE: Duration = Duration::from_secs(3600);

#[derive(Default)]
pub struct Swept {
    directories: Mutex<BTreeSet<AlluxioPath>>,
}

impl Swept {
    /// Whether this directory has not been looked through yet.
    fn first(&self, directory: &AlluxioPath) -> bool {
        let mut directories = self.directories.lock();
        if directories.len() >= REMEMBERED {
            directories.clear();
        }
        directories.insert(directory.clone())
    }
}

impl FileSystemMaster {
    /// Removes what earlier masters' jobs left in the directory that `inside` lies in.
    pub(super) async fn sweep_orphans(&self, inside: &UfsPlace, directory: &AlluxioPath) {
        let term = self.namespace.journal().term();
        // Without a master before this one there is nothing.
        if term <= 1 || !self.persist.swept.first(directory) {
            return;
        }
        let parent = inside.path.parent().unwrap_or_else(UfsPath::root);
        match self.sweep(inside, &parent, term, now_ms()).await {
            Ok(0) => {}
            Ok(removed) => {
                tracing::info!(%directory, removed, "files left by earlier persist jobs were removed")
            }
            Err(error) => {
                tracing::warn!(%directory, %error, "what earlier persist jobs left was not collected")
            }
        }
    }

    pub(super) async fn sweep(
        &self,
        inside: &UfsPlace,
        directory: &UfsPath,
        term: u64,
        now_ms: i64,
    ) -> Result<usize, FsError> {
        let options = ListOptions { include_temporary: true, ..ListOptions::default() };
        let mut lister = bounded(inside.ufs.list(directory, options)).await?;
        let mut removed = 0;
        let oldest = now_ms.saturating_sub(MIN_AGE.as_millis() as i64);
        while let Some(page) = bounded(lister.next()).await? {
            for entry in page.entries {
                let earlier = term_in_name(entry.name()).is_some_and(|other| other < term);
                let old = entry.modified_ms.is_some_and(|modified| modified < oldest);
                if entry.is_dir || !earlier || !old {
                    continue;
                }
                let address = inside.ufs.uri().join(&entry.path).to_string();
                if !self.persist.jobs.lock().writes(&address) {
                    bounded(inside.ufs.delete_file(&entry.path)).await?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}
