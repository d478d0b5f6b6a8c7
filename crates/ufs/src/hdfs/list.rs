//! Listings, in the NameNode's order.
//!
//! That compares the bytes of names as signed numbers: names that begin with other letters than ASCII's come first. So
//! a listing is not in key order, and one that starts behind a key leaves out what it may not tell.

use std::sync::Arc;

use alluxio_hdfs::{Entry, Listing};
use async_trait::async_trait;

use super::Inner;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::listing::{ListOptions, ListPage, UfsLister, listing_key};
use crate::path::UfsPath;
use crate::status::UfsStatus;
use crate::temporary::is_temporary_name;

/// A listing under way.
pub(super) struct HdfsLister {
    inner: Arc<Inner>,
    options: ListOptions,
    /// The folders from the listed one down to where the listing stands; none while a page is made and after an error.
    way: Option<Vec<Level>>,
}

/// One folder on the way.
struct Level {
    path: UfsPath,
    /// Its key in the listing, empty or with a slash behind it.
    prefix: String,
    entries: Listing,
}

impl Level {
    fn new(inner: &Inner, path: UfsPath, prefix: String) -> Self {
        let entries = inner.hdfs.listing(&inner.locate(&path));
        Self { path, prefix, entries }
    }

    async fn next(&mut self, inner: &Inner) -> Result<Option<Entry>> {
        self.entries.next(&inner.hdfs).await.or_else(|error| {
            let error = inner.failed(Operation::List, &self.path)(error);
            match error.kind() {
                // A folder that was deleted, or replaced, since its parent told of it.
                UfsErrorKind::NotFound | UfsErrorKind::NotDirectory if !self.prefix.is_empty() => Ok(None),
                _ => Err(error),
            }
        })
    }
}

impl HdfsLister {
    pub(super) fn new(inner: Arc<Inner>, directory: UfsPath, options: ListOptions) -> Self {
        let top = Level::new(&inner, directory, String::new());
        Self { inner, options, way: Some(vec![top]) }
    }

    /// The next entry to be told, with its key.
    async fn next_entry(&self, way: &mut Vec<Level>) -> Result<Option<(String, UfsStatus)>> {
        while let Some(level) = way.last_mut() {
            let Some(entry) = level.next(&self.inner).await? else {
                way.pop();
                continue;
            };
            let key = format!("{}{}", level.prefix, listing_key(&entry.name, entry.is_folder));
            let path = level.path.child(&entry.name)?;
            if self.options.recursive && entry.is_folder {
                way.push(Level::new(&self.inner, path.clone(), key.clone()));
            }
            let hidden = is_temporary_name(&entry.name) && !self.options.include_temporary;
            let before = self.options.start_after.as_ref().is_some_and(|start| key <= *start);
            if !hidden && !before {
                return Ok(Some((key, self.inner.status_of(path, &entry))));
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl UfsLister for HdfsLister {
    async fn next(&mut self) -> Result<Option<ListPage>> {
        let Some(mut way) = self.way.take() else { return Ok(None) };
        let mut page = ListPage::default();
        while page.entries.len() < self.options.page_size() {
            let Some((key, status)) = self.next_entry(&mut way).await? else { break };
            page.resume = key;
            page.entries.push(status);
        }
        self.way = Some(way);
        Ok((!page.entries.is_empty()).then_some(page))
    }
}
