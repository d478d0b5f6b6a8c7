//! Listings in key order, resumed where a page ended, with the folders that have no marker.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, future, stream};
use opendal::{Entry, Lister};

use super::key_order::{KeyOrder, Keyed};
use super::store::Store;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::listing::{ListOptions, ListPage, UfsLister};
use crate::path::UfsPath;
use crate::status::UfsStatus;
use crate::temporary::is_temporary_name;

/// Keys asked for with one request; no store of those here gives more.
const REQUEST: usize = 1000;
/// Unreadable names told by name in one page.
pub(super) const UNREADABLE: usize = 100;
/// Looks at objects of one listing at the same time.
const LOOKS_AT_ONCE: usize = 16;

/// A listing under way.
pub(super) struct ObjectLister {
    store: Arc<Store>,
    directory: UfsPath,
    options: ListOptions,
    /// The last key of the pages that were given out: after an error the next page begins behind it.
    given: Option<String>,
    /// Something was there to list, if only the folder's marker.
    found: bool,
    ended: bool,
    walk: Option<Walk>,
}

impl ObjectLister {
    pub(super) fn new(store: Arc<Store>, directory: UfsPath, options: ListOptions) -> Self {
        let given = options.start_after.clone();
        Self { store, directory, options, given, found: false, ended: false, walk: None }
    }

    async fn page(&mut self, walk: &mut Walk) -> Result<ListPage> {
        let mut page = ListPage::default();
        let mut entries = Vec::new();
        while entries.len() < self.options.page_size() {
            let Some(found) = walk.next(&self.store, &self.directory).await? else {
                self.ended = true;
                break;
            };
            self.found = true;
            let hidden = |name: &str| !self.options.include_temporary && is_temporary_name(name);
            match found {
                Found::Marker => {}
                Found::Unreadable(key) => {
                    page.unreadable_total += 1;
                    if page.unreadable.len() < UNREADABLE {
                        page.unreadable.push(key);
                    }
                }
                Found::Key { key, .. } if key.split('/').any(hidden) => {}
                Found::Key { key, entry } => {
                    let relative = UfsPath::parse(&key)?;
                    let path = self.directory.join(&relative);
                    entries.push(match entry.filter(|_| !key.ends_with('/')) {
                        Some(entry) if entry.metadata().etag().is_none() => Listed::Name(path),
                        Some(entry) => Listed::Told(self.store.file(path, entry.metadata())),
                        None => Listed::Told(self.store.folder(path)),
                    });
                    page.resume = key;
                }
            }
        }
        page.entries = self.looked_at(entries).await?;
        Ok(page)
    }

    /// What is gone by now is left out.
    async fn looked_at(&self, entries: Vec<Listed>) -> Result<Vec<UfsStatus>> {
        let looks = stream::iter(entries).map(|entry| self.look_at(entry)).buffered(LOOKS_AT_ONCE);
        looks.try_filter_map(future::ok).try_collect().await
    }

    async fn look_at(&self, entry: Listed) -> Result<Option<UfsStatus>> {
        match entry {
            Listed::Told(status) => Ok(Some(status)),
            Listed::Name(path) => {
                let object = self.store.object(Operation::List, &path).await?;
                Ok(object.map(|object| self.store.file(path, &object)))
            }
        }
    }

    /// Nothing was listed: is there a folder at all?
    async fn must_be_folder(&self) -> Result<()> {
        let kind = match self.store.status(&self.directory).await? {
            Some(status) if status.is_dir => return Ok(()),
            Some(_) => UfsErrorKind::NotDirectory,
            None => UfsErrorKind::NotFound,
        };
        Err(self.store.error(kind, Operation::List, &self.directory))
    }
}

#[async_trait]
impl UfsLister for ObjectLister {
    async fn next(&mut self) -> Result<Option<ListPage>> {
        if self.ended {
            return Ok(None);
        }
        let mut walk = match self.walk.take() {
            Some(walk) => walk,
            None => Walk::begin(&self.store, &self.directory, &self.options, self.given.clone()).await?,
        };
        // An error ends this walk only: the next call begins another one behind what was given out.
        let shown = walk.shown.clone();
        let page = self.page(&mut walk).await.inspect_err(|_| self.given = shown)?;
        if self.ended && !self.found {
            self.must_be_folder().await?;
        }
        self.walk = Some(walk);
        let nothing = page.entries.is_empty() && page.unreadable_total == 0;
        Ok((!(self.ended && nothing)).then_some(page))
    }
}

/// One entry of a page.
enum Listed {
    Told(UfsStatus),
    /// The listing tells nothing by which a change would show, as Huawei's: neither tag nor time.
    Name(UfsPath),
}

/// One key of a listing.
enum Found {
    /// The listed folder's own.
    Marker,
    /// Relative to the listed folder, with a slash behind folders. No entry: a folder that shows only in the keys below.
    Key { key: String, entry: Option<Entry> },
    /// It cannot be a path here.
    Unreadable(String),
}

/// A run through the keys.
struct Walk {
    lister: Lister,
    /// The listed folder's key; empty at the top.
    folder: String,
    recursive: bool,
    order: KeyOrder<Relative>,
    asked_all: bool,
    /// All keys up to this one are done with.
    shown: Option<String>,
    /// Keys to be given before another is asked for, the next one last.
    next: Vec<(String, Option<Entry>)>,
}

/// An entry by its key below the listed folder.
struct Relative {
    key: String,
    entry: Entry,
}

impl Keyed for Relative {
    fn key(&self) -> &str {
        &self.key
    }
}

impl Walk {
    async fn begin(
        store: &Store,
        directory: &UfsPath,
        options: &ListOptions,
        after: Option<String>,
    ) -> Result<Self> {
        let key = store.folder_key(Operation::List, directory)?;
        let folder = if directory.is_root() { String::new() } else { key.clone() };
        let mut lister = store.objects.lister_with(&key).recursive(options.recursive).limit(REQUEST);
        if let Some(after) = after.as_deref().filter(|after| !after.is_empty())
            && store.capabilities().ordered_listing
        {
            lister = lister.start_after(&format!("{folder}{after}"));
        }
        let lister = lister.await.map_err(|error| store.unlisted(Operation::List, directory, error))?;
        Ok(Self {
            lister,
            folder,
            recursive: options.recursive,
            order: KeyOrder::new(),
            asked_all: false,
            shown: after,
            next: Vec::new(),
        })
    }

    async fn next(&mut self, store: &Store, directory: &UfsPath) -> Result<Option<Found>> {
        loop {
            if let Some((key, entry)) = self.next.pop() {
                // Stores may give again the folder that holds the key to start after, and the one across two pages.
                if self.shown.as_deref().is_some_and(|shown| key.as_str() <= shown) {
                    continue;
                }
                self.shown = Some(key.clone());
                return Ok(Some(Found::Key { key, entry }));
            }
            let Some(Relative { key, entry }) = self.order.pop() else {
                if self.asked_all {
                    return Ok(None);
                }
                let asked = self.lister.try_next().await;
                match asked.map_err(|error| store.unlisted(Operation::List, directory, error))? {
                    Some(entry) => self.take(entry),
                    None => {
                        self.asked_all = true;
                        self.order.end();
                    }
                }
                continue;
            };
            if key.is_empty() {
                return Ok(Some(Found::Marker));
            }
            let name = key.strip_suffix('/').unwrap_or(&key);
            if name.trim() != name || UfsPath::parse(name).map_or(true, |path| path.as_str() != name) {
                return Ok(Some(Found::Unreadable(key)));
            }
            self.next = if self.recursive { self.with_folders(key, entry) } else { vec![(key, Some(entry))] };
        }
    }

    fn take(&mut self, entry: Entry) {
        let key = match entry.path() {
            "/" => "",
            path => path.strip_prefix(&self.folder).unwrap_or(path),
        };
        let key = key.to_owned();
        self.order.push(Relative { key, entry });
    }

    /// The key, and before it the folders on the way to it that were not shown yet.
    fn with_folders(&self, key: String, entry: Entry) -> Vec<(String, Option<Entry>)> {
        let shown = self.shown.as_deref().unwrap_or_default();
        let slashes = key.char_indices().filter(|(at, letter)| *letter == '/' && at + 1 < key.len());
        let folders = slashes.map(|(at, _)| &key[..=at]).filter(|folder| *folder > shown);
        let mut next: Vec<_> = folders.map(|folder| (folder.to_owned(), None)).collect();
        next.push((key, Some(entry)));
        next.reverse();
        next
    }
}
