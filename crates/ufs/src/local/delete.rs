//! Deleting files and folders. Links are deleted themselves, never what they point to.

use std::fs;

use super::Folder;
use super::status::is_absent;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::path::UfsPath;

impl Folder {
    /// Deletes a file; false when nothing was there.
    pub(super) fn delete_file(&self, path: &UfsPath) -> Result<bool> {
        let here = self.locate(path);
        // Linux answers EISDIR for a folder, but other systems EPERM, and a link to a folder would be deleted.
        if here.is_dir() {
            return Err(self.error(UfsErrorKind::IsDirectory, Operation::Delete, path));
        }
        match fs::remove_file(&here) {
            Ok(()) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(self.io(Operation::Delete, path)(error)),
        }
    }

    /// Deletes a folder; false when nothing was there.
    pub(super) fn delete_directory(&self, path: &UfsPath, recursive: bool) -> Result<bool> {
        let here = self.locate(path);
        let failed = |error| self.io(Operation::Delete, path)(error);
        let metadata = match fs::metadata(&here) {
            Ok(metadata) => metadata,
            Err(error) if is_absent(&error) => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        if !metadata.is_dir() {
            return Err(self.error(UfsErrorKind::NotDirectory, Operation::Delete, path));
        }
        let done = if fs::symlink_metadata(&here).map_err(failed)?.is_symlink() {
            if !recursive && fs::read_dir(&here).map_err(failed)?.next().is_some() {
                return Err(self.error(UfsErrorKind::DirectoryNotEmpty, Operation::Delete, path));
            }
            fs::remove_file(&here)
        } else if recursive {
            // The standard library's walk opens each folder without following links, so a link put there
            // meanwhile does not lead it elsewhere.
            fs::remove_dir_all(&here)
        } else {
            fs::remove_dir(&here)
        };
        match done {
            Ok(()) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }
}
