//! Looking at one path as a person does: a file with its blocks, or a part of a directory with what is around
//! it. A part is found by position, so a page of a directory of a million files costs what its rows cost.

use alluxio_fs::{AlluxioPath, Bits, FsError};
use alluxio_proto::grpc::file::{FileInfo, GetStatusPOptions};

use super::{
    FileSystemMaster,
    info::{Seen, file_info},
    status::existing,
    subject::Subject,
    ufs::no_mount,
};
use crate::{
    namespace::MAX_INODES_PER_HOLD,
    tree::{Inode, Slot, Tree},
};

/// Blocks per look, beyond which it ends: a page of files with half a million blocks each has no end.
const BLOCKS_PER_LOOK: usize = 8_192;

/// Where a part of a directory begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At this position.
    Position(usize),
    /// At the part that holds this name, or the place where it would be. Parts begin at multiples of their
    /// length.
    Name(String),
}

/// A part of a directory.
#[derive(Debug)]
pub struct Directory {
    pub info: FileInfo,
    /// Entries it has.
    pub total: usize,
    /// Position of the first of `entries`.
    pub offset: usize,
    pub entries: Vec<FileInfo>,
}

#[derive(Debug)]
pub enum Looked {
    File(Box<FileInfo>),
    Directory(Box<Directory>),
}

impl FileSystemMaster {
    /// Brings in what the under storage has, as a listing does, and looks. At most `limit` entries, and at
    /// most as many as one hold of the lock may touch.
    pub async fn browse(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        start: &Start,
        limit: usize,
    ) -> Result<Looked, FsError> {
        let info = self.get_status(subject, path, &GetStatusPOptions::default()).await?;
        if !info.folder() {
            return Ok(Looked::File(Box::new(info)));
        }
        self.load_for_listing(path, None, None, false).await?;
        let limit = limit.clamp(1, MAX_INODES_PER_HOLD);
        let part = self
            .namespace
            .read(|tree| {
                let lookup = tree.lookup(path);
                self.permissions.target(tree, subject, path, &lookup, Bits::new(5))?;
                let (slot, inode) = existing(tree, &lookup, path)?;
                part_of(tree, slot, inode, path, start, limit)
            })
            .await?;
        let (mut entries, mut blocks) = (Vec::new(), 0);
        for seen in part.entries {
            let info = self.with_blocks(seen).await;
            blocks += info.block_ids.len();
            entries.push(info);
            if blocks >= BLOCKS_PER_LOOK {
                break;
            }
        }
        let info = self.with_blocks(part.directory).await;
        Ok(Looked::Directory(Box::new(Directory { info, total: part.total, offset: part.offset, entries })))
    }
}

/// A [`Directory`] as it is seen under the lock.
struct Part {
    directory: Seen,
    total: usize,
    offset: usize,
    entries: Vec<Seen>,
}

fn part_of(
    tree: &Tree,
    slot: Slot,
    inode: &Inode,
    path: &AlluxioPath,
    start: &Start,
    limit: usize,
) -> Result<Part, FsError> {
    let mount = tree.mounts().mount_of(path).ok_or_else(|| no_mount(path))?;
    let total = tree.child_count(inode);
    let offset = match start {
        Start::Position(position) => *position,
        // The last part for what comes after all names.
        Start::Name(name) => tree.rank_of(inode, name).min(total.saturating_sub(1)) / limit * limit,
    };
    let entries = tree.children_from(inode, offset).take(limit).filter_map(|slot| {
        let inode = tree.get(slot)?;
        let path = path.join(&inode.name);
        let own = if inode.is_mount_point() { tree.mounts().mount_of(&path) } else { None };
        Some(file_info(tree, slot, inode, &path, Some(own.as_ref().unwrap_or(&mount))))
    });
    let entries = entries.collect();
    let directory = file_info(tree, slot, inode, path, Some(&mount));
    Ok(Part { directory, total, offset, entries })
}
