//! Listings in key order with bounded memory.
//!
//! A folder gives its names in no order and may hold millions. So a pass over the folder picks the smallest names
//! beyond those already shown, as many as the budget allows; when they are used up another pass picks the next.
//! A recursive listing keeps one such set of names for each folder on the way down.

use std::collections::{BinaryHeap, VecDeque};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alluxio_conf::{KeyName, key};
use async_trait::async_trait;

use super::status::is_absent;
use super::{Folder, LocalUfs};
use crate::error::{Operation, Result, UfsError, UfsErrorKind};
use crate::listing::{ListOptions, ListPage, UfsLister};
use crate::path::UfsPath;
use crate::temporary::is_temporary_name;

/// Names kept in one listing, over all folders on the way down; about 16 MB with ordinary names.
const ALL_NAMES: usize = 200_000;
/// Each folder on the way down may keep this many even when that is used up.
const LEAST_NAMES: usize = 1024;
/// Unreadable names told by name in one page.
const UNREADABLE: usize = 100;

/// A listing under way.
#[derive(Debug)]
pub(super) struct LocalLister {
    ufs: LocalUfs,
    directory: UfsPath,
    /// None while a page is being made, and after the end or an error.
    walk: Option<Walk>,
}

impl LocalLister {
    pub(super) fn new(ufs: LocalUfs, directory: UfsPath, options: ListOptions) -> Self {
        let names = Kept { all: ALL_NAMES, least: LEAST_NAMES };
        let walk = Walk { directory: directory.clone(), options, names, started: false, way: Vec::new() };
        Self { ufs, directory, walk: Some(walk) }
    }
}

#[async_trait]
impl UfsLister for LocalLister {
    async fn next(&mut self) -> Result<Option<ListPage>> {
        let Some(mut walk) = self.walk.take() else { return Ok(None) };
        let work = move |folder: &Arc<Folder>| Ok((walk.page(folder)?, walk));
        let (page, walk) = self.ufs.blocking(Operation::List, &self.directory, work).await?;
        self.walk = page.is_some().then_some(walk);
        Ok(page)
    }
}

/// How many names a listing keeps.
#[derive(Clone, Copy, Debug)]
struct Kept {
    all: usize,
    least: usize,
}

/// Where the listing stands.
#[derive(Debug)]
struct Walk {
    directory: UfsPath,
    options: ListOptions,
    names: Kept,
    started: bool,
    /// The folders from the listed one down to where the listing stands.
    way: Vec<Level>,
}

/// One folder on the way.
#[derive(Debug)]
struct Level {
    path: UfsPath,
    location: PathBuf,
    /// Its key in the listing, empty or with a slash behind it.
    prefix: String,
    /// Device and inode: a link that leads back to a folder on the way is not entered again.
    identity: (u64, u64),
    /// Keys of the next entries, relative to this folder, smallest first.
    keys: VecDeque<String>,
    /// The folder may hold more keys than `keys`.
    more: bool,
    /// Everything up to this key was shown.
    shown: String,
    /// Start after this key; used up by the first pass. It may lie below one of this folder's entries.
    start_after: Option<String>,
}

impl Walk {
    fn page(&mut self, folder: &Folder) -> Result<Option<ListPage>> {
        let mut page = ListPage::default();
        if !self.started {
            self.started = true;
            let top = self.directory.clone();
            let start_after = self.options.start_after.take();
            let level = Level::enter(folder, top, String::new(), start_after)?;
            self.way.push(
                level
                    .ok_or_else(|| folder.error(UfsErrorKind::NotFound, Operation::List, &self.directory))?,
            );
        }
        while page.entries.len() < self.options.page_size() {
            let Some((key, covered)) = self.next_key(folder, &mut page)? else { break };
            self.visit(folder, key, covered, &mut page)?;
        }
        let done = self.way.is_empty() && page.entries.is_empty() && page.unreadable_total == 0;
        Ok((!done).then_some(page))
    }

    /// The next key of the deepest folder on the way, and what of `start_after` lies below it.
    fn next_key(&mut self, folder: &Folder, page: &mut ListPage) -> Result<Option<(String, Option<String>)>> {
        loop {
            let held: usize = self.way.iter().map(|level| level.keys.len()).sum();
            let top = self.way.len() == 1;
            let Some(level) = self.way.last_mut() else { return Ok(None) };
            if level.keys.is_empty() && level.more {
                let room = self.names.all.saturating_sub(held).max(self.names.least);
                level.pick(folder, &self.options, room, page, top)?;
            }
            let Some(key) = level.keys.pop_front() else {
                self.way.pop();
                continue;
            };
            let covered = level
                .start_after
                .take_if(|after| after.as_str() >= key.as_str())
                .map(|after| after.strip_prefix(&key).unwrap_or_default().to_owned());
            // What starts beyond this key applied to smaller keys only.
            level.start_after = None;
            level.shown.clone_from(&key);
            return Ok(Some((key, covered)));
        }
    }

    /// Puts the entry of `key` in the page and, in a recursive listing, goes down into a folder.
    fn visit(
        &mut self,
        folder: &Folder,
        key: String,
        covered: Option<String>,
        page: &mut ListPage,
    ) -> Result<()> {
        let Some(level) = self.way.last() else { return Ok(()) };
        let name = key.trim_end_matches('/');
        let path = level.path.child(name)?;
        let location = level.location.join(name);
        let full = format!("{}{key}", level.prefix);
        let metadata = match fs::metadata(&location) {
            Ok(metadata) => metadata,
            // Gone, or turned into a broken link, since its name was read.
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(folder.io(Operation::List, &path)(error)),
        };
        let is_dir = metadata.is_dir();
        if covered.is_none()
            && let Some(status) = folder.status_of(path.clone(), &metadata)
        {
            page.entries.push(status);
            page.resume.clone_from(&full);
        }
        if !self.options.recursive || !is_dir || !key.ends_with('/') {
            return Ok(());
        }
        let identity = (metadata.dev(), metadata.ino());
        if self.way.iter().any(|level| level.identity == identity) {
            tracing::warn!(path = %folder.shown(&path), "link to a folder above it: not listed again");
            return Ok(());
        }
        let start_after = covered.filter(|rest| !rest.is_empty());
        // None: deleted meanwhile.
        self.way.extend(Level::enter(folder, path, full, start_after)?);
        Ok(())
    }
}

impl Level {
    /// None when the folder is not there (any more).
    fn enter(
        folder: &Folder,
        path: UfsPath,
        prefix: String,
        start_after: Option<String>,
    ) -> Result<Option<Self>> {
        let location = folder.locate(&path);
        let metadata = match fs::metadata(&location) {
            Ok(metadata) => metadata,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(folder.io(Operation::List, &path)(error)),
        };
        if !metadata.is_dir() {
            return Err(folder.error(UfsErrorKind::NotDirectory, Operation::List, &path));
        }
        Ok(Some(Self {
            path,
            location,
            prefix,
            identity: (metadata.dev(), metadata.ino()),
            keys: VecDeque::new(),
            more: true,
            shown: String::new(),
            start_after,
        }))
    }

    /// One pass over the folder: picks the `room` smallest keys that were not shown.
    fn pick(
        &mut self,
        folder: &Folder,
        options: &ListOptions,
        room: usize,
        page: &mut ListPage,
        top: bool,
    ) -> Result<()> {
        let failed = |error: io::Error| folder.io(Operation::List, &self.path)(error);
        let names = match fs::read_dir(&self.location) {
            Ok(names) => names,
            Err(error) if is_absent(&error) && !top => {
                self.more = false;
                return Ok(());
            }
            Err(error) => return Err(failed(error)),
        };
        let first_pass = self.shown.is_empty();
        let mut smallest: BinaryHeap<String> = BinaryHeap::new();
        self.more = false;
        for entry in names {
            let entry = entry.map_err(failed)?;
            let name = match entry.file_name().into_string() {
                Ok(name) => name,
                Err(name) => {
                    if first_pass {
                        page.unreadable_total += 1;
                        if page.unreadable.len() < UNREADABLE {
                            page.unreadable.push(format!("{}{}", self.prefix, name.to_string_lossy()));
                        }
                    }
                    continue;
                }
            };
            if !options.include_temporary && is_temporary_name(&name) {
                continue;
            }
            // A folder's key is greater than its name: nothing to look at when even that was shown.
            if !self.wanted(&format!("{name}/"), options.recursive) && !self.wanted(&name, options.recursive)
            {
                continue;
            }
            let Some(is_dir) = kind_of(folder, &entry)? else { continue };
            let key = if is_dir { name + "/" } else { name };
            if !self.wanted(&key, options.recursive) {
                continue;
            }
            smallest.push(key);
            if smallest.len() > room {
                smallest.pop();
                self.more = true;
            }
        }
        self.keys = smallest.into_sorted_vec().into();
        Ok(())
    }

    /// Whether `key` was not shown yet, or (recursively) holds something that was not.
    fn wanted(&self, key: &str, recursive: bool) -> bool {
        match &self.start_after {
            Some(after) => {
                key > after.as_str() || (recursive && key.ends_with('/') && after.starts_with(key))
            }
            None => self.shown.is_empty() || key > self.shown.as_str(),
        }
    }
}

/// Folder or file, links followed; none for what a listing leaves out.
fn kind_of(folder: &Folder, entry: &fs::DirEntry) -> Result<Option<bool>> {
    let location = entry.path();
    let told = entry.file_type();
    let kind = match told {
        Ok(kind) if kind.is_symlink() => match fs::metadata(&location) {
            Ok(metadata) => metadata.file_type(),
            Err(error) => return broken_link(folder, &location, error),
        },
        Ok(kind) => kind,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(UfsError::io(Operation::List, location.display().to_string(), error)),
    };
    Ok((kind.is_dir() || kind.is_file()).then(|| kind.is_dir()))
}

fn broken_link(folder: &Folder, location: &Path, error: io::Error) -> Result<Option<bool>> {
    let shown = location.display().to_string();
    let broken = is_absent(&error) || UfsErrorKind::of_io(&error) == UfsErrorKind::BrokenLink;
    if !broken {
        return Err(UfsError::io(Operation::List, shown, error));
    }
    if folder.skip_broken_links || fs::symlink_metadata(location).is_err() {
        return Ok(None);
    }
    Err(UfsError::new(UfsErrorKind::BrokenLink, Operation::List, shown)
        .because(format!(
            "the link is broken; repair it, or set {}=true",
            key::UNDERFS_LOCAL_SKIP_BROKEN_SYMLINKS.name()
        ))
        .caused_by(error))
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
