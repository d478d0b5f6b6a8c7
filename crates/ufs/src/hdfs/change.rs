//! Making folders, deleting, renaming.

use super::{HdfsUfs, Inner};
use crate::error::{Operation, Result, UfsError, UfsErrorKind};
use crate::options::MkdirsOptions;
use crate::path::UfsPath;

/// `/a/b` of `/a/b/c`; none above the root.
fn parent(location: &str) -> Option<&str> {
    let (parent, name) = location.rsplit_once('/')?;
    match (parent, name) {
        ("", "") => None,
        ("", _) => Some("/"),
        _ => Some(parent),
    }
}

/// What is to be deleted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Removed {
    File,
    /// If it is empty.
    Directory,
    /// With all in it.
    Tree,
}

impl HdfsUfs {
    /// Makes a folder; false when it was there. Folder by folder, since each has a mode of its own.
    pub(super) async fn make_directories(
        &self,
        operation: Operation,
        path: &UfsPath,
        options: &MkdirsOptions,
    ) -> Result<bool> {
        let inner = &self.inner;
        let wanted = inner.locate(path);
        let mut missing = Vec::new();
        let mut here = Some(wanted.as_str());
        while let Some(location) = here {
            match inner.hdfs.status(location).await {
                Ok(Some(entry)) if entry.is_folder => break,
                Ok(Some(_)) if location == wanted => {
                    return Err(inner.error(UfsErrorKind::AlreadyExists, operation, path));
                }
                Ok(Some(_)) => return Err(inner.below_file(operation, path, location)),
                Ok(None) => missing.push(location),
                // A file stands further up; the loop comes to it and names it.
                Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => missing.push(location),
                Err(error) => return Err(inner.failed(operation, path)(error)),
            }
            here = parent(location);
        }
        let above = match (&options.parents, missing.get(1)) {
            (None, Some(folder)) => {
                let reason = format!("the directory {} is not there", inner.hdfs.address(folder));
                return Err(inner.error(UfsErrorKind::NotFound, operation, path).because(reason));
            }
            (parents, _) => parents.as_ref().unwrap_or(&options.attributes),
        };
        for location in missing.iter().rev() {
            let attributes = if *location == wanted { &options.attributes } else { above };
            self.may_change(operation, path).await?;
            let made = async {
                inner.hdfs.make_folder(location, inner.mode_of(attributes, 0o777)).await?;
                match inner.hdfs.status(location).await? {
                    Some(made) => inner.settle(location, attributes, &made).await.map(drop),
                    // Somebody took it away again; the next step tells.
                    None => Ok(()),
                }
            };
            made.await.map_err(inner.failed(operation, path))?;
        }
        Ok(!missing.is_empty())
    }

    /// Deletes what is at a path, in one step of HDFS; false when nothing was there.
    pub(super) async fn remove(&self, path: &UfsPath, what: Removed) -> Result<bool> {
        let (inner, operation) = (&self.inner, Operation::Delete);
        let Some(found) = inner.look(operation, path).await? else { return Ok(false) };
        match (found.is_folder, what) {
            (true, Removed::File) => return Err(inner.error(UfsErrorKind::IsDirectory, operation, path)),
            (false, Removed::Directory | Removed::Tree) => {
                return Err(inner.error(UfsErrorKind::NotDirectory, operation, path));
            }
            _ => {}
        }
        self.may_change(operation, path).await?;
        let location = inner.locate(path);
        let removed = match what {
            Removed::File | Removed::Directory => inner.hdfs.remove_one(&location).await,
            Removed::Tree => inner.hdfs.remove(&location).await,
        };
        removed.map_err(inner.failed(operation, path))
    }

    /// Renames a file or a folder; `to` must not be there.
    pub(super) async fn rename(&self, from: &UfsPath, to: &UfsPath, directory: bool) -> Result<()> {
        let (inner, operation) = (&self.inner, Operation::Rename);
        let source = inner.look(operation, from).await?;
        let source = source.ok_or_else(|| inner.error(UfsErrorKind::NotFound, operation, from))?;
        match (source.is_folder, directory) {
            (true, false) => return Err(inner.error(UfsErrorKind::IsDirectory, operation, from)),
            (false, true) => return Err(inner.error(UfsErrorKind::NotDirectory, operation, from)),
            _ => {}
        }
        if directory && to != from && to.strip_prefix(from).is_some() {
            return Err(inner
                .error(UfsErrorKind::InvalidArgument, operation, from)
                .because(format!("{} lies in it", inner.shown(to))));
        }
        self.may_change(operation, from).await?;
        let renamed = inner.hdfs.rename(&inner.locate(from), &inner.locate(to), false).await;
        let Err(error) = renamed.map_err(inner.failed(operation, to)) else { return Ok(()) };
        Err(match error.kind() {
            UfsErrorKind::NotFound => error.because("the directory to put it in is not there"),
            // That a file and a folder meet is told in other words than that two files do.
            UfsErrorKind::Io if inner.look(operation, to).await?.is_some() => {
                inner.error(UfsErrorKind::AlreadyExists, operation, to)
            }
            _ => error,
        })
    }
}

impl Inner {
    fn below_file(&self, operation: Operation, path: &UfsPath, file: &str) -> UfsError {
        let reason = format!("{} is not a directory", self.hdfs.address(file));
        self.error(UfsErrorKind::NotDirectory, operation, path).because(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::parent;

    #[test]
    fn parents_end_at_the_root() {
        assert_eq!((parent("/a/b"), parent("/a"), parent("/")), (Some("/a"), Some("/"), None));
    }
}
