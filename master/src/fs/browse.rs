//! Looking at one path as a person does: a file with some of its blocks, or a part of a directory with what is
//! around it. A part is found by position, so a page of a directory of a million files costs what its rows cost.

use std::ops::Range;

use alluxio_fs::{AlluxioPath, Bits, FsError};
use alluxio_proto::grpc::file::{FileInfo, GetStatusPOptions};

use super::{
    FileSystemMaster,
    info::{Seen, child_infos, file_info},
    status::existing,
    subject::Subject,
    ufs::no_mount,
};
use crate::namespace::MAX_CHANGES_PER_HOLD;

/// Entries per look.
const ENTRIES_PER_LOOK: usize = 1_000;

/// Blocks of files that are gone through, beyond which a look ends: a page of files with half a million blocks each
/// has no end.
const BLOCKS_PER_LOOK: usize = 1 << 19;

/// Where a part of a directory begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At this position.
    Position(usize),
    /// At the part that holds this name, or the place where it would be. Parts begin at multiples of their
    /// length.
    Name(String),
    /// Right after this name.
    After(String),
}

/// A part of a directory.
#[derive(Debug)]
pub struct Directory {
    pub info: FileInfo,
    /// Entries it has.
    pub total: usize,
    /// Position of the first of `entries`.
    pub offset: usize,
    /// Each with its first block only.
    pub entries: Vec<FileInfo>,
}

#[derive(Debug)]
pub struct File {
    /// With the blocks that were asked for.
    pub info: FileInfo,
    /// Blocks it has.
    pub blocks: usize,
}

#[derive(Debug)]
pub enum Looked {
    File(Box<File>),
    Directory(Box<Directory>),
}

impl FileSystemMaster {
    /// Brings in what the under storage has, as a listing does. It may take long.
    pub async fn bring_in(&self, subject: &Subject, path: &AlluxioPath) -> Result<(), FsError> {
        let seen = self.seen(subject, path, &GetStatusPOptions::default()).await?;
        if seen.info.folder() { self.load_for_listing(path, None, None, false).await } else { Ok(()) }
    }

    /// Entries of a directory that are known now.
    pub fn known_entries(&self, path: &AlluxioPath) -> usize {
        self.namespace.peek(|tree| {
            let inode = tree.lookup(path).target().and_then(|slot| tree.get(slot));
            inode.map_or(0, |inode| tree.child_count(inode))
        })
    }

    /// Looks: at most `limit` entries of a directory, and fewer where that is much; of a file those of its `blocks`.
    pub async fn browse(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        start: &Start,
        limit: usize,
        blocks: Range<usize>,
    ) -> Result<Looked, FsError> {
        let seen = self.seen(subject, path, &GetStatusPOptions::default()).await?;
        if !seen.info.folder() {
            let (info, blocks) = self.with_some_blocks(seen, blocks).await;
            return Ok(Looked::File(Box::new(File { info, blocks })));
        }
        let limit = limit.clamp(1, ENTRIES_PER_LOOK);
        let mut part = self.part(subject, path, start, limit).await?;
        while part.entries.len() < limit && part.offset + part.entries.len() < part.total {
            let Some(last) = part.entries.last() else { break };
            let after = Start::After(last.info.name().to_owned());
            let more = self.part(subject, path, &after, limit - part.entries.len()).await?.entries;
            if more.is_empty() {
                break;
            }
            part.entries.extend(more);
        }
        let (mut entries, mut passed) = (Vec::new(), 0);
        for seen in part.entries {
            let (info, blocks) = self.with_some_blocks(seen, 0..1).await;
            passed += blocks;
            entries.push(info);
            if passed >= BLOCKS_PER_LOOK {
                break;
            }
        }
        let (info, _) = self.with_some_blocks(part.directory, 0..0).await;
        Ok(Looked::Directory(Box::new(Directory { info, total: part.total, offset: part.offset, entries })))
    }

    /// At most as many entries as one hold of the lock may describe.
    async fn part(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        start: &Start,
        limit: usize,
    ) -> Result<Part, FsError> {
        self.namespace
            .read(|tree| {
                let lookup = tree.lookup(path);
                self.permissions.target(tree, subject, path, &lookup, Bits::new(5))?;
                let (slot, inode) = existing(tree, &lookup, path)?;
                let total = tree.child_count(inode);
                let offset = match start {
                    Start::Position(position) => *position,
                    // The last part for what comes after all names.
                    Start::Name(name) => {
                        tree.rank_of(inode, name).min(total.saturating_sub(1)) / limit * limit
                    }
                    Start::After(name) => {
                        tree.rank_of(inode, name) + usize::from(tree.child(inode, name).is_some())
                    }
                };
                let mut children = tree.children_from(inode, offset);
                let entries = child_infos(tree, path, &mut children, limit.min(MAX_CHANGES_PER_HOLD))?;
                let mount = tree.mounts().mount_of(path).ok_or_else(|| no_mount(path))?;
                let directory = file_info(tree, slot, inode, path, Some(&mount));
                Ok(Part { directory, total, offset, entries })
            })
            .await
    }
}

/// A [`Directory`] as it is seen under the lock.
struct Part {
    directory: Seen,
    total: usize,
    offset: usize,
    entries: Vec<Seen>,
}
