//! Renaming: copies, then deletes.
//!
//! Not one step: others see both names for a while, and a process that dies in between leaves both. The old name goes
//! only when the new one was seen to be whole. A copy that fails takes back what it made, and nothing else; what others
//! put into a folder while it is renamed stays where they put it.

use opendal::Metadata;

use super::store::Store;
use super::twins::Copied;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::path::UfsPath;
use crate::temporary::is_temporary_name;

/// Copies of one rename on their way at the same time, and looks; the store moves the bytes.
pub(super) const AT_ONCE: usize = 16;

const RENAME: Operation = Operation::Rename;

impl Store {
    pub(super) async fn rename_file(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        let Some(original) = self.object(RENAME, from).await? else {
            let folder = self.is_folder(RENAME, from).await?;
            let kind = if folder { UfsErrorKind::IsDirectory } else { UfsErrorKind::NotFound };
            return Err(self.error(kind, RENAME, from));
        };
        match self.must_be_free(to).await {
            Ok(()) => {
                let copy = self.copy(&original, from, to).await?;
                self.must_be_still(&original, from, &copy, to).await?;
            }
            // A temporary file is renamed by one call after the other until one has seen to its end.
            Err(taken) if taken.kind() == UfsErrorKind::AlreadyExists && is_temporary_name(from.as_str()) => {
                match self.object(RENAME, to).await? {
                    Some(there) if self.is_copy(&original, &there, from, to).await? => {}
                    _ => return Err(taken),
                }
            }
            Err(error) => return Err(error),
        }
        self.remove(RENAME, from, vec![self.key(RENAME, from)?.to_owned()]).await?;
        self.keep_parent(RENAME, from).await
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
        let mut copied = Copied::default();
        if let Err(error) = self.copy_tree(from, to, &mut copied).await {
            if let Err(left) = self.delete_twins(to, from, &copied).await {
                tracing::warn!(error = %left, "copies of a failed rename are left behind");
            }
            return Err(error);
        }
        self.delete_twins(from, to, &copied).await
    }

    /// What others wrote to the old name while it was copied must not go with it: then the copy goes.
    async fn must_be_still(
        &self,
        original: &Metadata,
        from: &UfsPath,
        copy: &Metadata,
        to: &UfsPath,
    ) -> Result<()> {
        let now = self.object(RENAME, from).await?;
        if now.is_none_or(|now| is_same(original, &now)) {
            return Ok(());
        }
        if self.object(RENAME, to).await?.is_some_and(|there| is_same(copy, &there)) {
            self.remove(RENAME, to, vec![self.key(RENAME, to)?.to_owned()]).await?;
        }
        let changed = self.error(UfsErrorKind::Changed, RENAME, from);
        Err(changed.because("it was written again while it was copied; rename it again"))
    }

    async fn must_be_free(&self, to: &UfsPath) -> Result<()> {
        if self.object(RENAME, to).await?.is_some() || self.is_folder(RENAME, to).await? {
            return Err(self.error(UfsErrorKind::AlreadyExists, RENAME, to));
        }
        Ok(())
    }

    /// `copied` tells what was copied, also after an error.
    async fn copy_tree(&self, from: &UfsPath, to: &UfsPath, copied: &mut Copied) -> Result<()> {
        let below = self.folder_key(RENAME, from)?;
        // Also when the old one had no marker: an empty listing of keys below must not mean that nothing was renamed.
        self.mark(RENAME, to).await?;
        let mut keys = self.all_below(RENAME, from).await?;
        let mut ended = false;
        while !ended {
            let mut some = Vec::new();
            while some.len() < AT_ONCE {
                let Some(key) = self.next_key(RENAME, from, &mut keys).await? else {
                    ended = true;
                    break;
                };
                match key.strip_prefix(&below) {
                    // The folder's own marker.
                    None | Some("") => {}
                    Some(relative) => {
                        self.must_be_path(RENAME, from, &key)?;
                        some.push(relative.to_owned());
                    }
                }
            }
            // All of them to their ends: what is under way must be known.
            let copies = some.iter().map(|relative| self.copy_below(from, to, relative));
            let outcomes = futures::future::join_all(copies).await;
            let mut failed = None;
            for (relative, outcome) in some.into_iter().zip(outcomes) {
                match outcome {
                    Ok(Some((original, copy))) => copied.object(&relative, &original, &copy),
                    Ok(None) => {}
                    Err(error) => failed = Some(error),
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Returns the original and its copy; none of a folder's marker.
    async fn copy_below(
        &self,
        from: &UfsPath,
        to: &UfsPath,
        relative: &str,
    ) -> Result<Option<(Metadata, Metadata)>> {
        let path = UfsPath::parse(relative)?;
        let (from, to) = (from.join(&path), to.join(&path));
        if relative.ends_with('/') {
            return self.mark(RENAME, &to).await.map(|()| None);
        }
        let original = self.object(RENAME, &from).await?;
        let original = original.ok_or_else(|| self.error(UfsErrorKind::NotFound, RENAME, &from))?;
        let copy = self.copy(&original, &from, &to).await?;
        Ok(Some((original, copy)))
    }
}

/// Whether two looks at one object saw the same version.
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    let times = || one.etag().is_some() || one.last_modified() == other.last_modified();
    one.content_length() == other.content_length() && one.etag() == other.etag() && times()
}
