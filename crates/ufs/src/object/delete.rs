//! Deleting files and folders.

use futures::TryStreamExt;
use opendal::{Entry, Lister};

use super::store::Store;
use crate::error::{Operation, Result, UfsError, UfsErrorKind};
use crate::path::UfsPath;

/// Objects deleted in one step, which is one request where the store takes so many.
const BATCH: usize = 1000;

/// Keys of a tree in an order in which folders come behind what they hold. Stores that keep folders as such do not
/// delete a marker before that.
pub(super) struct PostOrder {
    top: String,
    files: Vec<String>,
    markers: Vec<String>,
    /// Markers of the folders that the listing stands in.
    open: Vec<String>,
}

impl PostOrder {
    pub(super) fn new(top: String) -> Self {
        Self { top, files: Vec::new(), markers: Vec::new(), open: Vec::new() }
    }

    /// The next key of a listing.
    pub(super) fn push(&mut self, key: String) {
        self.come_to(&key);
        if key.ends_with('/') { self.open.push(key) } else { self.files.push(key) }
    }

    /// The next key, which is not to be deleted, and so none of the folders that it lies in.
    pub(super) fn stays(&mut self, key: &str) {
        self.come_to(key);
        self.open.clear();
    }

    fn come_to(&mut self, key: &str) {
        while let Some(left) = self.open.pop_if(|folder| !key.starts_with(folder.as_str())) {
            self.markers.push(left);
        }
    }

    pub(super) fn end_below(&mut self) {
        self.markers.extend(self.open.drain(..).rev());
    }

    fn end(&mut self) {
        self.end_below();
        // That it is not there is no error for a store.
        self.markers.push(self.top.clone());
    }

    /// Time to delete what is known by now.
    pub(super) fn is_long(&self) -> bool {
        self.files.len() + self.markers.len() >= BATCH
    }

    /// What is known by now, in groups that may each be deleted in any order.
    fn groups(&mut self) -> Vec<Vec<String>> {
        let mut groups = vec![std::mem::take(&mut self.files)];
        let mut group: Vec<String> = Vec::new();
        for marker in self.markers.drain(..) {
            // The top's key is no prefix of the others where it is the bucket itself.
            if marker == self.top || group.iter().any(|below| below.starts_with(&marker)) {
                groups.push(std::mem::take(&mut group));
            }
            group.push(marker);
        }
        groups.push(group);
        groups.retain(|group| !group.is_empty());
        groups
    }
}

const DELETE: Operation = Operation::Delete;

impl Store {
    pub(super) async fn delete_file(&self, path: &UfsPath) -> Result<bool> {
        if self.object(DELETE, path).await?.is_none() {
            return match self.is_folder(DELETE, path).await? {
                true => Err(self.error(UfsErrorKind::IsDirectory, DELETE, path)),
                false => Ok(false),
            };
        }
        self.remove(DELETE, path, vec![self.key(DELETE, path)?.to_owned()]).await?;
        self.keep_parent(DELETE, path).await?;
        Ok(true)
    }

    /// Deletes a folder that holds nothing.
    pub(super) async fn delete_empty(&self, path: &UfsPath) -> Result<bool> {
        let marker = self.folder_key(DELETE, path)?;
        let mut below = self.all_below(DELETE, path).await?;
        let mut marked = false;
        while let Some(key) = self.next_key(DELETE, path, &mut below).await? {
            if key != marker {
                return Err(self.error(UfsErrorKind::DirectoryNotEmpty, DELETE, path));
            }
            marked = true;
        }
        if !marked {
            return self.nothing_below(path).await;
        }
        self.remove(DELETE, path, vec![marker]).await?;
        self.keep(DELETE, path.parent()).await?;
        Ok(true)
    }

    /// Deletes a folder with all it holds, its own marker last: what is left of it stays a folder.
    pub(super) async fn delete_tree(&self, path: &UfsPath) -> Result<bool> {
        let mut below = self.all_below(DELETE, path).await?;
        let mut order = PostOrder::new(self.folder_key(DELETE, path)?);
        let mut found = false;
        while let Some(key) = self.next_key(DELETE, path, &mut below).await? {
            found = true;
            if key != order.top {
                self.must_be_path(DELETE, path, &key)?;
                order.push(key);
            }
            if order.is_long() {
                self.delete_step(path, &mut order).await?;
            }
        }
        if !found {
            return self.nothing_below(path).await;
        }
        order.end();
        self.delete_step(path, &mut order).await?;
        self.keep(DELETE, path.parent()).await?;
        Ok(true)
    }

    pub(super) async fn delete_step(&self, path: &UfsPath, order: &mut PostOrder) -> Result<()> {
        for group in order.groups() {
            self.remove(DELETE, path, group).await?;
        }
        Ok(())
    }

    async fn nothing_below(&self, path: &UfsPath) -> Result<bool> {
        match self.object(DELETE, path).await? {
            Some(_) => Err(self.error(UfsErrorKind::NotDirectory, DELETE, path)),
            None => Ok(false),
        }
    }

    /// opendal would make another key of it, and act on that.
    pub(super) fn must_be_path(&self, operation: Operation, folder: &UfsPath, key: &str) -> Result<()> {
        let below = key.strip_suffix('/').unwrap_or(key);
        if key.trim() == key && UfsPath::parse(below).is_ok_and(|path| path.as_str() == below) {
            return Ok(());
        }
        let reason = format!(
            "it holds the object '{key}', whose name is no path; treat that with a tool of the store first"
        );
        Err(self.error(UfsErrorKind::InvalidPath, operation, folder).because(reason))
    }

    /// All objects below a folder and its marker, in key order.
    pub(super) async fn all_below(&self, operation: Operation, folder: &UfsPath) -> Result<Lister> {
        let key = self.folder_key(operation, folder)?;
        let lister = self.objects.lister_with(&key).recursive(true);
        lister.await.map_err(|error| self.unlisted(operation, folder, error))
    }

    pub(super) async fn next_key(
        &self,
        operation: Operation,
        folder: &UfsPath,
        lister: &mut Lister,
    ) -> Result<Option<String>> {
        let next = self.next_entry(operation, folder, lister).await?;
        Ok(next.map(|entry| entry.path().to_owned()))
    }

    pub(super) async fn next_entry(
        &self,
        operation: Operation,
        folder: &UfsPath,
        lister: &mut Lister,
    ) -> Result<Option<Entry>> {
        lister.try_next().await.map_err(|error| self.unlisted(operation, folder, error))
    }

    /// Deletes objects by their keys; what is not there is no error.
    pub(super) async fn remove(&self, operation: Operation, path: &UfsPath, keys: Vec<String>) -> Result<()> {
        let failed = |error: opendal::Error| -> UfsError { self.failed(operation, path, error) };
        let step = if self.rules.bulk_delete { BATCH } else { 1 };
        for some in keys.chunks(step) {
            self.may_change(operation, path).await?;
            let mut deleter = self.objects.deleter().await.map_err(failed)?;
            for key in some {
                deleter.delete(key.as_str()).await.map_err(failed)?;
            }
            deleter.close().await.map_err(failed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_behind_what_they_hold() {
        let mut order = PostOrder::new("t/".to_owned());
        for key in ["t/a", "t/b/", "t/b/c/", "t/b/c/f", "t/b/d/", "t/e/", "t/g"] {
            order.push(key.to_owned());
        }
        assert_eq!(
            order.groups(),
            [vec!["t/a", "t/b/c/f", "t/g"], vec!["t/b/c/", "t/b/d/"], vec!["t/b/", "t/e/"]]
        );
        order.end();
        assert_eq!(order.groups(), [vec!["t/"]]);
    }

    #[test]
    fn a_folder_stays_with_what_stays_in_it() {
        let mut order = PostOrder::new("t/".to_owned());
        for key in ["t/a/", "t/b/", "t/b/c/"] {
            order.push(key.to_owned());
        }
        order.stays("t/b/c/late");
        for key in ["t/b/d", "t/e/"] {
            order.push(key.to_owned());
        }
        order.end_below();
        assert_eq!(order.groups(), [vec!["t/b/d"], vec!["t/a/", "t/e/"]]);
    }
}
