//! What a start finds in a storage folder: finished blocks are kept, unfinished ones removed.

use super::{disk, error::StoreError, unsynced};
use std::{
    fs::{self, DirEntry},
    io::ErrorKind,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::SystemTime,
};

/// A block file found at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundBlock {
    pub block: i64,
    pub length: u64,
    /// A cached copy that was not synced.
    pub unsynced: bool,
    modified: SystemTime,
}

/// Prepares a folder and lists its blocks, those written longest ago first (the next to be evicted).
pub fn open_folder(blocks_root: &Path, temp_root: &Path, mode: u32) -> Result<Vec<FoundBlock>, StoreError> {
    disk::make_folder(blocks_root, mode)?;
    match fs::remove_dir_all(temp_root) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(StoreError::io("remove unfinished blocks in", temp_root)(error));
        }
        _ => {}
    }
    disk::make_folder(temp_root, mode)?;
    disk::probe(blocks_root)?;

    let list = fs::read_dir(blocks_root).map_err(StoreError::io("list the storage folder", blocks_root))?;
    let mut found = Vec::new();
    let mut foreign = 0_u64;
    for entry in list {
        let entry = entry.map_err(StoreError::io("list the storage folder", blocks_root))?;
        match block_of(&entry)? {
            Some(block) => found.push(block),
            None if entry.file_name().as_encoded_bytes().starts_with(b".") => {}
            None => foreign += 1,
        }
    }
    if foreign > 0 {
        tracing::warn!(
            folder = %blocks_root.display(), files = foreign,
            "the storage folder holds files that are no blocks; they are left alone and not counted in the quota"
        );
    }
    found.sort_by_key(|block| block.modified);
    Ok(found)
}

/// Block files have the decimal block id as name.
fn block_of(entry: &DirEntry) -> Result<Option<FoundBlock>, StoreError> {
    let name = entry.file_name();
    let Some(block) = name.to_str().and_then(id_of) else { return Ok(None) };
    let metadata = match entry.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("look at the block file", entry.path())(error)),
    };
    if !metadata.is_file() {
        return Ok(None);
    }
    let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let unsynced = unsynced::is_marked(metadata.permissions().mode());
    Ok(Some(FoundBlock { block, length: metadata.len(), unsynced, modified }))
}

/// Only as the store writes it: `007` is not the file of block 7.
fn id_of(name: &str) -> Option<i64> {
    name.parse().ok().filter(|block: &i64| *block >= 0 && block.to_string() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_stay_temporaries_go_strangers_are_left() {
        let home = tempfile::tempdir().unwrap();
        let (root, temp) = (home.path().join("blocks"), home.path().join("blocks/.tmp_blocks"));
        fs::create_dir_all(temp.join("7")).unwrap();
        fs::write(temp.join("7/7-1"), "half").unwrap();
        fs::write(root.join("12345"), "whole").unwrap();
        fs::write(root.join("notes.txt"), "mine").unwrap();
        fs::write(root.join("-5"), "no id").unwrap();
        fs::write(root.join("0012345"), "not as the store writes it").unwrap();
        let found = open_folder(&root, &temp, 0o777).unwrap();
        assert_eq!(found.iter().map(|f| (f.block, f.length)).collect::<Vec<_>>(), vec![(12345, 5)]);
        assert!(fs::read_dir(&temp).unwrap().next().is_none());
        assert!(root.join("notes.txt").exists() && root.join("-5").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("file"), "").unwrap();
        let root = home.path().join("file/blocks");
        let error = open_folder(&root, &root.join("t"), 0o777).unwrap_err();
        assert!(error.to_string().contains("file/blocks"), "{error}");
    }
}
