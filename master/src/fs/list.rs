//! Listings. They go through directories by cursor (the name after which to continue), at most
//! [`MAX_INODES_PER_HOLD`] inodes per look, so a listing never holds the lock long. It is no snapshot:
//! what is created or removed meanwhile may or may not be in it, what stays is in it exactly once.

use std::{cmp::Ordering, collections::VecDeque};

use alluxio_fs::{AlluxioPath, Bits, ErrorKind, FsError};
use alluxio_proto::grpc::file::{
    FileInfo, ListStatusPOptions, ListStatusPResponse, ListStatusPartialPOptions, ListStatusPartialPResponse,
    list_status_partial_p_options::OffsetType,
};
use tokio::sync::mpsc;

use super::{FileSystemMaster, info::file_info, status::existing, subject::Subject, ufs::no_mount};
use crate::namespace::MAX_INODES_PER_HOLD;

/// One directory being listed.
struct Cursor {
    id: i64,
    path: AlluxioPath,
    /// The last name seen; empty at the beginning.
    after: String,
    /// Seen and not listed yet: a directory's children come right after it, before its siblings, so that
    /// a listing can be continued after any path.
    pending: VecDeque<FileInfo>,
    more: bool,
}

impl Cursor {
    fn new(id: i64, path: AlluxioPath) -> Self {
        Self { id, path, after: String::new(), pending: VecDeque::new(), more: true }
    }
}

/// What one look brought.
struct Page {
    infos: Vec<FileInfo>,
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
        let mut stack = match self.listing_start(subject, path).await? {
            Start::File(info) => {
                if !options.load_metadata_only() {
                    send(out, vec![*info]).await?;
                }
                return Ok(());
            }
            Start::Directory(cursor) => vec![cursor],
        };
        if options.load_metadata_only() {
            return Ok(());
        }
        let mut batch = Vec::new();
        let top = stack.len();
        while let Some(cursor) = stack.last_mut() {
            let Some(mut info) = cursor.pending.pop_front() else {
                let page = if cursor.more { Some(self.next_page(subject, cursor).await) } else { None };
                match page {
                    Some(Ok(page)) => {
                        if let Some(last) = page.infos.last() {
                            cursor.after = last.name().to_owned();
                        }
                        cursor.more = page.more;
                        cursor.pending = page.infos.into();
                        continue;
                    }
                    // Below the top a directory that may not be read, or went away, is passed over.
                    Some(Err(error)) if stack.len() == top || !passed_over(&error) => return Err(error),
                    Some(Err(_)) | None => {}
                }
                stack.pop();
                continue;
            };
            if options.recursive() && info.folder() {
                stack.push(Cursor::new(info.file_id(), AlluxioPath::parse(info.path())?));
            }
            self.add_locations(&mut info);
            batch.push(info);
            if batch.len() >= self.options.list_batch {
                send(out, std::mem::take(&mut batch)).await?;
            }
        }
        if !batch.is_empty() {
            send(out, batch).await?;
        }
        Ok(())
    }

    async fn load_before_listing(&self, path: &AlluxioPath, options: &ListStatusPOptions) -> Result<(), FsError> {
        let load = options.load_metadata_type.map(|_| options.load_metadata_type());
        let sync = options.common_options.as_ref().and_then(|common| common.sync_interval_ms);
        self.load_for_listing(path, load, sync, options.recursive()).await
    }

    async fn listing_start(&self, subject: &Subject, path: &AlluxioPath) -> Result<Start, FsError> {
        let mut start = self
            .namespace
            .read_path(path, |tree, lookup| {
                let (slot, inode) = existing(tree, lookup, path)?;
                if inode.is_directory() {
                    self.permissions.target(tree, subject, path, lookup, Bits::new(5))?;
                    return Ok(Start::Directory(Cursor::new(inode.id, path.clone())));
                }
                self.permissions.target(tree, subject, path, lookup, Bits::READ)?;
                let mount = tree.mounts().mount_of(path).ok_or_else(|| no_mount(path))?;
                Ok(Start::File(Box::new(file_info(tree, slot, inode, path, Some(&mount)))))
            })
            .await?;
        if let Start::File(info) = &mut start {
            self.add_locations(info);
        }
        Ok(start)
    }

    async fn next_page(&self, subject: &Subject, cursor: &Cursor) -> Result<Page, FsError> {
        self.namespace
            .read(|tree| {
                let gone = || FsError::path_does_not_exist(&cursor.path);
                let (slot, inode) = tree.by_id(cursor.id).ok_or_else(gone)?;
                self.permissions.inode(tree, subject, &cursor.path, slot, Bits::new(5))?;
                let mut children = tree.children_after(inode, &cursor.after);
                let mount = tree.mounts().mount_of(&cursor.path).ok_or_else(|| no_mount(&cursor.path))?;
                let info = |slot| {
                    let inode = tree.get(slot)?;
                    let path = cursor.path.join(&inode.name);
                    let own = if inode.is_mount_point() { tree.mounts().mount_of(&path) } else { None };
                    Some(file_info(tree, slot, inode, &path, Some(own.as_ref().unwrap_or(&mount))))
                };
                let infos = children.by_ref().take(MAX_INODES_PER_HOLD).filter_map(info).collect();
                Ok(Page { infos, more: children.next().is_some() })
            })
            .await
    }

    /// One bounded part of a listing, for clients that page through it.
    pub async fn list_status_partial(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &ListStatusPartialPOptions,
    ) -> Result<ListStatusPartialPResponse, FsError> {
        let list = options.options.unwrap_or_default();
        if list.recursive() {
            return self.partial_recursive(subject, path, options, &list).await;
        }
        self.load_before_listing(path, &list).await?;
        let mut cursor = match self.listing_start(subject, path).await? {
            Start::File(info) => {
                return Ok(ListStatusPartialPResponse { file_infos: vec![*info], is_truncated: Some(false), file_count: Some(1) });
            }
            Start::Directory(cursor) => cursor,
        };
        let mut skip = 0;
        match &options.offset_type {
            Some(OffsetType::OffsetId(id)) => cursor.after = self.name_below(&cursor, *id).await?,
            Some(OffsetType::StartAfter(name)) => cursor.after = start_after(path, name)?,
            Some(OffsetType::OffsetCount(count)) => skip = usize::try_from(*count).unwrap_or(0),
            None => {}
        }
        let prefix = options.prefix().trim_start_matches('/').to_owned();
        let wanted = usize::try_from(options.batch_size()).ok().filter(|n| *n > 0).unwrap_or(usize::MAX);
        let (count, mut infos) = (self.child_count(&cursor).await?, Vec::new());
        let mut more = true;
        while more && infos.len() <= wanted {
            let page = self.next_page(subject, &cursor).await?;
            more = page.more;
            if let Some(last) = page.infos.last() {
                cursor.after = last.name().to_owned();
            }
            for info in page.infos {
                if !info.name().starts_with(&prefix) {
                    continue;
                }
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                infos.push(info);
            }
        }
        let truncated = more || infos.len() > wanted;
        infos.truncate(wanted);
        for info in &mut infos {
            self.add_locations(info);
        }
        Ok(ListStatusPartialPResponse {
            file_infos: infos,
            is_truncated: Some(truncated),
            file_count: Some(count as i64),
        })
    }

    /// A recursive listing in parts has to find its place again by walking there.
    async fn partial_recursive(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &ListStatusPartialPOptions,
        list: &ListStatusPOptions,
    ) -> Result<ListStatusPartialPResponse, FsError> {
        let (sender, mut receiver): (ListSender, _) = mpsc::channel(2);
        let wanted = usize::try_from(options.batch_size()).ok().filter(|n| *n > 0).unwrap_or(usize::MAX);
        let collect = async {
            let mut part = Part::new(path, options)?;
            while let Some(message) = receiver.recv().await {
                for info in message.map_err(FsError::from)?.file_infos {
                    part.take(info, wanted);
                }
                if part.infos.len() > wanted {
                    break;
                }
            }
            drop(receiver);
            Ok::<_, FsError>(part)
        };
        let walk = async {
            let result = self.list_status(subject, path, list, &sender).await;
            drop(sender);
            result
        };
        let (walked, part) = tokio::join!(walk, collect);
        let mut part = part?;
        let truncated = part.infos.len() > wanted;
        match walked {
            // The receiver left because it had enough.
            Err(error) if error.kind == ErrorKind::Cancelled && truncated => {}
            other => other?,
        }
        part.infos.truncate(wanted);
        Ok(ListStatusPartialPResponse { file_infos: part.infos, is_truncated: Some(truncated), file_count: Some(-1) })
    }

    async fn name_below(&self, cursor: &Cursor, id: i64) -> Result<String, FsError> {
        self.namespace
            .read(|tree| {
                let name = tree.by_id(id).filter(|(_, inode)| {
                    tree.get(inode.parent).is_some_and(|parent| parent.id == cursor.id)
                });
                name.map(|(_, inode)| inode.name.to_string()).ok_or_else(|| {
                    FsError::not_found(format!(
                        "The listing of {} cannot be continued after id {id}, which is gone. Begin again.",
                        cursor.path
                    ))
                })
            })
            .await
    }

    async fn child_count(&self, cursor: &Cursor) -> Result<usize, FsError> {
        self.namespace.read(|tree| Ok(tree.by_id(cursor.id).map_or(0, |(_, inode)| tree.child_count(inode)))).await
    }
}

enum Start {
    File(Box<FileInfo>),
    Directory(Cursor),
}

/// What a recursive partial listing has found so far.
struct Part {
    infos: Vec<FileInfo>,
    after_id: Option<i64>,
    after_path: Option<String>,
    skip: i32,
    prefix: String,
}

impl Part {
    fn new(path: &AlluxioPath, options: &ListStatusPartialPOptions) -> Result<Self, FsError> {
        let base = if path.is_root() { String::from("/") } else { format!("{path}/") };
        let mut part = Self {
            infos: Vec::new(),
            after_id: None,
            after_path: None,
            skip: 0,
            prefix: format!("{base}{}", options.prefix().trim_start_matches('/')),
        };
        match &options.offset_type {
            Some(OffsetType::OffsetId(id)) => part.after_id = Some(*id),
            Some(OffsetType::StartAfter(name)) => part.after_path = Some(format!("{base}{}", name.trim_start_matches('/'))),
            Some(OffsetType::OffsetCount(count)) => part.skip = (*count).max(0),
            None => {}
        }
        Ok(part)
    }

    fn take(&mut self, info: FileInfo, wanted: usize) {
        if let Some(id) = self.after_id {
            if info.file_id() == id {
                self.after_id = None;
            }
            return;
        }
        if self.after_path.as_deref().is_some_and(|after| order(info.path(), after) != Ordering::Greater) || !info.path().starts_with(&self.prefix) {
            return;
        }
        if self.skip > 0 {
            self.skip -= 1;
        } else if self.infos.len() <= wanted {
            self.infos.push(info);
        }
    }
}

/// `startAfter` is relative to the directory, or absolute below it.
fn start_after(path: &AlluxioPath, name: &str) -> Result<String, FsError> {
    if !name.starts_with('/') {
        return Ok(name.to_owned());
    }
    let absolute = AlluxioPath::parse(name)?;
    absolute.below(path).map(str::to_owned).ok_or_else(|| {
        FsError::invalid_argument(format!("A listing of {path} cannot start after {name}, which is not below it."))
    })
}

/// The order of a recursive listing: by names, component for component.
fn order(a: &str, b: &str) -> Ordering {
    a.split('/').cmp(b.split('/'))
}

fn passed_over(error: &FsError) -> bool {
    matches!(error.kind, ErrorKind::PermissionDenied | ErrorKind::NotFound)
}

async fn send(out: &ListSender, file_infos: Vec<FileInfo>) -> Result<(), FsError> {
    let gone = |_| FsError::cancelled("The client stopped reading the listing.");
    out.send(Ok(ListStatusPResponse { file_infos })).await.map_err(gone)
}
