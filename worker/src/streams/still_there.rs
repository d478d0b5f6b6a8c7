//! Whether the place that a stream writes a file to is still there.
//!
//! An object store renames or deletes a folder object by object, and goes by what is there. A file that is completed in
//! it afterwards would stand under the old name and bring the folder back; elsewhere completing it fails. So the master
//! is asked before that, and again after: what came while a folder went is taken back.

use crate::{core::Core, masters::MasterLink};
use alluxio_fs::{AlluxioPath, FsError};
use alluxio_ufs::{UfsPath, UfsStatus, UnderFs};
use std::sync::Arc;

pub struct Place {
    link: MasterLink,
    under: Arc<dyn UnderFs>,
    path: UfsPath,
    mount_point: AlluxioPath,
}

impl Place {
    /// `None` where completing fails by itself, and where the master does not say what is there.
    pub async fn find(core: &Core, mount: i64, under: &Arc<dyn UnderFs>, path: &UfsPath) -> Option<Place> {
        if under.capabilities().rename_directory {
            return None;
        }
        match core.link.mount_point(mount).await {
            Ok(mount_point) => {
                Some(Place { link: core.link.clone(), under: under.clone(), path: path.clone(), mount_point })
            }
            Err(error) => {
                tracing::debug!(%error, %path, "it is not known whether the file is still wanted");
                None
            }
        }
    }

    /// Only when the master says so.
    pub async fn is_gone(&self) -> bool {
        self.unknown(&self.path).await
    }

    async fn unknown(&self, path: &UfsPath) -> bool {
        let path = path.components().fold(self.mount_point.clone(), |at, name| at.join(name));
        matches!(self.link.is_known(&path).await, Ok(false))
    }

    /// Deletes what was written, if it still is that, and folders that came with it. Returns the refusal.
    pub async fn take_back(&self, written: Option<&UfsStatus>) -> FsError {
        if let Err(error) = self.delete(written).await {
            tracing::warn!(%error, path = %self.path, "what was written to a place that is gone stays there");
        }
        FsError::not_found(format!(
            "{} was moved or deleted while it was written; what was written is discarded. Write it again.",
            self.under.uri().join(&self.path)
        ))
    }

    async fn delete(&self, written: Option<&UfsStatus>) -> alluxio_ufs::Result<()> {
        if let Some(written) = written {
            let there = self.under.status(&self.path).await?;
            if there.is_some_and(|there| there.content_hash == written.content_hash) {
                self.under.delete_file(&self.path).await?;
            }
        }
        // A folder is kept when its last file goes, and one was made for the first.
        let mut folder = self.path.parent();
        while let Some(at) = folder.filter(|at| !at.is_root()) {
            if !self.unknown(&at).await {
                break;
            }
            self.under.delete_directory(&at, false).await?;
            folder = at.parent();
        }
        Ok(())
    }
}
