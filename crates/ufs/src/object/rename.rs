//! Renaming: copies, then deletes.
//!
//! Not one step: others see both names for a while, and a process that dies in between leaves both. The old name goes
//! only when the new one is whole. A copy that fails takes back what it made.

use super::store::Store;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::path::UfsPath;

/// Copies of one rename on their way at the same time; the store moves the bytes.
const COPIES_AT_ONCE: usize = 16;
/// Larger objects are copied in parts of this size, where the store can.
const COPY_PART: usize = 256 << 20;

const RENAME: Operation = Operation::Rename;

impl Store {
    pub(super) async fn rename_file(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        if self.object(RENAME, from).await?.is_none() {
            let folder = self.is_folder(RENAME, from).await?;
            let kind = if folder { UfsErrorKind::IsDirectory } else { UfsErrorKind::NotFound };
            return Err(self.error(kind, RENAME, from));
        }
        self.must_be_free(to).await?;
        self.copy(from, to).await?;
        self.remove(RENAME, from, vec![self.key(RENAME, from)?.to_owned()]).await?;
        self.keep(RENAME, from.parent()).await
    }

    pub(super) async fn rename_directory(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        if to.strip_prefix(from).is_some() {
            return Err(self
                .error(UfsErrorKind::InvalidArgument, RENAME, from)
                .because("a directory cannot be moved into itself"));
        }
        if !self.is_folder(RENAME, from).await? {
            let file = self.object(RENAME, from).await?.is_some();
            let kind = if file { UfsErrorKind::NotDirectory } else { UfsErrorKind::NotFound };
            return Err(self.error(kind, RENAME, from));
        }
        self.must_be_free(to).await?;
        if let Err(error) = self.copy_tree(from, to).await {
            // Then somebody else writes there, and not all of it is ours to delete.
            let foreign = error.kind() == UfsErrorKind::AlreadyExists;
            if !foreign && let Err(left) = self.delete_tree(to).await {
                tracing::warn!(error = %left, "copies of a failed rename are left behind");
            }
            return Err(error);
        }
        self.delete_tree(from).await.map(drop)
    }

    async fn must_be_free(&self, to: &UfsPath) -> Result<()> {
        if self.object(RENAME, to).await?.is_some() || self.is_folder(RENAME, to).await? {
            return Err(self.error(UfsErrorKind::AlreadyExists, RENAME, to));
        }
        Ok(())
    }

    async fn copy_tree(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        let below = self.folder_key(RENAME, from)?;
        // Also when the old one had no marker: an empty listing of keys below must not mean that nothing was renamed.
        self.mark(RENAME, to).await?;
        let mut keys = self.all_below(RENAME, from).await?;
        let mut ended = false;
        while !ended {
            let mut copies = Vec::new();
            while copies.len() < COPIES_AT_ONCE {
                let Some(key) = self.next_key(RENAME, from, &mut keys).await? else {
                    ended = true;
                    break;
                };
                match key.strip_prefix(&below) {
                    // The folder's own marker.
                    None | Some("") => {}
                    Some(relative) => {
                        self.must_be_path(RENAME, from, &key)?;
                        copies.push(self.copy_below(from, to, relative.to_owned()));
                    }
                }
            }
            futures::future::try_join_all(copies).await?;
        }
        Ok(())
    }

    async fn copy_below(&self, from: &UfsPath, to: &UfsPath, relative: String) -> Result<()> {
        let path = UfsPath::parse(&relative)?;
        match relative.ends_with('/') {
            true => self.mark(RENAME, &to.join(&path)).await,
            false => self.copy(&from.join(&path), &to.join(&path)).await,
        }
    }

    /// The target was free a moment ago; where the store can, it sees to it that it still is.
    async fn copy(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        let can = self.objects.info().capability();
        let (source, target) = (self.key(RENAME, from)?, self.key(RENAME, to)?);
        self.may_change(RENAME, from).await?;
        let ask = async |only_if_free| {
            let mut copy = self.objects.copy_with(source, target).if_not_exists(only_if_free);
            if can.copy_can_multi {
                copy = copy.chunk(COPY_PART).concurrent(4);
            }
            copy.await.map(drop)
        };
        let copied = match ask(can.copy_with_if_not_exists).await {
            // Amazon's own took a condition of a copy later than all others, and older stores do not.
            Err(error) if can.copy_with_if_not_exists && Self::is_unknown_there(&error) => ask(false).await,
            copied => copied,
        };
        copied.map_err(|error| {
            let failed = self.failed(RENAME, from, error);
            match failed.kind() {
                UfsErrorKind::AlreadyExists => self.error(UfsErrorKind::AlreadyExists, RENAME, to),
                _ => failed,
            }
        })
    }
}
