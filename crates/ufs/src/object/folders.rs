//! Folders and their markers: empty objects whose keys end with `/`.

use super::store::Store;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::options::MkdirsOptions;
use crate::path::UfsPath;
use crate::temporary::is_temporary_name;

impl Store {
    pub(super) async fn mkdirs(&self, path: &UfsPath, options: &MkdirsOptions) -> Result<bool> {
        let operation = Operation::Mkdirs;
        if self.object(operation, path).await?.is_some() {
            return Err(self.error(UfsErrorKind::AlreadyExists, operation, path));
        }
        if self.is_folder(operation, path).await? {
            return Ok(false);
        }
        if let (false, Some(_), Some(parent)) = (self.rules.skip_parents, &options.parents, path.parent()) {
            self.mark_all(operation, &parent).await?;
        }
        self.mark(operation, path).await?;
        Ok(true)
    }

    /// Writes the folder's marker.
    pub(super) async fn mark(&self, operation: Operation, folder: &UfsPath) -> Result<()> {
        let key = self.folder_key(operation, folder)?;
        self.may_change(operation, folder).await?;
        self.objects.create_dir(&key).await.map_err(|error| self.failed(operation, folder, error))
    }

    /// Writes the markers of a folder and of those above it, as far as no folder is there.
    pub(super) async fn mark_all(&self, operation: Operation, folder: &UfsPath) -> Result<()> {
        let mut missing = Vec::new();
        let mut at = Some(folder.clone());
        while let Some(folder) = at.filter(|folder| !folder.is_root()) {
            if self.is_folder(operation, &folder).await? {
                break;
            }
            at = folder.parent();
            missing.push(folder);
        }
        for folder in missing.iter().rev() {
            self.mark(operation, folder).await?;
        }
        Ok(())
    }

    /// After a file was taken away. A temporary one may have outlived its folder, which must not come back then.
    pub(super) async fn keep_parent(&self, operation: Operation, file: &UfsPath) -> Result<()> {
        match is_temporary_name(file.as_str()) {
            true => Ok(()),
            false => self.keep(operation, file.parent()).await,
        }
    }

    /// After something below `folder` was taken away: keeps the folder, which would vanish with the last of it.
    pub(super) async fn keep(&self, operation: Operation, folder: Option<UfsPath>) -> Result<()> {
        let Some(folder) = folder.filter(|folder| self.rules.keep_folders && !folder.is_root()) else {
            return Ok(());
        };
        if !self.is_folder(operation, &folder).await? {
            self.mark(operation, &folder).await?;
        }
        Ok(())
    }
}
