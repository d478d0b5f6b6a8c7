//! The suite that every under storage runs: what [`UnderFs`] promises, as far as the capabilities go.
//!
//! ```no_run
//! # async fn test() -> alluxio_ufs::Result<()> {
//! use alluxio_ufs::{UfsPath, behaviour, open_ufs};
//!
//! let ufs = open_ufs(&alluxio_conf::Configuration::defaults(), "/mnt/test", &Default::default())?;
//! behaviour::run(ufs, &UfsPath::parse("suite")?).await;
//! # Ok(())
//! # }
//! ```
//!
//! Each case works in a folder of its own below the given one and may be run alone. A broken promise panics, as
//! assertions do.

mod attributes;
mod directories;
mod files;
mod listing;
mod renames;
mod writes;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Result, UfsError, UfsErrorKind};
use crate::listing::{ListOptions, ListPage};
use crate::options::{Attributes, CreateOptions, MkdirsOptions};
use crate::path::UfsPath;
use crate::status::UfsStatus;
use crate::under_fs::UnderFs;

/// Runs all cases that the store's capabilities call for, in folders below `base`, and tells their names.
pub async fn run(ufs: Arc<dyn UnderFs>, base: &UfsPath) -> Vec<&'static str> {
    run_only(&[""], ufs, base).await
}

/// The same for the cases whose names begin with one of these.
pub async fn run_only(names: &[&str], ufs: Arc<dyn UnderFs>, base: &UfsPath) -> Vec<&'static str> {
    let mut done = Vec::new();
    for (name, case) in
        cases().into_iter().filter(|(name, _)| names.iter().any(|wanted| name.starts_with(wanted)))
    {
        let place = Place::new(ufs.clone(), base, name);
        if let Err(error) = case(place).await {
            fail(name, &error);
        }
        done.push(name);
    }
    done
}

// The suite is test code, which is told apart by a feature instead of cfg(test) so that other crates can run it.
#[allow(clippy::panic)]
fn fail(case: &str, error: &UfsError) -> ! {
    panic!("case {case}: {error} ({:?})", error.kind())
}

type Case = fn(Place) -> Pin<Box<dyn Future<Output = Result<()>> + Send>>;

macro_rules! cases {
    ($($room:ident: $($case:ident),*;)*) => {
        fn cases() -> Vec<(&'static str, Case)> {
            vec![$($((concat!(stringify!($room), "_", stringify!($case)),
                (|place| Box::pin($room::$case(place))) as Case)),*),*]
        }
    };
}

cases! {
    files: what_is_written_is_read, ranges, empty_file, large_file, replaced_while_read, missing_file, a_directory_is_no_file,
        deleted_files_are_gone, odd_names;
    writes: not_there_before_close, abort_leaves_nothing, dropped_leaves_nothing, never_replaces_unasked,
        overwrites_when_asked, two_writers, parents;
    directories: made_and_told, not_empty, deleted_with_all, a_file_in_the_way;
    listing: pages_in_key_order, resumed_anywhere, recursive, many_entries, nothing_to_list;
    renames: files, directories, never_replace;
    attributes: modes, owners, fingerprints, space;
}

/// Where one case works.
pub(crate) struct Place {
    pub(crate) ufs: Arc<dyn UnderFs>,
    folder: UfsPath,
}

impl Place {
    fn new(ufs: Arc<dyn UnderFs>, base: &UfsPath, case: &str) -> Self {
        let folder = base.components().chain([case]).collect::<Vec<_>>().join("/");
        // The names of cases are words.
        Self { ufs, folder: UfsPath::parse(&folder).unwrap_or_default() }
    }

    /// A path in the case's folder.
    pub(crate) fn at(&self, relative: &str) -> Result<UfsPath> {
        Ok(self.folder.join(&UfsPath::parse(relative)?))
    }

    /// Writes a file, with its parents.
    pub(crate) async fn put(&self, relative: &str, content: &[u8]) -> Result<UfsStatus> {
        let options = CreateOptions { parents: Some(Attributes::default()), ..CreateOptions::default() };
        let mut writer = self.ufs.create(&self.at(relative)?, options).await?;
        writer.write(Bytes::copy_from_slice(content)).await?;
        writer.close().await
    }

    /// Makes a folder, with its parents.
    pub(crate) async fn make(&self, relative: &str) -> Result<bool> {
        let options = MkdirsOptions::with_parents(Attributes::default());
        self.ufs.mkdirs(&self.at(relative)?, options).await
    }

    /// Reads a whole file in pieces.
    pub(crate) async fn get(&self, relative: &str) -> Result<Vec<u8>> {
        let mut reader = self.ufs.open(&self.at(relative)?, 0, None).await?;
        let mut content = Vec::new();
        loop {
            let piece = reader.read(64 * 1024).await?;
            if piece.is_empty() {
                return Ok(content);
            }
            assert!(piece.len() <= 64 * 1024, "more than asked for");
            content.extend_from_slice(&piece);
        }
    }

    /// Whether something is there.
    pub(crate) async fn exists(&self, relative: &str) -> Result<bool> {
        Ok(self.ufs.status(&self.at(relative)?).await?.is_some())
    }

    /// All pages of a listing.
    pub(crate) async fn pages(&self, relative: &str, options: ListOptions) -> Result<Vec<ListPage>> {
        let mut lister = self.ufs.list(&self.at(relative)?, options).await?;
        let mut pages = Vec::new();
        while let Some(page) = lister.next().await? {
            pages.push(page);
        }
        assert!(lister.next().await?.is_none(), "the end stays the end");
        Ok(pages)
    }

    /// All entries of a listing, relative to the listed folder, folders with a slash behind.
    pub(crate) async fn keys(&self, relative: &str, options: ListOptions) -> Result<Vec<String>> {
        let listed = self.at(relative)?;
        let entries = self.pages(relative, options).await?.into_iter().flat_map(|page| page.entries);
        let key = |entry: UfsStatus| {
            let below = entry.path.strip_prefix(&listed);
            crate::listing_key(below.unwrap_or_default().as_str(), entry.is_dir)
        };
        Ok(entries.map(key).collect())
    }
}

/// Asserts that something failed for the right reason, on the right path.
pub(crate) fn assert_fails<T>(done: Result<T>, kind: UfsErrorKind, path: &UfsPath) {
    match done {
        Ok(_) => assert_eq!(None, Some(kind), "{path} should have failed"),
        Err(error) => {
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.path().contains(path.name()), "{error} does not name {path}");
        }
    }
}
