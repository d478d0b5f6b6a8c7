//! The state of the store in memory: what a process sees, what a crash leaves, and the faults in between.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Weak};

use bytes::Bytes;

use super::dice::Dice;
use super::not_found;
use crate::position::{FileId, SegmentId};
use crate::store::Listed;

pub(super) type Outcome<T> = io::Result<T>;

/// How the store keeps a deposed writer from being believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fencing {
    /// As a mounted path: the old writer can still write and sync, but its token is gone.
    Token,
    /// As HDFS: sealing takes the files away from the old writer, whose syncs fail from then on.
    Lease,
}

/// What goes wrong. Rates are per thousand operations.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Appends that write a part and fail.
    pub append_errors: u16,
    /// Syncs that fail. What was not synced before may survive a crash or not, and no later sync of the same
    /// file changes that, though it reports success.
    pub sync_errors: u16,
    /// Other changes (create, rename, remove, claim, copy) that fail.
    pub change_errors: u16,
    /// Reads that fail.
    pub read_errors: u16,
    /// No space: creates fail, and appends write a part and fail.
    pub full: bool,
    /// Every change fails.
    pub read_only: bool,
    /// The operation, counted from the start, in the middle of which the machine crashes.
    pub crash_at: Option<u64>,
    /// Reads and listings that show only what has been synced for sure, and of the rest some: as a file server
    /// does whose clients cache.
    pub stale: u16,
    /// So many listings, for one who only follows, lack all segments but the newest: they were made while
    /// segments came and went.
    pub short_listings: u32,
    /// Operations that take place seconds later than they were asked for: a process that was stopped, a network
    /// that was cut.
    pub hangs: u16,
    /// Every operation lets other tasks run first, as a disk does; otherwise only some do.
    pub slow: bool,
    /// A second user is refused, as with [`crate::store::local::Sharing::Exclusive`].
    pub exclusive: bool,
}

#[derive(Clone, Debug)]
struct Inode {
    /// What a process reads.
    cache: Vec<u8>,
    /// How much of it a crash cannot take.
    durable: usize,
    /// A sync failed: later ones save nothing.
    poisoned: bool,
    /// The lease has been taken from the writer.
    revoked: bool,
    /// It is being written.
    open: bool,
}

#[derive(Clone, Copy, Debug)]
struct Name {
    inode: u64,
    durable: bool,
}

#[derive(Debug)]
pub(super) struct Disk {
    pub(super) faults: Faults,
    pub(super) operations: u64,
    pub(super) crashed: bool,
    pub(super) dice: Dice,
    fencing: Fencing,
    process: u64,
    inodes: BTreeMap<u64, Inode>,
    names: Vec<(FileId, Name)>,
    /// Claimed terms; true while the token is live.
    terms: BTreeMap<u64, bool>,
    holder: Weak<dyn Any + Send + Sync>,
}

impl Disk {
    pub(super) fn new(seed: u64, fencing: Fencing) -> Self {
        Self {
            faults: Faults::default(),
            operations: 0,
            crashed: false,
            dice: Dice::new(seed),
            fencing,
            process: 0,
            inodes: BTreeMap::new(),
            names: Vec::new(),
            terms: BTreeMap::new(),
            holder: Weak::<()>::new(),
        }
    }

    /// Counts an operation; fails it when its process is dead.
    pub(super) fn enter(&mut self, process: u64) -> Outcome<()> {
        if self.crashed || process != self.process {
            return Err(crash_error());
        }
        self.operations += 1;
        if self.faults.crash_at.is_some_and(|at| self.operations >= at) {
            // The operation itself may still get through, in part or as a whole; nobody learns of it.
            self.crashed = true;
        }
        Ok(())
    }

    /// What every changing operation may meet. On a crash the operation takes place or not, by chance.
    fn change(&mut self) -> Outcome<()> {
        if self.crashed && self.dice.chance(500) {
            return Err(crash_error());
        }
        if self.faults.read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        if self.dice.chance(self.faults.change_errors) {
            return Err(io_error());
        }
        Ok(())
    }

    /// The answer to an operation that took place: none when the machine crashed in it.
    fn answer<T>(&self, value: T) -> Outcome<T> {
        if self.crashed { Err(crash_error()) } else { Ok(value) }
    }

    fn name(&self, file: FileId) -> Option<Name> {
        self.names.iter().find(|(name, _)| *name == file).map(|(_, name)| *name)
    }

    fn drop_name(&mut self, file: FileId) -> Option<Name> {
        let at = self.names.iter().position(|(name, _)| *name == file)?;
        Some(self.names.swap_remove(at).1)
    }

    pub(super) fn contains(&self, file: FileId) -> bool {
        self.name(file).is_some()
    }

    pub(super) fn hold(&mut self) -> Option<Arc<dyn Any + Send + Sync>> {
        if self.faults.exclusive && self.holder.strong_count() > 0 {
            return None;
        }
        let guard: Arc<dyn Any + Send + Sync> = Arc::new(());
        self.holder = Arc::downgrade(&guard);
        Some(guard)
    }

    pub(super) fn tails(&self) -> bool {
        self.fencing == Fencing::Token
    }

    pub(super) fn files(&self) -> Vec<Listed> {
        let length = |name: &Name| self.inodes.get(&name.inode).map_or(0, |inode| inode.cache.len() as u64);
        self.names.iter().map(|(file, name)| Listed { file: *file, length: length(name) }).collect()
    }

    pub(super) fn list(&mut self) -> Vec<Listed> {
        let mut files = self.files();
        if self.dice.chance(self.faults.stale) {
            files.retain(|listed| self.name(listed.file).is_some_and(|name| name.durable));
            for listed in &mut files {
                listed.length = self.dice.below(listed.length as usize + 1) as u64;
            }
        }
        if self.faults.short_listings > 0 {
            self.faults.short_listings -= 1;
            let segment = |file: FileId| matches!(file, FileId::Segment(_)).then_some(file.to_string());
            let newest = files.iter().filter_map(|listed| segment(listed.file)).max();
            files.retain(|listed| segment(listed.file).is_none_or(|file| Some(file) == newest));
        }
        files
    }

    /// The file is closed, or its writer is gone.
    pub(super) fn close(&mut self, inode: u64) {
        if let Some(inode) = self.inodes.get_mut(&inode) {
            inode.open = false;
        }
    }

    pub(super) fn read(&mut self, file: FileId, offset: u64, length: usize) -> Outcome<Bytes> {
        if self.dice.chance(self.faults.read_errors) {
            return Err(io_error());
        }
        let stale = self.dice.chance(self.faults.stale);
        let inode = self.name(file).and_then(|name| self.inodes.get(&name.inode)).ok_or_else(not_found)?;
        let hidden = inode.open && self.fencing == Fencing::Lease;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let mut shown = if hidden { Vec::new() } else { inode.from(start, length) };
        if stale && !hidden {
            let synced = inode.durable.saturating_sub(start).min(shown.len());
            hide(&mut self.dice, &mut shown, synced);
        }
        self.answer(Bytes::from(shown))
    }

    pub(super) fn create(&mut self, file: FileId) -> Outcome<u64> {
        self.change()?;
        if self.faults.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.contains(file) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if let FileId::Segment(id) = file {
            // On HDFS the folder of a sealed term has moved away.
            if self.fencing == Fencing::Lease && self.terms.get(&id.term) != Some(&true) {
                return Err(not_found());
            }
        }
        let inode = self.add(file, Vec::new(), false);
        self.answer(inode)
    }

    fn add(&mut self, file: FileId, cache: Vec<u8>, durable: bool) -> u64 {
        let inode = self.inodes.last_key_value().map_or(0, |(last, _)| last + 1);
        let synced = if durable { cache.len() } else { 0 };
        self.inodes
            .insert(inode, Inode { cache, durable: synced, poisoned: false, revoked: false, open: !durable });
        self.drop_name(file);
        self.names.push((file, Name { inode, durable }));
        inode
    }

    pub(super) fn append(&mut self, inode: u64, data: &[u8]) -> Outcome<()> {
        let part = self.dice.below(data.len() + 1);
        let fails = self.dice.chance(self.faults.append_errors);
        let (full, read_only, crashed) = (self.faults.full, self.faults.read_only, self.crashed);
        let file = self.inodes.get_mut(&inode).ok_or_else(not_found)?;
        if file.revoked {
            return Err(io_error());
        }
        if read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let written = if full || fails || crashed { &data[..part] } else { data };
        file.cache.extend_from_slice(written);
        if full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if fails { Err(io_error()) } else { self.answer(()) }
    }

    pub(super) fn sync(&mut self, inode: u64) -> Outcome<()> {
        let fails = self.dice.chance(self.faults.sync_errors) || self.faults.read_only;
        let lost_in_crash = self.crashed && self.dice.chance(500);
        let file = self.inodes.get_mut(&inode).ok_or_else(not_found)?;
        if file.revoked || fails {
            file.poisoned = true;
            return Err(io_error());
        }
        if lost_in_crash {
            return Err(crash_error());
        }
        if !file.poisoned {
            file.durable = file.cache.len();
        }
        for (_, name) in self.names.iter_mut().filter(|(_, name)| name.inode == inode) {
            name.durable = true;
        }
        self.answer(())
    }

    pub(super) fn rename(&mut self, from: FileId, to: FileId) -> Outcome<()> {
        self.change()?;
        let mut name = self.drop_name(from).ok_or_else(not_found)?;
        self.drop_name(to);
        name.durable = true;
        self.names.push((to, name));
        self.answer(())
    }

    pub(super) fn remove(&mut self, file: FileId) -> Outcome<()> {
        self.change()?;
        self.drop_name(file);
        self.answer(())
    }

    pub(super) fn terms(&self) -> Vec<u64> {
        self.terms.keys().copied().collect()
    }

    pub(super) fn claim(&mut self, term: u64) -> Outcome<bool> {
        self.change()?;
        if self.faults.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.terms.range(term..).next().is_some() {
            return self.answer(false);
        }
        self.terms.insert(term, true);
        self.answer(true)
    }

    pub(super) fn seal(&mut self, term: u64) -> Outcome<()> {
        self.change()?;
        for (_, live) in self.terms.range_mut(..term) {
            *live = false;
        }
        if self.fencing == Fencing::Lease {
            let of_sealed = |file: &FileId| matches!(file, FileId::Segment(id) if id.term < term);
            for (_, name) in self.names.iter_mut().filter(|(file, _)| of_sealed(file)) {
                name.durable = true;
                let Some(inode) = self.inodes.get_mut(&name.inode) else { continue };
                inode.open = false;
                if !inode.revoked {
                    // Recovering the lease settles the length: all that was synced, and what else arrived.
                    let extra = self.dice.below(inode.cache.len() - inode.durable + 1);
                    inode.cache.truncate(inode.durable + extra);
                    inode.durable = inode.cache.len();
                    inode.revoked = true;
                }
            }
        }
        self.answer(())
    }

    /// Whether the token of `term` could be renamed.
    pub(super) fn token(&mut self, term: u64) -> bool {
        self.fencing == Fencing::Lease || self.terms.get(&term) == Some(&true)
    }

    pub(super) fn secure(&mut self, segment: SegmentId, length: u64, copy: SegmentId) -> Outcome<SegmentId> {
        if self.fencing == Fencing::Lease {
            return self.answer(segment);
        }
        self.change()?;
        if self.faults.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let name = self.name(FileId::Segment(segment)).ok_or_else(not_found)?;
        let bytes = self.inodes.get(&name.inode).ok_or_else(not_found)?.cache.clone();
        let prefix = bytes.get(..usize::try_from(length).unwrap_or(usize::MAX));
        let prefix = prefix.ok_or(io::ErrorKind::UnexpectedEof)?.to_vec();
        self.add(FileId::Segment(copy), prefix, true);
        self.answer(copy)
    }

    pub(super) fn forget(&mut self, term: u64) -> Outcome<()> {
        self.change()?;
        if self.terms.get(&term) == Some(&false) {
            self.terms.remove(&term);
        }
        self.answer(())
    }

    pub(super) fn damage(&mut self, file: FileId, change: impl FnOnce(&mut Vec<u8>)) {
        let Some(name) = self.name(file) else { return };
        if let Some(inode) = self.inodes.get_mut(&name.inode) {
            change(&mut inode.cache);
            inode.durable = inode.cache.len();
        }
    }

    /// What is left after the machine went down: gives the number of the next process.
    pub(super) fn crash(&mut self) -> u64 {
        let mut names = std::mem::take(&mut self.names);
        names.retain(|(_, name)| name.durable || self.dice.chance(500));
        for (_, name) in &mut names {
            name.durable = true;
            if let Some(inode) = self.inodes.get_mut(&name.inode) {
                inode.lose(&mut self.dice);
            }
        }
        self.names = names;
        self.inodes.retain(|number, _| self.names.iter().any(|(_, name)| name.inode == *number));
        self.holder = Weak::<()>::new();
        self.faults.crash_at = None;
        self.crashed = false;
        self.process += 1;
        self.process
    }
}

impl Inode {
    /// Bytes that were not synced: all are lost, all survive, or some do: a prefix, possibly with a hole, as
    /// pages reach the disk in any order.
    fn lose(&mut self, dice: &mut Dice) {
        let unsynced = self.cache.len() - self.durable;
        match dice.below(4) {
            0 => self.cache.truncate(self.durable),
            1 => {}
            2 => self.cache.truncate(self.durable + dice.below(unsynced + 1)),
            _ => {
                let from = self.durable + dice.below(unsynced);
                let to = from + dice.below(self.cache.len() - from + 1);
                self.cache[from..to].fill(0);
            }
        }
        self.durable = self.cache.len();
        self.poisoned = false;
        self.open = false;
    }

    fn from(&self, start: usize, length: usize) -> Vec<u8> {
        let start = self.cache.len().min(start);
        self.cache[start..self.cache.len().min(start.saturating_add(length))].to_vec()
    }
}

/// Hides of `shown` what has not been synced: its end, or some of it.
fn hide(dice: &mut Dice, shown: &mut Vec<u8>, synced: usize) {
    let from = synced + dice.below(shown.len() - synced + 1);
    if dice.chance(500) {
        shown.truncate(from);
    } else {
        let to = from + dice.below(shown.len() - from + 1);
        shown[from..to].fill(0);
    }
}

fn io_error() -> io::Error {
    io::Error::from_raw_os_error(nix::errno::Errno::EIO as i32)
}

fn crash_error() -> io::Error {
    io::Error::other("the machine has crashed")
}
