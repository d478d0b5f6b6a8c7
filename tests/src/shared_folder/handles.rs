//! What the kernel holds of the folder behind a mount: inodes it knows and files it has open, by number.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::{
        fd::AsRawFd,
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use fuser::{FileHandle, FileType, INodeNo};
use nix::libc::{O_NOFOLLOW, O_PATH};
use parking_lot::Mutex;

/// What a listing has of a name.
pub(super) type Entry = (INodeNo, FileType, OsString);

/// As file handles of a file server: they name the file itself, whatever it is called by now.
pub(super) struct Handles {
    inodes: Mutex<HashMap<u64, Inode>>,
    open: Mutex<Open>,
    root: u64,
}

#[derive(Default)]
struct Open {
    last: u64,
    files: HashMap<u64, Arc<File>>,
    /// Directories as they were when they were opened.
    lists: HashMap<u64, Arc<[Entry]>>,
}

impl Open {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

struct Inode {
    /// Holds the inode, so that its number is not used anew.
    file: Arc<File>,
    known: u64,
}

impl Handles {
    pub fn new(root: &Path) -> io::Result<Handles> {
        let (number, file) = hold(root)?;
        let inodes = HashMap::from([(number, Inode { file: Arc::new(file), known: 1 })]);
        Ok(Handles { inodes: Mutex::new(inodes), open: Mutex::default(), root: number })
    }

    /// The number by which the kernel knows an inode.
    pub fn number(&self, metadata: &Metadata) -> INodeNo {
        if metadata.ino() == self.root { INodeNo::ROOT } else { INodeNo(metadata.ino()) }
    }

    fn of(&self, inode: INodeNo) -> io::Result<Arc<File>> {
        let number = if inode == INodeNo::ROOT { self.root } else { inode.0 };
        let inodes = self.inodes.lock();
        inodes
            .get(&number)
            .map(|inode| Arc::clone(&inode.file))
            .ok_or(io::ErrorKind::StaleNetworkFileHandle.into())
    }

    /// A path to the inode, and below it, that is good as long as the value lives.
    pub fn path(&self, inode: INodeNo) -> io::Result<Held> {
        let file = self.of(inode)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        Ok(Held { path, _file: file })
    }

    /// What has this path becomes known to the kernel once more.
    pub fn know(&self, path: &Path) -> io::Result<Metadata> {
        let (number, file) = hold(path)?;
        let metadata = file.metadata()?;
        let mut inodes = self.inodes.lock();
        inodes.entry(number).or_insert(Inode { file: Arc::new(file), known: 0 }).known += 1;
        Ok(metadata)
    }

    pub fn forget(&self, inode: INodeNo, times: u64) {
        let mut inodes = self.inodes.lock();
        if let Some(known) = inodes.get_mut(&inode.0) {
            known.known = known.known.saturating_sub(times);
            if known.known == 0 {
                inodes.remove(&inode.0);
            }
        }
    }

    pub fn opened(&self, file: File) -> FileHandle {
        let mut open = self.open.lock();
        let number = open.next();
        open.files.insert(number, Arc::new(file));
        FileHandle(number)
    }

    pub fn file(&self, handle: FileHandle) -> io::Result<Arc<File>> {
        self.open.lock().files.get(&handle.0).cloned().ok_or(io::ErrorKind::StaleNetworkFileHandle.into())
    }

    pub fn listed(&self, entries: Vec<Entry>) -> FileHandle {
        let mut open = self.open.lock();
        let number = open.next();
        open.lists.insert(number, entries.into());
        FileHandle(number)
    }

    pub fn list(&self, handle: FileHandle) -> Arc<[Entry]> {
        self.open.lock().lists.get(&handle.0).cloned().unwrap_or_default()
    }

    pub fn closed(&self, handle: FileHandle) {
        let mut open = self.open.lock();
        open.files.remove(&handle.0);
        open.lists.remove(&handle.0);
    }
}

pub(super) struct Held {
    path: PathBuf,
    _file: Arc<File>,
}

impl Held {
    pub fn metadata(&self) -> io::Result<Metadata> {
        fs::metadata(&self.path)
    }
}

impl std::ops::Deref for Held {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

fn hold(path: &Path) -> io::Result<(u64, File)> {
    let file = OpenOptions::new().read(true).custom_flags(O_PATH | O_NOFOLLOW).open(path)?;
    Ok((file.metadata()?.ino(), file))
}
