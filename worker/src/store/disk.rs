//! The file work of the store. Blocking: called on the blocking pool only.

use super::error::StoreError;
use nix::errno::Errno;
use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// Makes a folder and its parents, with this mode on the last one whatever the umask says: clients of
/// other users come in by short circuit.
pub fn make_folder(path: &Path, mode: u32) -> Result<(), StoreError> {
    let created = !path.exists();
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(StoreError::io("create the storage folder", path))?;
    if created {
        fs::set_permissions(path, Permissions::from_mode(mode))
            .map_err(StoreError::io("set the mode of the storage folder", path))?;
    }
    Ok(())
}

/// Shows that the folder can be written. A full disk is no failure of the folder: what it holds is well. Nor is
/// what this process or the machine ran out of.
pub fn probe(root: &Path) -> Result<(), StoreError> {
    let path = root.join(".probe");
    let result = File::create(&path).and_then(|mut file| file.write_all(b"alluxio"));
    let removed = remove(&path);
    result
        .or_else(|error| if is_full(&error) || is_shortage(&error) { Ok(()) } else { Err(error) })
        .map_err(StoreError::io("write to the storage folder", root))?;
    removed
}

/// The file system has no room, whatever the quota says.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Open files or memory ran out: that says nothing about the folder, and passes.
fn is_shortage(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::EINTR | Errno::EAGAIN))
}

/// Makes the file of a block under write, and its subfolder when that is missing.
pub fn create_temp(path: &Path, folder_mode: u32) -> Result<File, StoreError> {
    let mode = folder_mode & 0o666;
    let create =
        || OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(mode).open(path);
    let file = match create() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                make_folder(parent, folder_mode)?;
            }
            create()
        }
        other => other,
    };
    let file = file.map_err(StoreError::io("create the block file", path))?;
    // The umask took bits that short-circuit clients of other users need.
    file.set_permissions(Permissions::from_mode(mode))
        .map_err(StoreError::io("set the mode of the block file", path))?;
    Ok(file)
}

/// When a file's data has to be on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Data and name, before it counts.
    Now,
    /// Some time; the file is marked until then (see [`super::unsynced`]).
    Later,
    /// It is where it was, or the medium keeps nothing anyway.
    Unchanged,
}

/// Gives a finished file its final name.
pub fn publish(temp: &Path, to: &Path, durability: Durability) -> Result<(), StoreError> {
    match durability {
        Durability::Now => File::open(temp)
            .and_then(|file| file.sync_data())
            .map_err(StoreError::io("sync the block file", temp))?,
        Durability::Later => super::unsynced::mark(temp)?,
        Durability::Unchanged => {}
    }
    fs::rename(temp, to).map_err(StoreError::io("rename the block file to", to))?;
    match to.parent() {
        Some(parent) if durability == Durability::Now => sync_folder(parent),
        _ => Ok(()),
    }
}

fn sync_folder(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(StoreError::io("sync the storage folder", path))
}

/// Copies a block to another folder under its temporary name, then gives it its final one.
pub fn copy(
    from: &Path,
    temp: &Path,
    to: &Path,
    folder_mode: u32,
    durability: Durability,
) -> Result<(), StoreError> {
    let mut source = File::open(from).map_err(StoreError::io("open the block file", from))?;
    let mut target = create_temp(temp, folder_mode)?;
    io::copy(&mut source, &mut target).map_err(StoreError::io("copy the block file to", temp))?;
    drop(target);
    publish(temp, to, durability)
}

/// Deletes a file; one that is gone already is as good.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(StoreError::io("delete the block file", path)(error))
        }
        _ => Ok(()),
    }
}

/// Length of a file; `None` when it is gone.
pub fn length(path: &Path) -> Result<Option<u64>, StoreError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("look at the block file", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_out_of_files_is_no_failed_folder() {
        let error = |errno: Errno| io::Error::from_raw_os_error(errno as i32);
        assert!(is_shortage(&error(Errno::EMFILE)) && is_shortage(&error(Errno::ENFILE)));
        for failure in [Errno::EIO, Errno::EROFS, Errno::ENOENT, Errno::EACCES] {
            assert!(!is_shortage(&error(failure)), "{failure}");
        }
    }
}
