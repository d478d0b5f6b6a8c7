//! Making folders, deleting, renaming.

use futures::TryStreamExt;
use opendal::ErrorKind;

use super::LakeUfs;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::path::UfsPath;

/// What is to be deleted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Removed {
    File,
    /// If it is empty.
    Directory,
    /// With all in it.
    Tree,
}

impl LakeUfs {
    /// Makes a folder, with `parents` also those above it; false when it was there.
    pub(super) async fn make_directories(
        &self,
        operation: Operation,
        path: &UfsPath,
        parents: bool,
    ) -> Result<bool> {
        let store = &self.store;
        let mut missing = Vec::new();
        let mut here = Some(path.clone());
        while let Some(folder) = here {
            match self.look(operation, &folder).await? {
                Some(status) if status.is_dir => break,
                Some(_) if folder == *path => {
                    return Err(store.error(UfsErrorKind::AlreadyExists, operation, path));
                }
                Some(_) => self.must_hold(operation, &folder, path).await?,
                None => {}
            }
            here = folder.parent();
            missing.push(folder);
        }
        if let (false, Some(above)) = (parents, missing.get(1)) {
            self.must_hold(operation, above, path).await?;
        }
        for folder in missing.iter().rev() {
            store.mark(operation, folder).await?;
        }
        Ok(!missing.is_empty())
    }

    /// Deletes what is at a path; false when nothing was there.
    pub(super) async fn remove(&self, path: &UfsPath, what: Removed) -> Result<bool> {
        let (store, operation) = (&self.store, Operation::Delete);
        let Some(found) = self.look(operation, path).await? else { return Ok(false) };
        match (found.is_dir, what) {
            (true, Removed::File) => return Err(store.error(UfsErrorKind::IsDirectory, operation, path)),
            (false, Removed::Directory | Removed::Tree) => {
                return Err(store.error(UfsErrorKind::NotDirectory, operation, path));
            }
            (true, Removed::Directory) if self.holds_something(path).await? => {
                return Err(store.error(UfsErrorKind::DirectoryNotEmpty, operation, path));
            }
            _ => {}
        }
        let key = if found.is_dir { store.folder_key(operation, path)? } else { path.as_str().to_owned() };
        store.may_change(operation, path).await?;
        let deleted = match what {
            Removed::Tree => store.objects.delete_with(&key).recursive(true).await,
            Removed::File | Removed::Directory => store.objects.delete(&key).await,
        };
        deleted.map_err(|error| store.failed(operation, path, error))?;
        Ok(true)
    }

    async fn holds_something(&self, folder: &UfsPath) -> Result<bool> {
        let (store, operation) = (&self.store, Operation::Delete);
        let key = store.folder_key(operation, folder)?;
        let failed = |error| store.unlisted(operation, folder, error);
        // The folder itself, and one in it.
        let mut entries = store.objects.lister_with(&key).limit(2).await.map_err(failed)?;
        while let Some(entry) = entries.try_next().await.map_err(failed)? {
            if entry.path() != key {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Renames a file or a folder; `to` must not be there.
    pub(super) async fn rename(&self, from: &UfsPath, to: &UfsPath, directory: bool) -> Result<()> {
        let (store, operation) = (&self.store, Operation::Rename);
        let source = self.look(operation, from).await?;
        let source = source.ok_or_else(|| store.error(UfsErrorKind::NotFound, operation, from))?;
        match (source.is_dir, directory) {
            (true, false) => return Err(store.error(UfsErrorKind::IsDirectory, operation, from)),
            (false, true) => return Err(store.error(UfsErrorKind::NotDirectory, operation, from)),
            _ => {}
        }
        if directory && to != from && to.strip_prefix(from).is_some() {
            return Err(store
                .error(UfsErrorKind::InvalidArgument, operation, from)
                .because(format!("{} lies in it", store.shown(to))));
        }
        if self.look(operation, to).await?.is_some() {
            return Err(store.error(UfsErrorKind::AlreadyExists, operation, to));
        }
        self.move_to(operation, from, to).await
    }

    /// The rename itself, which replaces a file at `to`.
    pub(super) async fn move_to(&self, operation: Operation, from: &UfsPath, to: &UfsPath) -> Result<()> {
        let store = &self.store;
        // The library would make the folder.
        if let Some(parent) = to.parent() {
            self.must_hold(operation, &parent, to).await?;
        }
        let (source, target) = (store.key(operation, from)?, store.key(operation, to)?);
        store.may_change(operation, from).await?;
        match store.objects.rename(source, target).await {
            Ok(()) => Ok(()),
            // A request whose answer was lost is sent again, and then finds nothing to rename.
            Err(error) if error.kind() == ErrorKind::NotFound => match self.look(operation, to).await? {
                Some(_) if self.look(operation, from).await?.is_none() => Ok(()),
                _ => Err(store.failed(operation, from, error)),
            },
            Err(error) => Err(store.failed(operation, from, error)),
        }
    }
}
