//! Listings, folder by folder, in the store's order: it says nothing about that.

use async_trait::async_trait;
use futures::TryStreamExt;
use opendal::{Entry, Lister};

use super::super::list::UNREADABLE;
use super::LakeUfs;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::listing::{ListOptions, ListPage, UfsLister, listing_key};
use crate::path::UfsPath;
use crate::status::UfsStatus;
use crate::temporary::is_temporary_name;

/// A listing under way.
pub(super) struct LakeLister {
    ufs: LakeUfs,
    directory: UfsPath,
    options: ListOptions,
    way: Way,
}

/// Where the listing stands.
enum Way {
    Begins,
    /// The folders from the listed one down.
    In(Vec<Level>),
    /// While a page is made, and after an error.
    Lost,
}

/// One folder on the way.
struct Level {
    path: UfsPath,
    /// Its key in the listing, empty or with a slash behind it.
    prefix: String,
    /// Its key in the store.
    key: String,
    entries: Lister,
}

impl Level {
    async fn new(ufs: &LakeUfs, path: UfsPath, prefix: String) -> Result<Self> {
        let key = ufs.store.folder_key(Operation::List, &path)?;
        let listed = ufs.store.objects.lister_with(&key).await;
        let entries = listed.map_err(|error| ufs.store.unlisted(Operation::List, &path, error))?;
        Ok(Self { path, prefix, key, entries })
    }

    /// A folder that was deleted since its parent told of it has none.
    async fn next(&mut self, ufs: &LakeUfs) -> Result<Option<Entry>> {
        loop {
            let next = self.entries.try_next().await;
            match next.map_err(|error| ufs.store.unlisted(Operation::List, &self.path, error))? {
                // The folder itself.
                Some(entry) if entry.path() == self.key => {}
                next => return Ok(next),
            }
        }
    }
}

impl LakeLister {
    pub(super) fn new(ufs: LakeUfs, directory: UfsPath, options: ListOptions) -> Self {
        Self { ufs, directory, options, way: Way::Begins }
    }

    async fn begin(&self) -> Result<Vec<Level>> {
        let kind = match self.ufs.look(Operation::List, &self.directory).await? {
            Some(status) if status.is_dir => {
                return Ok(vec![Level::new(&self.ufs, self.directory.clone(), String::new()).await?]);
            }
            Some(_) => UfsErrorKind::NotDirectory,
            None => UfsErrorKind::NotFound,
        };
        Err(self.ufs.store.error(kind, Operation::List, &self.directory))
    }

    /// The next entry to be told, with its key.
    async fn next_entry(
        &self,
        way: &mut Vec<Level>,
        page: &mut ListPage,
    ) -> Result<Option<(String, UfsStatus)>> {
        while let Some(level) = way.last_mut() {
            let Some(entry) = level.next(&self.ufs).await? else {
                way.pop();
                continue;
            };
            let is_folder = entry.metadata().is_dir();
            let name = entry.name().trim_end_matches('/');
            let readable = level.path.child(name).ok().filter(|_| name.trim() == name);
            let Some(path) = readable else {
                page.unreadable_total += 1;
                if page.unreadable.len() < UNREADABLE {
                    page.unreadable.push(entry.path().to_owned());
                }
                continue;
            };
            let key = format!("{}{}", level.prefix, listing_key(name, is_folder));
            if self.options.recursive && is_folder {
                way.push(Level::new(&self.ufs, path.clone(), key.clone()).await?);
            }
            let hidden = is_temporary_name(path.name()) && !self.options.include_temporary;
            let before = self.options.start_after.as_ref().is_some_and(|start| key <= *start);
            if !hidden && !before {
                let store = &self.ufs.store;
                let status = if is_folder { store.folder(path) } else { store.file(path, entry.metadata()) };
                return Ok(Some((key, status)));
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl UfsLister for LakeLister {
    async fn next(&mut self) -> Result<Option<ListPage>> {
        let mut way = match std::mem::replace(&mut self.way, Way::Lost) {
            Way::Begins => self.begin().await?,
            Way::In(way) => way,
            Way::Lost => {
                let lost = self.ufs.store.error(UfsErrorKind::Io, Operation::List, &self.directory);
                return Err(lost.because("the listing failed before"));
            }
        };
        let mut page = ListPage::default();
        while page.entries.len() < self.options.page_size() {
            let Some((key, status)) = self.next_entry(&mut way, &mut page).await? else { break };
            page.resume = key;
            page.entries.push(status);
        }
        self.way = Way::In(way);
        let nothing = page.entries.is_empty() && page.unreadable_total == 0;
        Ok((!nothing).then_some(page))
    }
}
