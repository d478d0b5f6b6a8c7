//! A journal on HDFS.
//!
//! ```text
//! <folder>/format                        the marker, with the cluster id
//! <folder>/drafts/<T>-<uuid>/            a term while it is being claimed
//! <folder>/terms/<T>/claim               who claimed the term
//! <folder>/terms/<T>/token-<uuid>.0 or .1  its fence
//! <folder>/terms/<T>/<index>.log         segments
//! <folder>/sealed/<T>/                   the same, once a later master has taken over
//! <folder>/sealed/<T>/recovered          no file of it is open any more
//! <folder>/checkpoints/<sequence>-<term>.checkpoint
//! ```
//! The NameNode puts all changes of names in one order and has them on its disks before it answers, so a rename that succeeded is as
//! good as a lock. Bytes are durable once `hsync` has returned. What a file holds can be read when it is closed: of one that is being
//! written, readers see only the blocks that are full.

mod file;
mod hold;
mod identity;
mod names;
mod term;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Weak};

use alluxio_hdfs::{Address, Beginner, ConnectError, Create, Hdfs, Settings};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use uuid::Uuid;

use self::file::HdfsFile;
use self::names::Names;
use super::local::Sharing;
use super::{Claim, FolderState, Hold, JAVA_FOLDERS, Listed, OpenFile, Store, StoreError};
use crate::position::{FileId, SegmentId};

const FOLDER_PERMISSIONS: u32 = 0o755;
const FILE_PERMISSIONS: u32 = 0o644;
/// Bytes of a segment that are copied at a time.
const COPY_BLOCK: usize = 4 << 20;
/// Of a term that is not sealed, so many of the newest segments may be open: the one that is written, and one that was given up.
const MAYBE_OPEN: usize = 2;

/// A journal folder on HDFS.
#[derive(Clone, Debug)]
pub struct HdfsStore {
    place: Arc<Place>,
}

/// The folder, and what is known about it.
#[derive(Debug)]
struct Place {
    hdfs: Hdfs,
    names: Names,
    sharing: Sharing,
    /// Terms that are known to be sealed. They stay so.
    sealed: Mutex<BTreeSet<u64>>,
    beginner: Beginner,
    /// What the present holder holds.
    held: Mutex<Weak<()>>,
}

impl HdfsStore {
    /// The journal in the folder `address`. Nothing is read or made yet.
    pub fn new(address: &str, mut settings: Settings, sharing: Sharing) -> Result<Self, ConnectError> {
        let address = Address::parse(address)?;
        file::demand_full_pipelines(&mut settings);
        let beginner = file::beginner(file::copies(&settings));
        let hdfs = Hdfs::new(&address.authority, settings)?;
        let names = Names::new(&address.path);
        let (sealed, held) = (Mutex::default(), Mutex::new(Weak::new()));
        Ok(Self { place: Arc::new(Place { hdfs, names, sharing, sealed, beginner, held }) })
    }
}

impl Place {
    fn error(&self, action: &'static str, path: &str, source: io::Error) -> StoreError {
        StoreError::io(action, self.hdfs.address(path), source)
    }

    fn location(&self) -> String {
        self.hdfs.address(self.names.root())
    }

    fn is_known_as_sealed(&self, term: u64) -> bool {
        self.sealed.lock().contains(&term)
    }

    /// Runs `operation` on the path of a file. A segment is looked for where the living terms are, then among the sealed ones: it
    /// may have been moved meanwhile.
    async fn at<T, F>(
        &self,
        action: &'static str,
        file: FileId,
        operation: impl Fn(String) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = io::Result<T>>,
    {
        let plain = self.names.plain(file);
        let FileId::Segment(id) = file else {
            return operation(plain.clone()).await.map_err(|e| self.error(action, &plain, e));
        };
        if !self.is_known_as_sealed(id.term) {
            match operation(plain.clone()).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => return done.map_err(|e| self.error(action, &plain, e)),
            }
        }
        let sealed = self.names.sealed(id);
        let done = operation(sealed.clone()).await.map_err(|e| self.error(action, &sealed, e))?;
        self.sealed.lock().insert(id.term);
        Ok(done)
    }

    /// What a folder holds; nothing when it is not there.
    async fn list(&self, folder: &str) -> Result<Vec<alluxio_hdfs::Entry>, StoreError> {
        let entries = self.hdfs.list(folder).await.map_err(|e| self.error("list", folder, e))?;
        Ok(entries.unwrap_or_default())
    }

    /// The terms in `terms` or `sealed`.
    async fn terms_in(&self, folder: &str) -> Result<BTreeSet<u64>, StoreError> {
        Ok(self.list(folder).await?.iter().filter_map(|entry| entry.name.parse().ok()).collect())
    }

    /// All terms that are claimed.
    async fn terms(&self) -> Result<BTreeSet<u64>, StoreError> {
        // In this order: a term that is sealed between the two is seen at least once.
        let mut terms = self.terms_in(&self.names.terms()).await?;
        terms.extend(self.terms_in(&self.names.sealed_terms()).await?);
        Ok(terms)
    }

    /// Writes a small file as a whole. It must succeed beside a dead DataNode, too: a claim is what a leader begins with.
    async fn write(&self, path: &str, text: &str) -> io::Result<()> {
        let create = Create { replication: None, block_size: None, permissions: FILE_PERMISSIONS };
        let file = self.beginner.create(&self.hdfs, path, create).await?;
        let writer = if text.is_empty() {
            file.into_writer()
        } else {
            self.beginner.write(&self.hdfs, file, &Bytes::copy_from_slice(text.as_bytes())).await?
        };
        writer.close().await
    }

    /// Tries whether files of the folder can be synced: not so where they are erasure-coded or encrypted.
    async fn probe(&self) -> Result<(), StoreError> {
        let path = format!("{}/probe.{}", self.names.drafts(), Uuid::new_v4());
        let tried = self.write(&path, "a journal wants to lie here\n").await;
        let removed = self.hdfs.remove(&path).await;
        match tried {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                Err(StoreError::Unsuitable { location: self.location(), reason: error.to_string() })
            }
            Err(error) => Err(self.error("write", &path, error)),
            Ok(()) => removed.map(drop).map_err(|e| self.error("remove", &path, e)),
        }
    }

    /// The segments of a term. What is listed of a file that is open cannot be read; its readable length is told instead.
    async fn segments(&self, folder: &str, term: u64, living: bool) -> Result<Vec<Listed>, StoreError> {
        let mut found = Vec::new();
        for entry in self.list(folder).await? {
            if let Some(id) = names::segment(term, &entry.name) {
                found.push((id, entry.length));
            }
        }
        found.sort_by(|a, b| b.cmp(a));
        if living {
            for (id, length) in found.iter_mut().take(MAYBE_OPEN) {
                let path = self.names.living(*id);
                match self.hdfs.readable_length(&path).await {
                    Ok(readable) => *length = readable,
                    // Sealed or removed since: whoever reads it finds out.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(self.error("open", &path, error)),
                }
            }
        }
        Ok(found.into_iter().map(|(id, length)| Listed { file: FileId::Segment(id), length }).collect())
    }
}

#[async_trait]
impl Store for HdfsStore {
    fn location(&self) -> String {
        self.place.location()
    }

    fn shown(&self, file: FileId) -> String {
        let Place { names, hdfs, .. } = &*self.place;
        match file {
            FileId::Segment(id) if self.place.is_known_as_sealed(id.term) => hdfs.address(&names.sealed(id)),
            _ => hdfs.address(&names.plain(file)),
        }
    }

    fn hides_open_files(&self) -> bool {
        true
    }

    async fn state(&self) -> Result<FolderState, StoreError> {
        let Place { names, .. } = &*self.place;
        let entries = self.place.list(names.root()).await?;
        // Java first: a folder with both must not be used by either.
        for folder in JAVA_FOLDERS {
            let (top, below) = folder.split_once('/').unwrap_or((folder, ""));
            if !entries.iter().any(|entry| entry.name == top) {
                continue;
            }
            let inside = self.place.list(&names.inside(top)).await?;
            if below.is_empty() || inside.iter().any(|entry| entry.name == below) {
                return Ok(FolderState::Java(folder.to_owned()));
            }
        }
        let marker = FileId::Marker.to_string();
        let formatted = entries.iter().any(|entry| entry.name == marker);
        Ok(if formatted { FolderState::Formatted } else { FolderState::NotFormatted })
    }

    async fn prepare(&self) -> Result<(), StoreError> {
        let Place { names, hdfs, .. } = &*self.place;
        for folder in [names.terms(), names.sealed_terms(), names.drafts(), names.checkpoints()] {
            let made = hdfs.make_folders(&folder, FOLDER_PERMISSIONS).await;
            made.map_err(|e| self.place.error("create", &folder, e))?;
        }
        self.place.probe().await
    }

    async fn hold(&self) -> Result<Hold, StoreError> {
        hold::hold(&self.place).await
    }

    async fn list(&self) -> Result<Vec<Listed>, StoreError> {
        let names = &self.place.names;
        let mut segments = BTreeMap::new();
        // In this order: a term that is sealed between the two is seen at least once. Of a name that is there twice the sealed term
        // counts.
        for (parent, living) in [(names.terms(), true), (names.sealed_terms(), false)] {
            for term in self.place.terms_in(&parent).await? {
                let found = self.place.segments(&format!("{parent}/{term}"), term, living).await?;
                if !living {
                    self.place.sealed.lock().insert(term);
                }
                segments.insert(term, found);
            }
        }
        let mut files: Vec<_> = segments.into_values().flatten().collect();
        for entry in self.place.list(&names.checkpoints()).await? {
            files.extend(names::checkpoint(&entry.name).map(|file| Listed { file, length: entry.length }));
        }
        Ok(files)
    }

    async fn read(&self, file: FileId, offset: u64, length: usize) -> Result<Bytes, StoreError> {
        let hdfs = &self.place.hdfs;
        self.place.at("read", file, |path| async move { hdfs.read(&path, offset, length).await }).await
    }

    async fn create(&self, file: FileId) -> Result<Box<dyn OpenFile>, StoreError> {
        Ok(Box::new(HdfsFile::create(self.place.clone(), file).await?))
    }

    async fn rename(&self, from: FileId, to: FileId) -> Result<(), StoreError> {
        let (hdfs, to) = (&self.place.hdfs, &self.place.names.plain(to));
        self.place.at("rename", from, |from| async move { hdfs.rename(&from, to, true).await }).await
    }

    async fn remove(&self, file: FileId) -> Result<(), StoreError> {
        let hdfs = &self.place.hdfs;
        let removed = self.place.at("remove", file, |path| async move {
            // As a missing file, so that the other place is looked at.
            if hdfs.remove(&path).await? { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
        });
        match removed.await {
            Err(error) if error.is_not_found() => Ok(()),
            removed => removed,
        }
    }

    async fn terms(&self) -> Result<Vec<u64>, StoreError> {
        Ok(self.place.terms().await?.into_iter().collect())
    }

    async fn claim(&self, term: u64, owner: &str) -> Result<Claim, StoreError> {
        term::claim(&self.place, term, owner).await
    }

    async fn seal(&self, term: u64) -> Result<(), StoreError> {
        term::seal(&self.place, term).await
    }

    async fn secure(
        &self,
        segment: SegmentId,
        length: u64,
        copy: SegmentId,
    ) -> Result<SegmentId, StoreError> {
        // A copy: what DataNodes had got and not synced when the old writer ended is in the file, and on no disk.
        let mut target = self.create(FileId::Segment(copy)).await?;
        let mut copied = 0;
        while copied < length {
            let wanted = COPY_BLOCK.min(usize::try_from(length - copied).unwrap_or(COPY_BLOCK));
            let block = self.read(FileId::Segment(segment), copied, wanted).await?;
            if block.is_empty() {
                let path = self.place.names.sealed(segment);
                return Err(self.place.error("copy", &path, io::ErrorKind::UnexpectedEof.into()));
            }
            copied += block.len() as u64;
            target.append(block).await?;
        }
        target.sync().await?;
        target.close().await?;
        Ok(copy)
    }

    async fn forget(&self, term: u64) -> Result<(), StoreError> {
        let path = self.place.names.sealed_term(term);
        self.place.hdfs.remove(&path).await.map(drop).map_err(|e| self.place.error("remove", &path, e))
    }
}
