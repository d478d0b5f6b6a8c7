//! What stands in two folders at once while one of them is renamed to the other.
//!
//! Which keys were copied is not remembered: there may be very many. Both folders are listed side by side instead, in the
//! order of keys, and what is in both was copied. What is in the old one only came after the copies.

use opendal::{Lister, Metadata};

use super::delete::PostOrder;
use super::store::Store;
use crate::error::{Operation, Result};
use crate::path::UfsPath;

const RENAME: Operation = Operation::Rename;

/// How far the copies of a folder came. Keys are relative to the folder.
#[derive(Debug, Default)]
pub(super) struct Copied {
    /// Each key up to this one.
    up_to: Option<String>,
    /// Of those copied at the same time, in order.
    pub(super) last: Vec<String>,
}

impl Copied {
    /// All of the last ones, and so all before.
    pub(super) fn all_up_to_last(&mut self) {
        self.up_to = self.last.pop().or(self.up_to.take());
        self.last.clear();
    }

    fn has(&self, key: &str) -> bool {
        self.up_to.as_deref().is_some_and(|last| key <= last) || self.last.iter().any(|other| other == key)
    }
}

/// A listing of all below a folder, by keys relative to it.
struct Below<'a> {
    folder: &'a UfsPath,
    top: String,
    lister: Lister,
}

impl<'a> Below<'a> {
    async fn of(store: &Store, folder: &'a UfsPath) -> Result<Self> {
        let lister = store.all_below(RENAME, folder).await?;
        Ok(Self { folder, top: store.folder_key(RENAME, folder)?, lister })
    }

    async fn next(&mut self, store: &Store) -> Result<Option<(String, Metadata)>> {
        while let Some(entry) = store.next_entry(RENAME, self.folder, &mut self.lister).await? {
            let (key, object) = entry.into_parts();
            // Not the folder's own marker.
            if let Some(relative) = key.strip_prefix(&self.top).filter(|relative| !relative.is_empty()) {
                return Ok(Some((relative.to_owned(), object)));
            }
        }
        Ok(None)
    }
}

impl Store {
    /// After all of `from` was copied: deletes what the copies have, and the folder when nothing else is in it.
    pub(super) async fn delete_copied(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        self.delete_twins(from, to, None).await
    }

    /// After a copy failed: deletes what was copied before, and the folder when nothing else is in it.
    pub(super) async fn delete_copies(&self, to: &UfsPath, from: &UfsPath, copied: &Copied) -> Result<()> {
        self.delete_twins(to, from, Some(copied)).await
    }

    async fn delete_twins(&self, folder: &UfsPath, other: &UfsPath, copies: Option<&Copied>) -> Result<()> {
        let (mut here, mut there) = (Below::of(self, folder).await?, Below::of(self, other).await?);
        let mut order = PostOrder::new(here.top.clone());
        let mut stays = None;
        let mut twin = there.next(self).await?;
        while let Some((key, object)) = here.next(self).await? {
            while twin.as_ref().is_some_and(|(other, _)| *other < key) {
                twin = there.next(self).await?;
            }
            let whole = format!("{}{key}", here.top);
            let goes = match (&twin, copies) {
                (Some((other, _)), Some(copies)) if *other == key => copies.has(&key),
                (Some((other, copy)), None) if *other == key => {
                    self.is_still(&object, copy, folder, there.folder, &key).await?
                }
                _ => false,
            };
            match goes {
                true => order.push(whole),
                false => {
                    order.stays(&whole);
                    stays.get_or_insert(whole);
                }
            }
            if order.is_long() {
                self.delete_step(folder, &mut order).await?;
            }
        }
        order.end_below();
        self.delete_step(folder, &mut order).await?;
        if stays.is_none() {
            // Others may have gone on writing.
            stays =
                Below::of(self, folder).await?.next(self).await?.map(|(key, _)| format!("{}{key}", here.top));
        }
        if let Some(key) = stays {
            tracing::warn!("{folder} stays: '{key}' is in it, too, which was not copied by this rename");
            return Ok(());
        }
        self.remove(RENAME, folder, vec![here.top]).await?;
        self.keep(RENAME, folder.parent()).await
    }

    /// Whether an object is what its copy was made of, and not something that was written later.
    async fn is_still(
        &self,
        object: &Metadata,
        copy: &Metadata,
        from: &UfsPath,
        to: &UfsPath,
        key: &str,
    ) -> Result<bool> {
        if object.content_length() != copy.content_length() {
            return Ok(false);
        }
        match (object.last_modified(), copy.last_modified()) {
            // The clocks of a store's machines may differ a little.
            (Some(written), Some(copied)) if written > copied && !key.ends_with('/') => {
                let path = UfsPath::parse(key)?;
                self.is_copy(object, copy, &from.join(&path), &to.join(&path)).await
            }
            _ => Ok(true),
        }
    }
}
