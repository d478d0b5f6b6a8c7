//! Listings. They go through directories by cursor (the name after which to continue), at most
//! [`MAX_CHANGES_PER_HOLD`] inodes per look, so a listing never holds the lock long. It is no snapshot:
//! what is created or removed meanwhile may or may not be in it, what stays is in it exactly once.

use std::collections::VecDeque;

use alluxio_fs::{AlluxioPath, Bits, ErrorKind, FsError};
use alluxio_proto::grpc::file::{
    FileInfo, ListStatusPOptions, ListStatusPResponse, ListStatusPartialPOptions, ListStatusPartialPResponse,
    list_status_partial_p_options::OffsetType,
};
use tokio::sync::mpsc;

use super::{
    FileSystemMaster,
    info::{Seen, child_infos, file_info},
    status::existing,
    subject::Subject,
    ufs::no_mount,
};
use crate::{namespace::MAX_CHANGES_PER_HOLD, tree::Tree};

/// Inodes per look below this many levels: a recursive listing keeps what it has not given out yet on each.
const DEEP_PAGE: usize = 100;
const DEEP: usize = 16;

/// Blocks per message, beyond which it is sent, so that it stays under what clients take.
const BLOCKS_PER_MESSAGE: usize = 100_000;

/// One directory being listed.
struct Cursor {
    id: i64,
    path: AlluxioPath,
    /// The last name seen; empty at the beginning.
    after: String,
    /// Seen and not listed yet: a directory's children come right after it, before its siblings, so that
    /// a listing can be continued after any path.
    pending: VecDeque<Seen>,
    more: bool,
}

impl Cursor {
    fn new(id: i64, path: AlluxioPath) -> Self {
        Self { id, path, after: String::new(), pending: VecDeque::new(), more: true }
    }
}

/// A listing under way: the directories from the top to the one being listed.
struct Listing {
    stack: Vec<Cursor>,
    recursive: bool,
}

/// What one look brought.
struct Page {
    seen: VecDeque<Seen>,
    more: bool,
}

/// Where a listing's messages go; the client may have gone away.
pub type ListSender = mpsc::Sender<Result<ListStatusPResponse, tonic::Status>>;

impl FileSystemMaster {
    /// Streams a listing. A file lists itself.
    pub async fn list_status(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &ListStatusPOptions,
        out: &ListSender,
    ) -> Result<(), FsError> {
        self.load_before_listing(path, options).await?;
        let top = match self.listing_start(subject, path).await? {
            Start::File(seen) => {
                if !options.load_metadata_only() {
                    send(out, vec![self.with_blocks(*seen).await]).await?;
                }
                return Ok(());
            }
            Start::Directory(cursor) => cursor,
        };
        if options.load_metadata_only() {
            return Ok(());
        }
        let mut listing = Listing { stack: vec![top], recursive: options.recursive() };
        let (mut batch, mut blocks) = (Vec::new(), 0);
        while let Some(info) = self.next_listed(subject, &mut listing).await? {
            blocks += info.block_ids.len();
            batch.push(info);
            if batch.len() >= self.options.list_batch || blocks >= BLOCKS_PER_MESSAGE {
                send(out, std::mem::take(&mut batch)).await?;
                blocks = 0;
            }
        }
        if !batch.is_empty() {
            send(out, batch).await?;
        }
        Ok(())
    }

    /// The next of a listing; `None` at its end.
    async fn next_listed(
        &self,
        subject: &Subject,
        listing: &mut Listing,
    ) -> Result<Option<FileInfo>, FsError> {
        loop {
            let limit = if listing.stack.len() <= DEEP { MAX_CHANGES_PER_HOLD } else { DEEP_PAGE };
            let is_top = listing.stack.len() == 1;
            let Some(cursor) = listing.stack.last_mut() else { return Ok(None) };
            if let Some(seen) = cursor.pending.pop_front() {
                if listing.recursive && seen.info.folder() {
                    let below = Cursor::new(seen.info.file_id(), cursor.path.join(seen.info.name()));
                    listing.stack.push(below);
                }
                return Ok(Some(self.with_blocks(seen).await));
            }
            if cursor.more {
                match self.next_page(subject, cursor, limit).await {
                    Ok(page) => {
                        if let Some(last) = page.seen.back() {
                            cursor.after = last.info.name().to_owned();
                        }
                        cursor.more = page.more;
                        cursor.pending = page.seen;
                        continue;
                    }
                    // Below the top a directory that may not be read, or went away, is passed over.
                    Err(error) if is_top || !passed_over(&error) => return Err(error),
                    Err(_) => {}
                }
            }
            listing.stack.pop();
        }
    }

    async fn load_before_listing(
        &self,
        path: &AlluxioPath,
        options: &ListStatusPOptions,
    ) -> Result<(), FsError> {
        let load = options.load_metadata_type.map(|_| options.load_metadata_type());
        let sync = options.common_options.as_ref().and_then(|common| common.sync_interval_ms);
        self.load_for_listing(path, load, sync, options.recursive()).await
    }

    async fn listing_start(&self, subject: &Subject, path: &AlluxioPath) -> Result<Start, FsError> {
        self.namespace
            .read_path(path, |tree, lookup| {
                self.permissions.traverse(tree, subject, path, lookup)?;
                let (slot, inode) = existing(tree, lookup, path)?;
                if inode.is_directory() {
                    self.permissions.target(tree, subject, path, lookup, Bits::new(5))?;
                    return Ok(Start::Directory(Cursor::new(inode.id, path.clone())));
                }
                self.permissions.target(tree, subject, path, lookup, Bits::READ)?;
                let mount = tree.mounts().mount_of(path).ok_or_else(|| no_mount(path))?;
                Ok(Start::File(Box::new(file_info(tree, slot, inode, path, Some(&mount)))))
            })
            .await
    }

    async fn next_page(&self, subject: &Subject, cursor: &Cursor, limit: usize) -> Result<Page, FsError> {
        self.namespace
            .read(|tree| {
                let gone = || FsError::path_does_not_exist(&cursor.path);
                let (slot, inode) = tree.by_id(cursor.id).ok_or_else(gone)?;
                self.permissions.inode(tree, subject, &cursor.path, slot, Bits::new(5))?;
                let mut children = tree.children_after(inode, &cursor.after);
                let seen = child_infos(tree, &cursor.path, &mut children, limit)?.into();
                Ok(Page { seen, more: children.next().is_some() })
            })
            .await
    }

    /// One bounded part of a listing, for clients that page through it. It has no more entries than a
    /// message of a streamed listing, whatever was asked for.
    pub async fn list_status_partial(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &ListStatusPartialPOptions,
    ) -> Result<ListStatusPartialPResponse, FsError> {
        let list = options.options.unwrap_or_default();
        self.load_before_listing(path, &list).await?;
        let top = match self.listing_start(subject, path).await? {
            Start::File(seen) => {
                return Ok(ListStatusPartialPResponse {
                    file_infos: vec![self.with_blocks(*seen).await],
                    is_truncated: Some(false),
                    file_count: Some(1),
                });
            }
            Start::Directory(cursor) => cursor,
        };
        let count = if list.recursive() { -1 } else { self.child_count(&top).await? as i64 };
        let mut skip = match options.offset_type {
            Some(OffsetType::OffsetCount(count)) => count.max(0),
            _ => 0,
        };
        let after = self.start_of_part(path, options).await?;
        let mut listing = self.listing_after(top, after, list.recursive()).await?;
        let prefix = prefix_of(path, options.prefix());
        let wanted = usize::try_from(options.batch_size()).ok().filter(|n| *n > 0).unwrap_or(usize::MAX);
        let wanted = wanted.min(self.options.list_batch);
        let (mut infos, mut blocks) = (Vec::new(), 0);
        let truncated = loop {
            let Some(info) = self.next_listed(subject, &mut listing).await? else { break false };
            if !info.path().starts_with(&prefix) {
                continue;
            }
            if skip > 0 {
                skip -= 1;
                continue;
            }
            if infos.len() >= wanted || blocks >= BLOCKS_PER_MESSAGE {
                break true;
            }
            blocks += info.block_ids.len();
            infos.push(info);
        };
        Ok(ListStatusPartialPResponse {
            file_infos: infos,
            is_truncated: Some(truncated),
            file_count: Some(count),
        })
    }

    /// The names, from the listed directory down, after which a part begins; none for the beginning.
    async fn start_of_part(
        &self,
        path: &AlluxioPath,
        options: &ListStatusPartialPOptions,
    ) -> Result<Vec<String>, FsError> {
        let names =
            |below: &str| below.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        match &options.offset_type {
            // 0 is the root's, which is in no listing: Java clients begin with it.
            Some(OffsetType::OffsetId(id)) if *id != 0 => {
                let place = |tree: &Tree| {
                    let at = tree.find(*id).and_then(|slot| tree.path_of(slot));
                    at.as_ref().and_then(|at| at.below(path)).map(names).ok_or_else(|| {
                        FsError::not_found(format!(
                            "The listing of {path} cannot be continued after id {id}, which is gone. Begin again."
                        ))
                    })
                };
                self.namespace.read(place).await
            }
            Some(OffsetType::StartAfter(name)) => Ok(names(&start_after(path, name)?)),
            _ => Ok(Vec::new()),
        }
    }

    /// A listing that goes on after a path, whether that is there or not.
    async fn listing_after(
        &self,
        top: Cursor,
        after: Vec<String>,
        recursive: bool,
    ) -> Result<Listing, FsError> {
        self.namespace
            .read(|tree| {
                let mut stack = vec![top];
                for name in after {
                    let Some(cursor) = stack.last_mut() else { break };
                    let child = tree.by_id(cursor.id).and_then(|(_, inode)| tree.child(inode, &name));
                    let directory =
                        child.and_then(|slot| tree.get(slot)).filter(|inode| inode.is_directory());
                    let below = directory.map(|inode| Cursor::new(inode.id, cursor.path.join(&name)));
                    cursor.after = name;
                    match below.filter(|_| recursive) {
                        Some(below) => stack.push(below),
                        None => break,
                    }
                }
                Ok(Listing { stack, recursive })
            })
            .await
    }

    async fn child_count(&self, cursor: &Cursor) -> Result<usize, FsError> {
        self.namespace
            .read(|tree| Ok(tree.by_id(cursor.id).map_or(0, |(_, inode)| tree.child_count(inode))))
            .await
    }
}

enum Start {
    File(Box<Seen>),
    Directory(Cursor),
}

/// `startAfter` is relative to the directory, or absolute below it.
fn start_after(path: &AlluxioPath, name: &str) -> Result<String, FsError> {
    if !name.starts_with('/') {
        return Ok(name.to_owned());
    }
    let absolute = AlluxioPath::parse(name)?;
    absolute.below(path).map(str::to_owned).ok_or_else(|| {
        FsError::invalid_argument(format!(
            "A listing of {path} cannot start after {name}, which is not below it."
        ))
    })
}

/// What the paths of a listing must begin with.
fn prefix_of(path: &AlluxioPath, prefix: &str) -> String {
    let base = if path.is_root() { "" } else { path.as_str() };
    format!("{base}/{}", prefix.trim_start_matches('/'))
}

fn passed_over(error: &FsError) -> bool {
    matches!(error.kind, ErrorKind::PermissionDenied | ErrorKind::NotFound)
}

async fn send(out: &ListSender, file_infos: Vec<FileInfo>) -> Result<(), FsError> {
    let gone = |_| FsError::cancelled("The client stopped reading the listing.");
    out.send(Ok(ListStatusPResponse { file_infos })).await.map_err(gone)
}
