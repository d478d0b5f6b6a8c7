//! Renaming: copies, then deletes.
//!
//! Not one step: others see both names for a while, and a process that dies in between leaves both. The old name goes
//! only when the new one was seen to be whole. A copy that fails takes back what it made, and nothing else; what others
//! put into a folder while it is renamed stays where they put it.

use std::time::Duration;

use opendal::Metadata;
use tokio::time::{Instant, sleep};

use super::store::Store;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::path::UfsPath;

/// Copies of one rename on their way at the same time; the store moves the bytes.
const COPIES_AT_ONCE: usize = 16;
/// Larger objects are copied in parts of this size, where the store can.
const COPY_PART: usize = 256 << 20;

/// Some stores answer before they have copied.
const COPIED_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(500);

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
        let mut made = Vec::new();
        if let Err(error) = self.copy_tree(from, to, &mut made).await {
            if let Err(left) = self.delete_keys(to, &self.folder_key(RENAME, to)?, made).await {
                tracing::warn!(error = %left, "copies of a failed rename are left behind");
            }
            return Err(error);
        }
        self.delete_keys(from, &self.folder_key(RENAME, from)?, made).await
    }

    async fn must_be_free(&self, to: &UfsPath) -> Result<()> {
        if self.object(RENAME, to).await?.is_some() || self.is_folder(RENAME, to).await? {
            return Err(self.error(UfsErrorKind::AlreadyExists, RENAME, to));
        }
        Ok(())
    }

    /// `made`: what was copied, relative to both folders, in the order of a listing.
    async fn copy_tree(&self, from: &UfsPath, to: &UfsPath, made: &mut Vec<String>) -> Result<()> {
        let below = self.folder_key(RENAME, from)?;
        // Also when the old one had no marker: an empty listing of keys below must not mean that nothing was renamed.
        self.mark(RENAME, to).await?;
        let mut keys = self.all_below(RENAME, from).await?;
        let mut ended = false;
        while !ended {
            let mut some = Vec::new();
            while some.len() < COPIES_AT_ONCE {
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
            let copied = futures::future::join_all(copies).await;
            let mut failed = None;
            for (relative, copied) in some.into_iter().zip(copied) {
                match copied {
                    Ok(()) => made.push(relative),
                    Err(error) => failed = Some(error),
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(())
    }

    async fn copy_below(&self, from: &UfsPath, to: &UfsPath, relative: &str) -> Result<()> {
        let path = UfsPath::parse(relative)?;
        match relative.ends_with('/') {
            true => self.mark(RENAME, &to.join(&path)).await,
            false => self.copy(&from.join(&path), &to.join(&path)).await,
        }
    }

    /// The target was free a moment ago; where the store can, it sees to it that it still is. Returns when the copy was seen
    /// to be whole.
    async fn copy(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        let can = self.objects.info().capability();
        let (source, target) = (self.key(RENAME, from)?, self.key(RENAME, to)?);
        let original = self.object(RENAME, from).await?;
        let original = original.ok_or_else(|| self.error(UfsErrorKind::NotFound, RENAME, from))?;
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
        match copied.map_err(|error| self.failed(RENAME, from, error)) {
            Ok(()) => self.is_whole(to, original.content_length()).await,
            // A request whose answer was lost is sent again, and then meets what it made itself.
            Err(error) if error.kind() == UfsErrorKind::AlreadyExists => {
                match self.object(RENAME, to).await? {
                    Some(there) if is_copy(&original, &there) => Ok(()),
                    _ => Err(self.error(UfsErrorKind::AlreadyExists, RENAME, to)),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn is_whole(&self, to: &UfsPath, length: u64) -> Result<()> {
        let asked = Instant::now();
        loop {
            if self.object(RENAME, to).await?.is_some_and(|there| there.content_length() == length) {
                return Ok(());
            }
            if asked.elapsed() > COPIED_WITHIN {
                return Err(self.error(UfsErrorKind::Unavailable, RENAME, to).because(format!(
                    "the store has not copied all of its {length} bytes; the old name still has them"
                )));
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Whether what is there was made by copying. Tags of what came in parts say nothing about those of what came whole.
fn is_copy(original: &Metadata, there: &Metadata) -> bool {
    let parts = |tag: &str| tag.contains('-');
    original.content_length() == there.content_length()
        && match (original.etag(), there.etag()) {
            (Some(one), Some(other)) if parts(one) == parts(other) && !parts(one) => one == other,
            (Some(one), Some(other)) if one == other => true,
            _ => match (original.last_modified(), there.last_modified()) {
                (Some(before), Some(after)) => before <= after,
                _ => false,
            },
        }
}

#[cfg(test)]
mod tests {
    use opendal::{MetadataBuilder, raw::Timestamp};

    use super::*;

    fn object(length: u64, tag: &str, at: i64) -> Metadata {
        let mut object = MetadataBuilder::file(length);
        object.etag(tag).last_modified(Timestamp::new(at, 0).unwrap());
        object.build()
    }

    #[test]
    fn a_copy_is_told_from_what_others_wrote() {
        let original = object(3, "abc", 10);
        assert!(is_copy(&original, &object(3, "abc", 9)), "clocks do not matter where tags agree");
        assert!(!is_copy(&original, &object(3, "abd", 11)));
        assert!(!is_copy(&original, &object(4, "abc", 11)));
        // Copied in parts, or from parts: the tag is another one.
        assert!(is_copy(&original, &object(3, "def-2", 11)));
        assert!(!is_copy(&original, &object(3, "def-2", 9)));
    }
}
