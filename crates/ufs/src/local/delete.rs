//! Deleting files and folders. Links are deleted themselves, never what they point to.

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::Folder;
use super::status::is_absent;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::path::UfsPath;
use crate::under_fs::GoOn;

/// Opened so, a link put in the place of a folder meanwhile does not lead the walk elsewhere.
const FOLDER: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Names of a folder that are in memory at a time.
const ENTRIES: usize = 1_000;

/// Why a walk ends before its end.
enum Cut {
    /// It may not go on.
    Stopped,
    Failed(io::Error),
}

impl From<Errno> for Cut {
    fn from(errno: Errno) -> Self {
        Self::Failed(errno.into())
    }
}

impl Folder {
    /// Deletes a file; false when nothing was there.
    pub(super) fn delete_file(&self, path: &UfsPath) -> Result<bool> {
        let here = self.locate(path);
        // Linux answers EISDIR for a folder, but other systems EPERM, and a link to a folder would be deleted.
        if here.is_dir() {
            return Err(self.error(UfsErrorKind::IsDirectory, Operation::Delete, path));
        }
        self.deleted(path, fs::remove_file(&here))
    }

    /// Deletes an empty folder; false when nothing was there.
    pub(super) fn delete_directory(&self, path: &UfsPath) -> Result<bool> {
        let Some(is_link) = self.directory(path)? else { return Ok(false) };
        let here = self.locate(path);
        if !is_link {
            return self.deleted(path, fs::remove_dir(&here));
        }
        let failed = |error| self.io(Operation::Delete, path)(error);
        if fs::read_dir(&here).map_err(failed)?.next().is_some() {
            return Err(self.error(UfsErrorKind::DirectoryNotEmpty, Operation::Delete, path));
        }
        self.deleted(path, fs::remove_file(&here))
    }

    /// Deletes a folder with all in it, as long as it may; false when nothing was there.
    pub(super) fn delete_tree(&self, path: &UfsPath, go_on: &GoOn) -> Result<bool> {
        let Some(is_link) = self.directory(path)? else { return Ok(false) };
        let name = CString::new(self.locate(path).as_os_str().as_bytes())
            .map_err(|error| self.io(Operation::Delete, path)(error.into()))?;
        let walked = if is_link {
            remove(None, &name, UnlinkatFlags::NoRemoveDir, go_on)
        } else {
            remove_tree(None, &name, go_on)
        };
        match walked {
            Ok(()) => Ok(true),
            Err(Cut::Failed(error)) => self.deleted(path, Err(error)),
            Err(Cut::Stopped) => Err(self
                .stopped(Operation::Delete, path)
                .because("it was stopped on the way; some of it is still there")),
        }
    }

    /// Whether the folder at `path` is a link to one; `None` when nothing is there.
    fn directory(&self, path: &UfsPath) -> Result<Option<bool>> {
        let here = self.locate(path);
        let failed = |error| self.io(Operation::Delete, path)(error);
        match fs::metadata(&here) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(self.error(UfsErrorKind::NotDirectory, Operation::Delete, path)),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        }
        Ok(Some(fs::symlink_metadata(&here).map_err(failed)?.is_symlink()))
    }

    fn deleted(&self, path: &UfsPath, done: io::Result<()>) -> Result<bool> {
        match done {
            Ok(()) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(self.io(Operation::Delete, path)(error)),
        }
    }
}

/// Removes the folder `name` in `parent`, or at that path without one.
fn remove_tree(parent: Option<&Dir>, name: &CStr, go_on: &GoOn) -> std::result::Result<(), Cut> {
    let mut folder = match parent {
        Some(parent) => Dir::openat(parent, name, FOLDER, Mode::empty())?,
        None => Dir::open(name, FOLDER, Mode::empty())?,
    };
    loop {
        let entries = some_entries(&mut folder)?;
        // What is added meanwhile makes the folder's own removal fail; nobody is run after.
        let whole = entries.len() < ENTRIES;
        let mut removed = 0;
        for (entry, kind) in entries {
            let walked = match kind {
                Some(Type::Directory) => remove_tree(Some(&folder), &entry, go_on),
                // Some file systems do not tell the kind.
                None => match remove_tree(Some(&folder), &entry, go_on) {
                    Err(Cut::Failed(error)) if is_no_folder(&error) => {
                        remove(Some(&folder), &entry, UnlinkatFlags::NoRemoveDir, go_on)
                    }
                    walked => walked,
                },
                Some(_) => remove(Some(&folder), &entry, UnlinkatFlags::NoRemoveDir, go_on),
            };
            match walked {
                Err(Cut::Failed(error)) if is_absent(&error) => {}
                walked => {
                    walked?;
                    removed += 1;
                }
            }
        }
        // A file server may list names that are gone.
        if whole || removed == 0 {
            break;
        }
    }
    remove(parent, name, UnlinkatFlags::RemoveDir, go_on)
}

/// The first entries of a folder. What was removed is not among them the next time.
fn some_entries(folder: &mut Dir) -> nix::Result<Vec<(CString, Option<Type>)>> {
    let mut entries = Vec::new();
    for entry in folder.iter() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            entries.push((entry.file_name().to_owned(), entry.file_type()));
        }
        if entries.len() == ENTRIES {
            break;
        }
    }
    Ok(entries)
}

fn is_no_folder(error: &io::Error) -> bool {
    matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::ENOTDIR | Errno::ELOOP))
}

fn remove(
    parent: Option<&Dir>,
    name: &CStr,
    kind: UnlinkatFlags,
    go_on: &GoOn,
) -> std::result::Result<(), Cut> {
    if !go_on() {
        return Err(Cut::Stopped);
    }
    match parent {
        Some(parent) => unlinkat(parent, name, kind)?,
        None => unlinkat(AT_FDCWD, name, kind)?,
    }
    Ok(())
}
