//! Inodes for what the under storage has.

use alluxio_fs::ids;
use alluxio_proto::journal::{InodeDirectoryEntry, InodeFileEntry, JournalEntry, UpdateInodeEntry};
use alluxio_ufs::UfsStatus;

use crate::{
    namespace::Draft,
    tree::{Inode, Mount, Persistence, Tree, next_directory_after},
};

/// Most blocks of a loaded file. A file that would have more gets a larger block size, so that an answer with
/// its blocks stays small (a terabyte has 16,384 blocks of 64 MB).
const MAX_BLOCKS: i64 = 1 << 16;

/// Drafts inodes one after the other; one per draft, since it gives out the ids.
pub struct LoadedInodes {
    ufs_type: &'static str,
    block_size: i64,
    next_container: i64,
    next_directory: i64,
    /// As the directory that they come into.
    pinned: bool,
    media: Vec<String>,
    /// Of the mount.
    shared: bool,
}

/// The mode of what an under storage has. On a shared mount others may do what the owner may, as in 2.9.
pub fn loaded_mode(status: &UfsStatus, mount: &Mount) -> u16 {
    mode(status, mount.shared)
}

fn mode(status: &UfsStatus, shared: bool) -> u16 {
    let mode = status.mode;
    if shared { mode | (mode >> 6 & 0o7) } else { mode }
}

impl LoadedInodes {
    /// For what comes into `directory`.
    pub fn new(
        tree: &Tree,
        directory: &Inode,
        mount: &Mount,
        ufs_type: &'static str,
        block_size: i64,
    ) -> Self {
        let new = Self {
            ufs_type,
            block_size: block_size.max(1),
            next_container: tree.next_container(),
            next_directory: tree.next_directory(),
            pinned: false,
            media: Vec::new(),
            shared: mount.shared,
        };
        new.pinned_as(tree, directory)
    }

    /// What comes into a pinned directory is pinned, to the same media.
    fn pinned_as(mut self, tree: &Tree, directory: &Inode) -> Self {
        if directory.is_pinned() {
            let rare = tree.by_id(directory.id).and_then(|(slot, inode)| tree.rare(slot, inode));
            self.pinned = true;
            self.media = rare.map_or(Vec::new(), |rare| rare.media.clone());
        }
        self
    }

    /// Drafts the inode of `status` below `parent` and returns its id. What is loaded was there before:
    /// the parent's modification time stays.
    pub fn draft(&mut self, parent: i64, name: &str, status: &UfsStatus, draft: &mut Draft) -> i64 {
        if status.is_dir {
            self.directory(parent, name, status, draft)
        } else {
            self.file(parent, name, status, draft)
        }
    }

    fn directory(&mut self, parent: i64, name: &str, status: &UfsStatus, draft: &mut Draft) -> i64 {
        let id = self.next_directory;
        self.next_directory = next_directory_after(id);
        let modified = status.modified_ms.unwrap_or(draft.now_ms);
        draft.push(JournalEntry {
            inode_directory: Some(InodeDirectoryEntry {
                id: Some(id),
                parent_id: Some(parent),
                name: Some(name.to_owned()),
                persistence_state: Some(Persistence::Persisted.as_str().to_owned()),
                pinned: Some(self.pinned),
                medium_type: self.media.clone(),
                creation_time_ms: Some(draft.now_ms),
                last_modification_time_ms: Some(modified),
                last_access_time_ms: Some(modified),
                owner: Some(status.owner.to_string()),
                group: Some(status.group.to_string()),
                mode: Some(i32::from(mode(status, self.shared))),
                direct_children_loaded: Some(false),
                ..InodeDirectoryEntry::default()
            }),
            ..JournalEntry::default()
        });
        // The entry of a directory has no place for it.
        draft.push(JournalEntry {
            update_inode: Some(UpdateInodeEntry {
                id: Some(id),
                ufs_fingerprint: Some(status.fingerprint(self.ufs_type).to_string()),
                ..UpdateInodeEntry::default()
            }),
            ..JournalEntry::default()
        });
        id
    }

    fn file(&mut self, parent: i64, name: &str, status: &UfsStatus, draft: &mut Draft) -> i64 {
        let container = self.next_container;
        self.next_container += 1;
        let id = ids::file_id(container);
        let modified = status.modified_ms.unwrap_or(draft.now_ms);
        let length = i64::try_from(status.length).unwrap_or(i64::MAX);
        let (block_size, blocks) = blocks_of(length, self.block_size);
        draft.push(JournalEntry {
            inode_file: Some(InodeFileEntry {
                id: Some(id),
                parent_id: Some(parent),
                name: Some(name.to_owned()),
                persistence_state: Some(Persistence::Persisted.as_str().to_owned()),
                pinned: Some(self.pinned),
                medium_type: self.media.clone(),
                creation_time_ms: Some(draft.now_ms),
                last_modification_time_ms: Some(modified),
                last_access_time_ms: Some(modified),
                block_size_bytes: Some(block_size),
                length: Some(length),
                completed: Some(true),
                cacheable: Some(true),
                block_count: Some(blocks as u32),
                owner: Some(status.owner.to_string()),
                group: Some(status.group.to_string()),
                mode: Some(i32::from(mode(status, self.shared))),
                ufs_fingerprint: Some(status.fingerprint(self.ufs_type).to_string()),
                ..InodeFileEntry::default()
            }),
            ..JournalEntry::default()
        });
        id
    }
}

/// Block size and number of blocks of a loaded file.
fn blocks_of(length: i64, block_size: i64) -> (i64, i64) {
    let mut block_size = block_size.max(1);
    while (length - 1).div_euclid(block_size) >= MAX_BLOCKS {
        block_size = block_size.saturating_mul(2);
    }
    (block_size, if length == 0 { 0 } else { (length - 1) / block_size + 1 })
}

#[cfg(test)]
mod tests {
    use alluxio_ufs::UfsPath;

    use super::*;
    use crate::tree::Tree;

    fn file(length: u64) -> InodeFileEntry {
        let status = UfsStatus {
            path: UfsPath::parse("f").unwrap(),
            is_dir: false,
            length,
            modified_ms: Some(5),
            owner: "ann".into(),
            group: "staff".into(),
            mode: 0o640,
            content_hash: Some("x".into()),
        };
        let mut draft = Draft::for_test(77);
        let tree = Tree::default();
        let mut inodes = LoadedInodes {
            ufs_type: "local",
            block_size: 100,
            next_container: tree.next_container(),
            next_directory: tree.next_directory(),
            pinned: false,
            media: Vec::new(),
            shared: false,
        };
        inodes.draft(0, "f", &status, &mut draft);
        draft.entries()[0].inode_file.clone().unwrap()
    }

    #[test]
    fn blocks_follow_from_the_length() {
        for (length, blocks) in [(0, 0), (1, 1), (100, 1), (101, 2), (1_000, 10)] {
            assert_eq!(file(length).block_count, Some(blocks), "{length}");
        }
        let entry = file(101);
        assert_eq!((entry.last_modification_time_ms, entry.creation_time_ms), (Some(5), Some(77)));
        assert_eq!((entry.owner(), entry.mode()), ("ann", 0o640));
    }

    #[test]
    fn a_huge_file_gets_larger_blocks() {
        let entry = file(u64::MAX);
        assert!((1..=MAX_BLOCKS).contains(&i64::from(entry.block_count())));
        assert_eq!(entry.length(), i64::MAX);
        assert_eq!(file(100 * MAX_BLOCKS as u64).block_size_bytes(), 100);
        assert_eq!(file(100 * MAX_BLOCKS as u64 + 1).block_size_bytes(), 200);
    }
}
