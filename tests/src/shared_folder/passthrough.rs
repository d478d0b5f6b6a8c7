//! The file system of one mount: each call goes to the folder behind it, once its gate lets it.

use std::{
    ffi::OsStr,
    fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::fs::{DirEntryExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use fuser::{
    BsdFileFlags, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    KernelConfig, LockOwner, Notifier, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow,
    WriteFlags,
};
use nix::{
    fcntl::{AT_FDCWD, AtFlags, RenameFlags as Flags, renameat2},
    libc::{F_UNLCK, O_ACCMODE, O_TRUNC},
    sys::statvfs::statvfs,
    unistd::linkat,
};

use super::{
    gate::{Call, Gate},
    handles::{Entry, Handles},
};

pub(super) struct Passthrough {
    handles: Handles,
    remembered: Duration,
    gate: Arc<Gate>,
    notifier: Arc<OnceLock<Notifier>>,
}

impl Passthrough {
    pub fn new(server: &Path, remembered: Duration, gate: Arc<Gate>) -> io::Result<Passthrough> {
        Ok(Passthrough { handles: Handles::new(server)?, remembered, gate, notifier: Arc::default() })
    }

    /// Where the kernel's ear goes once it is mounted.
    pub fn notifier(&self) -> Arc<OnceLock<Notifier>> {
        Arc::clone(&self.notifier)
    }

    fn pass(&self, call: Call) -> io::Result<()> {
        self.gate.pass(call).map_err(io::Error::from)
    }

    fn attributes(&self, metadata: &Metadata) -> FileAttr {
        let time = |time: io::Result<SystemTime>| time.unwrap_or(SystemTime::UNIX_EPOCH);
        FileAttr {
            ino: self.handles.number(metadata),
            size: metadata.size(),
            blocks: metadata.blocks(),
            atime: time(metadata.accessed()),
            mtime: time(metadata.modified()),
            ctime: time(metadata.modified()),
            crtime: SystemTime::UNIX_EPOCH,
            kind: kind(metadata.file_type()),
            perm: (metadata.mode() & 0o7777) as u16,
            nlink: metadata.nlink() as u32,
            uid: metadata.uid(),
            gid: metadata.gid(),
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }

    /// A name becomes known to the kernel.
    fn entry(&self, path: &Path) -> io::Result<FileAttr> {
        Ok(self.attributes(&self.handles.know(path)?))
    }

    fn reply_entry(&self, attributes: io::Result<FileAttr>, reply: ReplyEntry) {
        match attributes {
            Ok(attributes) => reply.entry(&self.remembered, &attributes, Generation(0)),
            Err(error) => reply.error(error.into()),
        }
    }
}

fn kind(kind: fs::FileType) -> FileType {
    if kind.is_dir() {
        FileType::Directory
    } else if kind.is_symlink() {
        FileType::Symlink
    } else {
        FileType::RegularFile
    }
}

fn reply_empty(done: io::Result<()>, reply: ReplyEmpty) {
    match done {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error.into()),
    }
}

/// As the caller opened it, but for what the kernel has done already.
fn options(flags: i32) -> OpenOptions {
    use fuser::OpenAccMode as Mode;
    let mode = OpenFlags(flags).acc_mode();
    let mut options = OpenOptions::new();
    options.read(mode != Mode::O_WRONLY).write(mode != Mode::O_RDONLY);
    options.custom_flags(
        flags & !(O_ACCMODE | O_TRUNC | nix::libc::O_CREAT | nix::libc::O_EXCL | nix::libc::O_APPEND),
    );
    options
}

impl Filesystem for Passthrough {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // Locks are the server's, not each mount's own.
        let locks = InitFlags::FUSE_FLOCK_LOCKS;
        config.add_capabilities(locks).map_err(|_| io::Error::other("this kernel passes no locks on"))
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.pass(Call::Look).and_then(|()| self.entry(&self.handles.path(parent)?.join(name)));
        match found {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Inode 0: that it is not there is remembered, too.
                let nothing = FileAttr { ino: INodeNo(0), ..NOTHING };
                reply.entry(&self.remembered, &nothing, Generation(0));
            }
            found => self.reply_entry(found, reply),
        }
    }

    fn forget(&self, _: &Request, inode: INodeNo, times: u64) {
        self.handles.forget(inode, times);
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let found = self.pass(Call::Look).and_then(|()| self.handles.path(inode)?.metadata());
        match found {
            Ok(metadata) => reply.attr(&self.remembered, &self.attributes(&metadata)),
            Err(error) => reply.error(error.into()),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = || {
            self.pass(Call::Write)?;
            let path = self.handles.path(inode)?;
            if let Some(mode) = mode {
                fs::set_permissions(&*path, Permissions::from_mode(mode))?;
            }
            if let Some(size) = size {
                OpenOptions::new().write(true).open(&*path)?.set_len(size)?;
            }
            path.metadata()
        };
        match set() {
            Ok(metadata) => reply.attr(&self.remembered, &self.attributes(&metadata)),
            Err(error) => reply.error(error.into()),
        }
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        let make = || {
            self.pass(Call::Create)?;
            let path = self.handles.path(parent)?.join(name);
            fs::create_dir(&path)?;
            self.entry(&path)
        };
        self.reply_entry(make(), reply);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed =
            self.pass(Call::Remove).and_then(|()| fs::remove_file(self.handles.path(parent)?.join(name)));
        reply_empty(removed, reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed =
            self.pass(Call::Remove).and_then(|()| fs::remove_dir(self.handles.path(parent)?.join(name)));
        reply_empty(removed, reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        to: INodeNo,
        new: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let rename = || {
            self.pass(Call::Rename)?;
            let (from, to) = (self.handles.path(parent)?.join(name), self.handles.path(to)?.join(new));
            let flags = Flags::from_bits_truncate(flags.bits());
            Ok(renameat2(AT_FDCWD, &from, AT_FDCWD, &to, flags)?)
        };
        reply_empty(rename(), reply);
    }

    fn link(&self, _: &Request, inode: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let link = || {
            self.pass(Call::Link)?;
            let (from, to) = (self.handles.path(inode)?, self.handles.path(parent)?.join(name));
            linkat(AT_FDCWD, &*from, AT_FDCWD, &to, AtFlags::AT_SYMLINK_FOLLOW)?;
            self.entry(&to)
        };
        self.reply_entry(link(), reply);
    }

    fn open(&self, _: &Request, inode: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let open = || {
            self.pass(Call::Open)?;
            let file = options(flags.0).open(&*self.handles.path(inode)?)?;
            // Close-to-open: the attributes, and with them how long the file is, are asked for anew. (What was read
            // of it before, the kernel forgets by itself.)
            if let Some(Err(error)) = self.notifier.get().map(|kernel| kernel.inval_inode(inode, -1, 0)) {
                return Err(error);
            }
            Ok(file)
        };
        match open() {
            Ok(file) => reply.opened(self.handles.opened(file), FopenFlags::empty()),
            Err(error) => reply.error(error.into()),
        }
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let create = || {
            self.pass(Call::Create)?;
            let path = self.handles.path(parent)?.join(name);
            let mut options = options(flags);
            options.write(true).mode(mode);
            // What is there by now, though this mount remembers that nothing is.
            let exclusive = flags & nix::libc::O_EXCL != 0;
            let file = if exclusive { options.create_new(true) } else { options.create(true) }.open(&path)?;
            Ok((self.entry(&path)?, file))
        };
        match create() {
            Ok((attributes, file)) => {
                let handle = self.handles.opened(file);
                reply.created(&self.remembered, &attributes, Generation(0), handle, FopenFlags::empty());
            }
            Err(error) => reply.error(io::Error::into(error)),
        }
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let read = || {
            self.pass(Call::Read)?;
            let file = self.handles.file(handle)?;
            let mut data = vec![0; size as usize];
            let mut filled = 0;
            while filled < data.len() {
                match file.read_at(&mut data[filled..], offset + filled as u64)? {
                    0 => break,
                    count => filled += count,
                }
            }
            data.truncate(filled);
            Ok(data)
        };
        match read() {
            Ok(data) => reply.data(&data),
            Err(error) => reply.error(io::Error::into(error)),
        }
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written =
            self.pass(Call::Write).and_then(|()| self.handles.file(handle)?.write_all_at(data, offset));
        match written {
            Ok(()) => reply.written(data.len() as u32),
            Err(error) => reply.error(error.into()),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        // While it is cut off, the server does not hear of it and keeps the file's lock. It cannot fail.
        let _ = self.pass(Call::Lock);
        self.handles.closed(handle);
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, handle: FileHandle, _: bool, reply: ReplyEmpty) {
        reply_empty(self.pass(Call::Sync).and_then(|()| self.handles.file(handle)?.sync_all()), reply);
    }

    fn fsyncdir(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let synced = self.pass(Call::Sync).and_then(|()| File::open(&*self.handles.path(inode)?)?.sync_all());
        reply_empty(synced, reply);
    }

    fn opendir(&self, _: &Request, inode: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let list = || {
            self.pass(Call::List)?;
            let entries = fs::read_dir(&*self.handles.path(inode)?)?.map(|entry| {
                let entry = entry?;
                Ok((INodeNo(entry.ino()), kind(entry.file_type()?), entry.file_name()))
            });
            entries.collect::<io::Result<Vec<Entry>>>()
        };
        match list() {
            Ok(entries) => reply.opened(self.handles.listed(entries), FopenFlags::empty()),
            Err(error) => reply.error(error.into()),
        }
    }

    fn readdir(&self, _: &Request, _: INodeNo, handle: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let entries = self.handles.list(handle);
        for (number, (inode, kind, name)) in (1..).zip(entries.iter()).skip(offset as usize) {
            if reply.add(*inode, number, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, handle: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        self.handles.closed(handle);
        reply.ok();
    }

    fn statfs(&self, _: &Request, inode: INodeNo, reply: ReplyStatfs) {
        let asked = self.pass(Call::Look).and_then(|()| Ok(statvfs(&*self.handles.path(inode)?)?));
        match asked {
            Ok(disk) => reply.statfs(
                disk.blocks(),
                disk.blocks_free(),
                disk.blocks_available(),
                disk.files(),
                disk.files_free(),
                disk.block_size() as u32,
                disk.name_max() as u32,
                disk.fragment_size() as u32,
            ),
            Err(error) => reply.error(error.into()),
        }
    }

    fn setlk(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: LockOwner,
        _: u64,
        _: u64,
        kind: i32,
        _: u32,
        sleep: bool,
        reply: ReplyEmpty,
    ) {
        let lock = || {
            self.pass(Call::Lock)?;
            let file = self.handles.file(handle)?;
            if kind == F_UNLCK {
                return file.unlock();
            }
            let shared = kind == nix::libc::F_RDLCK;
            match (sleep, shared) {
                (true, true) => file.lock_shared(),
                (true, false) => file.lock(),
                (false, true) => file.try_lock_shared().map_err(would_block),
                (false, false) => file.try_lock().map_err(would_block),
            }
        };
        reply_empty(lock(), reply);
    }
}

fn would_block(error: TryLockError) -> io::Error {
    match error {
        TryLockError::WouldBlock => nix::errno::Errno::EAGAIN.into(),
        TryLockError::Error(error) => error,
    }
}

const NOTHING: FileAttr = FileAttr {
    ino: INodeNo(0),
    size: 0,
    blocks: 0,
    atime: SystemTime::UNIX_EPOCH,
    mtime: SystemTime::UNIX_EPOCH,
    ctime: SystemTime::UNIX_EPOCH,
    crtime: SystemTime::UNIX_EPOCH,
    kind: FileType::RegularFile,
    perm: 0,
    nlink: 0,
    uid: 0,
    gid: 0,
    rdev: 0,
    blksize: 4096,
    flags: 0,
};
