//! Folders: making, listing and syncing them, and telling what lies in one.

use std::fs;
use std::io;
use std::path::Path;

use super::names::Names;
use crate::position::FileId;
use crate::store::{FolderState, JAVA_FOLDERS, Listed};

pub(super) fn state(names: &Names) -> io::Result<FolderState> {
    // Java first: a folder with both must not be used by either.
    for folder in JAVA_FOLDERS {
        if names.root().join(folder).try_exists()? {
            return Ok(FolderState::Java(folder.to_owned()));
        }
    }
    let formatted = names.path(FileId::Marker).try_exists()?;
    Ok(if formatted { FolderState::Formatted } else { FolderState::NotFormatted })
}

pub(super) fn prepare(names: &Names) -> io::Result<()> {
    for folder in [names.root().to_owned(), names.terms(), names.fence(), names.checkpoints()] {
        fs::create_dir_all(&folder)?;
        sync_parent(&folder)?;
    }
    Ok(())
}

/// Makes the names in a folder survive a crash.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Makes the name of `path` survive a crash.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync(Path::new(".")),
        Some(parent) => sync(parent),
        None => Ok(()),
    }
}

/// Removes a file; one that is not there is no error.
pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

pub(super) fn list(names: &Names) -> io::Result<Vec<Listed>> {
    let mut files = Vec::new();
    for term in terms(names)? {
        list_into(&names.term(term), &mut files, |name| FileId::parse(&format!("terms/{term}/{name}")))?;
    }
    list_into(&names.checkpoints(), &mut files, |name| FileId::parse(&format!("checkpoints/{name}")))?;
    Ok(files)
}

fn list_into(
    folder: &Path,
    files: &mut Vec<Listed>,
    parse: impl Fn(&str) -> Option<FileId>,
) -> io::Result<()> {
    for entry in entries(folder)? {
        let entry = entry?;
        let Some(file) = entry.file_name().to_str().and_then(&parse) else { continue };
        match entry.metadata() {
            Ok(metadata) => files.push(Listed { file, length: metadata.len() }),
            // Removed since it was listed.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

pub(super) fn terms(names: &Names) -> io::Result<Vec<u64>> {
    let mut terms = Vec::new();
    for entry in entries(&names.terms())? {
        terms.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    Ok(terms)
}

/// The entries of a folder; a folder that is not there has none.
fn entries(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<fs::DirEntry>>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(Some(entries).into_iter().flatten()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None.into_iter().flatten()),
        Err(e) => Err(e),
    }
}
