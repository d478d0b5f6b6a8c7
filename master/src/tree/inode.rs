//! One inode, packed: 88 bytes for a file or a directory, name included when it has at most 24 bytes.
//! What few inodes have (ACL entries, TTL, xattr, fingerprint…) stands in [`Rare`], beside the slab.

use std::collections::BTreeMap;

use alluxio_fs::{AccessControlList, Mode, acl::ExtendedAcl};
use alluxio_proto::grpc::TtlAction;
use compact_str::CompactString;

use super::blocks::BlockLengths;

/// Position in the slab. Slots are reused, ids are not; only ids leave the tree.
pub type Slot = u32;

/// Neither root nor cut-off subtrees have a parent.
pub const NO_SLOT: Slot = u32::MAX;

/// Where the bytes of a file are, in the order a file goes through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    NotPersisted,
    ToBePersisted,
    Persisted,
}

impl Persistence {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotPersisted => "NOT_PERSISTED",
            Self::ToBePersisted => "TO_BE_PERSISTED",
            Self::Persisted => "PERSISTED",
        }
    }

    /// LOST is never stored: it is derived from the block locations when somebody asks.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "NOT_PERSISTED" | "LOST" => Some(Self::NotPersisted),
            "TO_BE_PERSISTED" => Some(Self::ToBePersisted),
            "PERSISTED" => Some(Self::Persisted),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Inode {
    pub id: i64,
    pub created_ms: i64,
    pub modified_ms: i64,
    pub accessed_ms: i64,
    /// File: length. Directory: index of its children.
    pub(super) data: i64,
    pub name: CompactString,
    pub parent: Slot,
    /// Numbers in the tree's name table.
    pub(super) owner: u32,
    pub(super) group: u32,
    /// File: number in the table of block sizes, and how many blocks there are.
    pub(super) block_size: u32,
    pub(super) blocks: u32,
    mode: u16,
    flags: u16,
}

macro_rules! flags {
    ($($(#[$doc:meta])* $get:ident $set:ident = $bit:expr;)*) => {
        impl Inode {
            $($(#[$doc])* pub fn $get(&self) -> bool { self.flags & (1 << $bit) != 0 }
            pub(super) fn $set(&mut self, on: bool) {
                if on { self.flags |= 1 << $bit } else { self.flags &= !(1 << $bit) }
            })*
        }
    };
}

flags! {
    is_directory set_directory = 0;
    is_completed set_completed = 1;
    is_cacheable set_cacheable = 2;
    is_pinned set_pinned = 3;
    is_mount_point set_mount_point = 4;
    /// Everything the under storage had in this directory has been loaded once.
    children_loaded set_children_loaded = 5;
    persisted_bit set_persisted_bit = 6;
    to_be_persisted_bit set_to_be_persisted_bit = 7;
    /// Has a [`Rare`]: saves the lookup for all others.
    has_rare set_has_rare = 8;
    /// The running snapshot has this inode already, or it was born after the snapshot's cut.
    in_snapshot set_in_snapshot = 9;
}

impl Inode {
    pub(super) fn new(id: i64, parent: Slot, name: &str, directory: bool) -> Self {
        let mut inode = Self {
            id,
            created_ms: 0,
            modified_ms: 0,
            accessed_ms: 0,
            data: 0,
            name: CompactString::from(name),
            parent,
            owner: 0,
            group: 0,
            block_size: 0,
            blocks: 0,
            mode: 0,
            flags: 0,
        };
        inode.set_directory(directory);
        inode
    }

    pub fn mode(&self) -> Mode {
        Mode::new(self.mode)
    }

    pub(super) fn set_mode(&mut self, mode: Mode) {
        self.mode = mode.get();
    }

    pub fn persistence(&self) -> Persistence {
        match (self.persisted_bit(), self.to_be_persisted_bit()) {
            (true, _) => Persistence::Persisted,
            (false, true) => Persistence::ToBePersisted,
            (false, false) => Persistence::NotPersisted,
        }
    }

    pub(super) fn set_persistence(&mut self, state: Persistence) {
        self.set_persisted_bit(state == Persistence::Persisted);
        self.set_to_be_persisted_bit(state == Persistence::ToBePersisted);
    }

    pub fn is_persisted(&self) -> bool {
        self.persisted_bit()
    }

    /// How many blocks a file has; none for a directory.
    pub fn block_count(&self) -> u32 {
        if self.is_directory() { 0 } else { self.blocks }
    }

    /// A file's length; a directory's is the number of its children, which the tree knows.
    pub fn file_length(&self) -> i64 {
        if self.is_directory() { 0 } else { self.data }
    }
}

/// What few inodes have. A value equal to the default is dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct Rare {
    pub extended_acl: Option<Box<ExtendedAcl>>,
    pub default_acl: Option<Box<AccessControlList>>,
    /// Milliseconds after creation; -1 = none.
    pub ttl_ms: i64,
    pub ttl_action: TtlAction,
    pub replication_min: i32,
    pub replication_max: i32,
    pub replication_durable: i32,
    pub fingerprint: Box<str>,
    pub xattr: BTreeMap<String, Vec<u8>>,
    pub media: Vec<String>,
    /// The running persist job and the file it writes; -1 = none.
    pub persist_job: i64,
    pub persist_path: Box<str>,
    pub should_persist_ms: i64,
    /// While a file is written.
    pub block_lengths: BlockLengths,
}

impl Default for Rare {
    fn default() -> Self {
        Self {
            extended_acl: None,
            default_acl: None,
            ttl_ms: -1,
            // The client's default (`alluxio.user.file.create.ttl.action`), and what 2.9 answers for
            // an inode without TTL.
            ttl_action: TtlAction::Free,
            replication_min: 0,
            replication_max: -1,
            replication_durable: 1,
            fingerprint: "".into(),
            xattr: BTreeMap::new(),
            media: Vec::new(),
            persist_job: -1,
            persist_path: "".into(),
            should_persist_ms: -1,
            block_lengths: BlockLengths::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inode_keeps_to_its_byte_budget() {
        assert!(size_of::<Inode>() <= 88, "{} bytes", size_of::<Inode>());
    }

    #[test]
    fn persistence_is_one_of_three() {
        let mut inode = Inode::new(1, NO_SLOT, "a", false);
        for state in [Persistence::ToBePersisted, Persistence::Persisted, Persistence::NotPersisted] {
            inode.set_persistence(state);
            assert_eq!(inode.persistence(), state);
            assert_eq!(Persistence::parse(state.as_str()), Some(state));
        }
    }
}
