//! Going through a path, or the subtree below it, in chunks of paths. What is added behind the walk is
//! not visited; what stays is visited once.

use alluxio_fs::{AlluxioPath, FsError};

use super::FileSystemMaster;
use crate::namespace::MAX_CHANGES_PER_HOLD;

/// Paths per chunk.
const CHUNK: usize = MAX_CHANGES_PER_HOLD;

pub(super) struct Walk {
    /// The path itself, as long as it has not been given out.
    first: Option<AlluxioPath>,
    /// Directories still to be gone through, each with the last name seen.
    stack: Vec<(AlluxioPath, String)>,
}

impl Walk {
    pub fn new(path: &AlluxioPath, recursive: bool) -> Self {
        let stack = if recursive { vec![(path.clone(), String::new())] } else { Vec::new() };
        Self { first: Some(path.clone()), stack }
    }
}

impl FileSystemMaster {
    /// The next paths; never empty.
    pub(super) async fn next_chunk(&self, walk: &mut Walk) -> Result<Option<Vec<AlluxioPath>>, FsError> {
        if let Some(path) = walk.first.take() {
            return Ok(Some(vec![path]));
        }
        while let Some((directory, after)) = walk.stack.pop() {
            let (children, more) = self.children_of(&directory, &after).await?;
            if more && let Some((last, _)) = children.last() {
                walk.stack.push((directory, last.name().to_owned()));
            }
            let nested = children.iter().filter(|(_, nested)| *nested);
            walk.stack.extend(nested.map(|(path, _)| (path.clone(), String::new())));
            if !children.is_empty() {
                return Ok(Some(children.into_iter().map(|(path, _)| path).collect()));
            }
        }
        Ok(None)
    }

    /// Children after a name, each with whether it has children; and whether there are more.
    pub(super) async fn children_of(
        &self,
        directory: &AlluxioPath,
        after: &str,
    ) -> Result<(Vec<(AlluxioPath, bool)>, bool), FsError> {
        self.namespace
            .read_path(directory, |tree, lookup| {
                let inode = lookup.target().and_then(|slot| tree.get(slot));
                let Some(inode) = inode.filter(|inode| inode.is_directory()) else {
                    return Ok((Vec::new(), false));
                };
                let mut slots = tree.children_after(inode, after);
                let child = |slot| {
                    let child = tree.get(slot)?;
                    Some((directory.join(&child.name), child.is_directory() && tree.child_count(child) > 0))
                };
                let children = slots.by_ref().take(CHUNK).filter_map(child).collect();
                Ok((children, slots.next().is_some()))
            })
            .await
    }
}
