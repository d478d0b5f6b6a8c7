//! Listings: bounded pages in one order that folders and object stores share.

use async_trait::async_trait;

use crate::error::Result;
use crate::status::UfsStatus;

/// Entries in a page when nothing else is asked (`alluxio.underfs.listing.length`).
const DEFAULT_PAGE: usize = 1000;
/// No page is larger, whatever is asked: pages are copied into requests and held in memory.
const LARGEST_PAGE: usize = 10_000;

/// Options of [`UnderFs::list`](crate::UnderFs::list).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListOptions {
    /// Everything below, else the folder's own entries.
    pub recursive: bool,
    /// Only entries whose [`listing_key`] is greater, byte by byte. The key of a page's last entry
    /// ([`ListPage::resume`]) continues a listing, also in another process.
    pub start_after: Option<String>,
    /// Entries per page; at least 1, at most 10,000.
    pub limit: usize,
    /// Also the temporary files of unfinished writes ([`is_temporary_name`](crate::is_temporary_name)), for
    /// those who clean up.
    pub include_temporary: bool,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self { recursive: false, start_after: None, limit: DEFAULT_PAGE, include_temporary: false }
    }
}

impl ListOptions {
    /// Everything below.
    pub fn recursive() -> Self {
        Self { recursive: true, ..Self::default() }
    }

    /// The page size within its bounds.
    pub fn page_size(&self) -> usize {
        self.limit.clamp(1, LARGEST_PAGE)
    }
}

/// The next entries of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// In key order (see [`Capabilities::ordered_listing`](crate::Capabilities::ordered_listing)); may be empty
    /// when all candidates vanished meanwhile.
    pub entries: Vec<UfsStatus>,
    /// The key to give as `start_after` to continue behind this page.
    pub resume: String,
    /// Names that Alluxio cannot show, with lossy characters: those that are not UTF-8. At most 100 per page;
    /// `unreadable_total` counts all.
    pub unreadable: Vec<String>,
    /// How many names could not be shown.
    pub unreadable_total: u64,
}

/// A listing under way. Its memory is bounded whatever the folder holds.
#[async_trait]
pub trait UfsLister: Send {
    /// The next page; none at the end.
    async fn next(&mut self) -> Result<Option<ListPage>>;
}

/// The key by which listings are ordered: the path relative to the listed folder, with `/` behind folders.
///
/// Compared byte by byte this is the order in which an object store returns keys, and in which a walk through
/// folders visits them; a folder comes before what it holds. Mind that `a-b` comes before the folder `a/`.
pub fn listing_key(relative: &str, is_dir: bool) -> String {
    if is_dir { format!("{relative}/") } else { relative.to_owned() }
}
