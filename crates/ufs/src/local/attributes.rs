//! Folders with the wanted attributes; owners, groups and modes.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid};

use super::Folder;
use super::names::{gid_of, uid_of};
use crate::error::{Operation, Result, UfsError, UfsErrorKind};
use crate::options::{Attributes, MkdirsOptions};
use crate::path::UfsPath;

impl Folder {
    /// Makes a folder; false when it was there.
    pub(super) fn mkdirs(
        &self,
        operation: Operation,
        path: &UfsPath,
        options: &MkdirsOptions,
    ) -> Result<bool> {
        let MkdirsOptions { attributes, parents, durable } = options;
        let wanted = self.locate(path);
        let mut missing: Vec<&Path> = Vec::new();
        for here in wanted.ancestors() {
            match fs::metadata(here) {
                Ok(metadata) if metadata.is_dir() => break,
                Ok(_) if here == wanted => {
                    return Err(self.error(UfsErrorKind::AlreadyExists, operation, path));
                }
                Ok(_) => return Err(below_file(operation, &wanted, here)),
                Err(error) if UfsErrorKind::of_io(&error) == UfsErrorKind::NotFound => missing.push(here),
                // ENOTDIR: a file stands further up; the loop comes to it and names it.
                Err(error) if UfsErrorKind::of_io(&error) == UfsErrorKind::NotDirectory => {}
                Err(error) => return Err(self.io(operation, path)(error)),
            }
        }
        if missing.len() > 1 && parents.is_none() {
            let reason = format!("the directory {} is not there", missing[1].display());
            return Err(self.error(UfsErrorKind::NotFound, operation, path).because(reason));
        }
        let mut made = false;
        for here in missing.into_iter().rev() {
            let above = parents.as_ref().unwrap_or(attributes);
            made = self.make_one(operation, here, if here == wanted { attributes } else { above })?;
            if let Some(parent) = here.parent().filter(|_| made && *durable) {
                sync_names(parent).map_err(self.io(operation, path))?;
            }
        }
        Ok(made)
    }

    /// Makes one folder; false when somebody else just did.
    fn make_one(&self, operation: Operation, here: &Path, attributes: &Attributes) -> Result<bool> {
        let failed = |error| UfsError::io(operation, here.display().to_string(), error);
        let mode = attributes.mode.unwrap_or(0o777);
        match DirBuilder::new().mode(u32::from(mode)).create(here) {
            Ok(()) => {}
            Err(error) if UfsErrorKind::of_io(&error) == UfsErrorKind::AlreadyExists && here.is_dir() => {
                return Ok(false);
            }
            Err(error) => return Err(failed(error)),
        }
        self.give_away(here, attributes);
        if let Some(mode) = attributes.mode {
            // Again, because mkdir(2) took the process's umask off.
            fs::set_permissions(here, Permissions::from_mode(u32::from(mode))).map_err(failed)?;
        }
        Ok(true)
    }

    /// Sets owner and group of something just made, as far as that is possible. What was not possible is no error
    /// (the status tells the real owner): a process without root's rights can hardly ever give files away.
    pub(super) fn give_away(&self, here: &Path, attributes: &Attributes) {
        let Attributes { owner, group, mode: _ } = attributes;
        if owner.is_none() && group.is_none() {
            return;
        }
        let number = |found: nix::Result<Option<u32>>, name: &Option<String>| {
            found.unwrap_or_else(|errno| {
                tracing::debug!(name, error = %errno, "account database did not answer; owner not set");
                None
            })
        };
        let uid = owner.as_ref().and_then(|name| number(uid_of(name).map(|id| id.map(Uid::as_raw)), owner));
        let gid = group.as_ref().and_then(|name| number(gid_of(name).map(|id| id.map(Gid::as_raw)), group));
        // One by one: a process may well give the file to one of its own groups, but not to another user.
        for (uid, gid) in [(uid, None), (None, gid)] {
            if (uid, gid) != (None, None)
                && let Err(error) = std::os::unix::fs::lchown(here, uid, gid)
            {
                tracing::debug!(path = %here.display(), ?owner, ?group, %error, "owner not set");
            }
        }
    }

    /// Sets owner and group, links followed; false when the process has not the right.
    pub(super) fn set_owner(&self, path: &UfsPath, owner: Option<&str>, group: Option<&str>) -> Result<bool> {
        let operation = Operation::SetOwner;
        let known = |found: nix::Result<Option<u32>>, what: &str, name: &str| match found {
            Ok(Some(number)) => Ok(number),
            Ok(None) => Err(self
                .error(UfsErrorKind::InvalidArgument, operation, path)
                .because(format!("the {what} '{name}' is not known on this machine"))),
            Err(errno) => Err(self
                .error(UfsErrorKind::Unavailable, operation, path)
                .because(format!("the account database did not answer for the {what} '{name}'"))
                .caused_by(errno)),
        };
        let uid =
            owner.map(|name| known(uid_of(name).map(|id| id.map(Uid::as_raw)), "user", name)).transpose()?;
        let gid =
            group.map(|name| known(gid_of(name).map(|id| id.map(Gid::as_raw)), "group", name)).transpose()?;
        let here = self.locate(path);
        match std::os::unix::fs::chown(&here, uid, gid) {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == Some(Errno::EPERM as i32) => {
                // Nothing to change is as good as changed.
                let now = fs::metadata(&here).map_err(self.io(operation, path))?;
                Ok(uid.is_none_or(|uid| uid == now.uid()) && gid.is_none_or(|gid| gid == now.gid()))
            }
            Err(error) => Err(self.io(operation, path)(error)),
        }
    }

    /// Sets the permission bits, links followed.
    pub(super) fn set_mode(&self, path: &UfsPath, mode: u16) -> Result<()> {
        if mode > 0o777 {
            return Err(self
                .error(UfsErrorKind::InvalidArgument, Operation::SetMode, path)
                .because(format!("{mode:o} is not a mode between 0 and 777")));
        }
        fs::set_permissions(self.locate(path), Permissions::from_mode(u32::from(mode)))
            .map_err(self.io(Operation::SetMode, path))
    }
}

/// Makes the names in `folder` durable, as far as its file system can.
pub(super) fn sync_names(folder: &Path) -> io::Result<()> {
    let done = File::open(folder).and_then(|folder| folder.sync_all());
    match done.as_ref().err().and_then(io::Error::raw_os_error).map(Errno::from_raw) {
        // Some file systems (FUSE, CIFS) know no fsync of a folder, and a folder that may be written but not read
        // cannot be opened: nothing more can be done than what was.
        Some(Errno::EINVAL | Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EACCES) => Ok(()),
        _ => done,
    }
}

fn below_file(operation: Operation, wanted: &Path, file: &Path) -> UfsError {
    UfsError::new(UfsErrorKind::NotDirectory, operation, wanted.display().to_string())
        .because(format!("{} is not a directory", file.display()))
}
