//! What stands in two folders at once while one of them is renamed to the other.
//!
//! Both folders are listed side by side when all is copied, or a copy has failed. What stands in both goes from one of them,
//! if it is the version that was copied, or that the copy made: of each only a number is remembered, for there may be very
//! many. What others wrote meanwhile has another number, and stays.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use opendal::{Lister, Metadata};

use super::delete::PostOrder;
use super::rename::AT_ONCE;
use super::store::Store;
use crate::error::{Operation, Result};
use crate::path::UfsPath;

const RENAME: Operation = Operation::Rename;

/// Versions remembered, some 20 bytes each and two of an object. Of what is more, times and contents must tell.
const MOST: usize = 4_000_000;

/// What was copied. Keys are relative to the folder.
#[derive(Debug, Default)]
pub(super) struct Copied {
    versions: HashSet<u64>,
    full: bool,
}

impl Copied {
    /// This object became that one.
    pub(super) fn object(&mut self, key: &str, original: &Metadata, copy: &Metadata) {
        for version in [original, copy].into_iter().filter_map(|object| version(key, object)) {
            if self.versions.len() < MOST {
                self.versions.insert(version);
            } else {
                self.full = true;
            }
        }
    }

    /// Whether it is what was copied, or what came of that; none where that is not known.
    fn has(&self, key: &str, object: &Metadata) -> Option<bool> {
        let known = self.versions.contains(&version(key, object)?);
        (known || !self.full).then_some(known)
    }
}

/// None where the store gives no tags.
fn version(key: &str, object: &Metadata) -> Option<u64> {
    let tag = object.etag().map(|tag| tag.trim_start_matches("W/").trim_matches('"'));
    let mut hasher = DefaultHasher::new();
    (key, object.content_length(), tag.filter(|tag| !tag.is_empty())?).hash(&mut hasher);
    Some(hasher.finish())
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

/// One key of the folder that is deleted from, and what has the same one in the other.
struct Pair {
    key: String,
    here: Metadata,
    there: Option<Metadata>,
}

/// Both listings. Each key is taken once, so two of one order pair up, whichever that is.
struct Pairs<'a> {
    here: Below<'a>,
    there: Below<'a>,
    next: Option<(String, Metadata)>,
}

impl<'a> Pairs<'a> {
    async fn of(store: &Store, folder: &'a UfsPath, other: &'a UfsPath) -> Result<Self> {
        let (here, mut there) = (Below::of(store, folder).await?, Below::of(store, other).await?);
        let next = there.next(store).await?;
        Ok(Self { here, there, next })
    }

    async fn some(&mut self, store: &Store) -> Result<Vec<Pair>> {
        let mut some = Vec::new();
        while some.len() < AT_ONCE {
            let Some((key, here)) = self.here.next(store).await? else { break };
            while self.next.as_ref().is_some_and(|(other, _)| *other < key) {
                self.next = self.there.next(store).await?;
            }
            let there = self.next.take_if(|(other, _)| *other == key).map(|(_, there)| there);
            if there.is_some() {
                self.next = self.there.next(store).await?;
            }
            some.push(Pair { key, here, there });
        }
        Ok(some)
    }
}

impl Store {
    /// Deletes from a folder what was copied or came by copies and stands in the other, too; and the folder when nothing
    /// else is in it.
    pub(super) async fn delete_twins(
        &self,
        folder: &UfsPath,
        other: &UfsPath,
        copied: &Copied,
    ) -> Result<()> {
        let mut pairs = Pairs::of(self, folder, other).await?;
        let top = pairs.here.top.clone();
        let mut order = PostOrder::new(top.clone());
        let mut stays = None;
        loop {
            let some = pairs.some(self).await?;
            if some.is_empty() {
                break;
            }
            let looks = some.iter().map(|pair| self.goes(pair, folder, other, copied));
            let goes = futures::future::try_join_all(looks).await?;
            for (pair, goes) in some.iter().zip(goes) {
                let key = format!("{top}{}", pair.key);
                if goes {
                    order.push(key);
                } else {
                    order.stays(&key);
                    stays.get_or_insert(key);
                }
                if order.is_long() {
                    self.delete_step(folder, &mut order).await?;
                }
            }
        }
        order.end_below();
        self.delete_step(folder, &mut order).await?;
        if stays.is_none() {
            // Others may have gone on writing.
            stays = Below::of(self, folder).await?.next(self).await?.map(|(key, _)| format!("{top}{key}"));
        }
        if let Some(key) = stays {
            tracing::warn!("{folder} stays: '{key}' is in it, too, which was not copied by this rename");
            return Ok(());
        }
        self.remove(RENAME, folder, vec![top]).await?;
        self.keep(RENAME, folder.parent()).await
    }

    async fn goes(&self, pair: &Pair, folder: &UfsPath, other: &UfsPath, copied: &Copied) -> Result<bool> {
        let Some(there) = &pair.there else { return Ok(false) };
        // A marker has no content.
        if pair.key.ends_with('/') {
            return Ok(true);
        }
        let Ok(key) = UfsPath::parse(&pair.key) else { return Ok(false) };
        let (path, twin) = (folder.join(&key), other.join(&key));
        let (mut here, mut there) = (pair.here.clone(), there.clone());
        if here.etag().is_none() {
            // Some listings tell neither tag nor time.
            let Some(object) = self.object(RENAME, &path).await? else { return Ok(true) };
            let Some(copy) = self.object(RENAME, &twin).await? else { return Ok(false) };
            (here, there) = (object, copy);
        }
        if here.content_length() != there.content_length() {
            return Ok(false);
        }
        if let Some(known) = copied.has(&pair.key, &here) {
            return Ok(known);
        }
        match (here.last_modified(), there.last_modified()) {
            // The clocks of a store's machines may differ a little.
            (Some(written), Some(copied)) if written < copied => Ok(true),
            _ => self.is_copy(&here, &there, &path, &twin).await,
        }
    }
}
