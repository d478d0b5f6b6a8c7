//! Renaming that never replaces what is there.

use std::fs;
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use super::Folder;
use super::status::is_absent;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::path::UfsPath;

impl Folder {
    /// Renames the file or folder `from`; `to` must not be there.
    pub(super) fn rename(&self, from: &UfsPath, to: &UfsPath, directory: bool) -> Result<()> {
        let operation = Operation::Rename;
        let both = |path: &UfsPath, error: io::Error| {
            let kind = UfsErrorKind::of_io(&error);
            let reason = format!("to {}: {error}", self.shown(to));
            self.error(kind, operation, path).because(reason).caused_by(error)
        };
        let (source, target) = (self.locate(from), self.locate(to));
        let metadata = fs::metadata(&source).map_err(|error| match is_absent(&error) {
            true => self.error(UfsErrorKind::NotFound, operation, from),
            false => both(from, error),
        })?;
        match (metadata.is_dir(), directory) {
            (true, false) => return Err(self.error(UfsErrorKind::IsDirectory, operation, from)),
            (false, true) => return Err(self.error(UfsErrorKind::NotDirectory, operation, from)),
            _ => {}
        }
        rename_without_replacing(&source, &target).map_err(|error| match UfsErrorKind::of_io(&error) {
            UfsErrorKind::AlreadyExists => self.error(UfsErrorKind::AlreadyExists, operation, to),
            UfsErrorKind::NotFound => self
                .error(UfsErrorKind::NotFound, operation, to)
                .because("the directory to put it in is not there"),
            _ => both(from, error),
        })
    }
}

/// Renames `source`, or fails with EEXIST when something has the name `target`.
pub(super) fn rename_without_replacing(source: &Path, target: &Path) -> io::Result<()> {
    match renameat2(AT_FDCWD, source, AT_FDCWD, target, RenameFlags::RENAME_NOREPLACE) {
        // EINVAL is the file system's answer when it lacks the flag (NFS), but also when a folder is moved into
        // itself: the way without the flag tells them apart.
        Err(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP) => rename_with_link(source, target),
        done => done.map_err(io::Error::from),
    }
}

/// The way without RENAME_NOREPLACE: for a file a second link, which fails when the name is taken, and then the
/// first name's removal. A folder cannot have two links: check and rename, where a folder made by others in
/// between is replaced if it is empty.
fn rename_with_link(source: &Path, target: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(source)?.is_dir() {
        match fs::hard_link(source, target) {
            Ok(()) => return fs::remove_file(source),
            Err(error) if lacks_links(&error) => {}
            Err(error) => return Err(error),
        }
    }
    match fs::symlink_metadata(target) {
        Ok(_) => Err(Errno::EEXIST.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::rename(source, target),
        Err(error) => Err(error),
    }
}

/// File systems without hard links (FAT, many FUSE ones) answer one of these to link(2).
fn lacks_links(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EPERM | Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EMLINK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_by_link_also_never_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for rename in [rename_without_replacing, rename_with_link] {
            fs::write(path("a"), "a").unwrap();
            fs::write(path("b"), "b").unwrap();
            let error = rename(&path("a"), &path("b")).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(path("b")).unwrap(), b"b");
            rename(&path("a"), &path("c")).unwrap();
            assert!(!path("a").exists() && path("c").exists());

            fs::create_dir_all(path("d/x")).unwrap();
            fs::create_dir_all(path("e")).unwrap();
            assert_eq!(rename(&path("d"), &path("e")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert!(rename(&path("d"), &path("d/x/y")).is_err());
            rename(&path("d"), &path("f")).unwrap();
            assert!(path("f/x").is_dir());
            fs::remove_dir_all(path("f")).unwrap();
            fs::remove_file(path("c")).unwrap();
        }
    }
}
