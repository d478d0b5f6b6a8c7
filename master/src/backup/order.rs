//! Parents before their children: a Java master puts each inode under its parent as it reads it.
//!
//! A snapshot comes in the order of the slab. Most parents were made before their children, but a slot that was
//! used again, or a rename, turns that round. What comes too early waits in a temporary file and is gone
//! through again, as often as it takes: once per turn on the way from the root. What never gets its turn hangs on no
//! directory of the tree: it was deleted, and is not forgotten yet.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, BufWriter, IntoInnerError, Seek, Write},
    path::{Path, PathBuf},
};

use alluxio_fs::ids;
use alluxio_proto::meta::Inode;
use prost::Message;

use super::{
    delimited::read_delimited,
    error::BackupError::{self, Spool},
};

/// See the [module](self).
pub struct ParentsFirst {
    folder: PathBuf,
    directories: IdSet,
    early: Option<BufWriter<File>>,
}

impl ParentsFirst {
    /// What waits is kept in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), directories: IdSet::default(), early: None }
    }

    /// Passes an inode on, or keeps it until its parent was.
    pub fn offer(
        &mut self,
        inode: Inode,
        pass: &mut impl FnMut(Inode) -> Result<(), BackupError>,
    ) -> Result<(), BackupError> {
        if !self.has_its_turn(&inode) {
            let file = match &mut self.early {
                Some(file) => file,
                early => early.insert(BufWriter::new(tempfile::tempfile_in(&self.folder).map_err(Spool)?)),
            };
            return file.write_all(&inode.encode_length_delimited_to_vec()).map_err(Spool);
        }
        if inode.is_directory() {
            self.directories.insert(inode.id());
        }
        pass(inode)
    }

    fn has_its_turn(&self, inode: &Inode) -> bool {
        match inode.parent_id() {
            ids::NO_PARENT => inode.id() == ids::ROOT_ID,
            parent => self.directories.contains(parent),
        }
    }

    /// All were offered: passes on what has waited. Returns how many are under no directory of the tree.
    pub fn finish(
        mut self,
        pass: &mut impl FnMut(Inode) -> Result<(), BackupError>,
    ) -> Result<u64, BackupError> {
        while let Some(early) = self.early.take() {
            let mut file = early.into_inner().map_err(|error| Spool(IntoInnerError::into_error(error)))?;
            file.rewind().map_err(Spool)?;
            let (mut reader, mut buffer) = (BufReader::new(file), Vec::new());
            let (mut left, mut passed) = (0, 0);
            while let Some(message) = read_delimited(&mut reader, &mut buffer).map_err(Spool)? {
                let inode = Inode::decode(message).map_err(|error| Spool(std::io::Error::other(error)))?;
                if self.has_its_turn(&inode) {
                    passed += 1
                } else {
                    left += 1
                }
                self.offer(inode, pass)?;
            }
            if passed == 0 {
                return Ok(left);
            }
        }
        Ok(0)
    }
}

/// A set of numbers most of which follow each other: one bit each.
#[derive(Default)]
struct IdSet {
    pages: BTreeMap<i64, Box<[u64; 64]>>,
}

impl IdSet {
    fn place(id: i64) -> (i64, usize, u64) {
        (id >> 12, (id >> 6 & 63) as usize, 1 << (id & 63))
    }

    fn insert(&mut self, id: i64) {
        let (page, word, bit) = Self::place(id);
        self.pages.entry(page).or_insert_with(|| Box::new([0; 64]))[word] |= bit;
    }

    fn contains(&self, id: i64) -> bool {
        let (page, word, bit) = Self::place(id);
        self.pages.get(&page).is_some_and(|page| page[word] & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn inode(id: i64, parent: i64, directory: bool) -> Inode {
        Inode {
            id: Some(id),
            parent_id: Some(parent),
            is_directory: Some(directory),
            name: Some(format!("n{id}")),
            ..Inode::default()
        }
    }

    fn order(inodes: Vec<Inode>) -> (Vec<i64>, u64) {
        let folder = tempfile::tempdir().unwrap();
        let mut order = ParentsFirst::new(folder.path());
        let mut seen = Vec::new();
        let mut pass = |inode: Inode| {
            seen.push(inode.id());
            Ok(())
        };
        for inode in inodes {
            order.offer(inode, &mut pass).unwrap();
        }
        let left = order.finish(&mut pass).unwrap();
        (seen, left)
    }

    #[test]
    fn what_was_cut_off_is_left_out() {
        let deleted = inode(5, ids::NO_PARENT, true);
        let (seen, left) = order(vec![
            inode(7, 5, false),
            deleted,
            inode(9, 0, false),
            inode(ids::ROOT_ID, ids::NO_PARENT, true),
            inode(6, 5, true),
        ]);
        assert_eq!((seen, left), (vec![0, 9], 3));
        assert_eq!(order(Vec::new()), (Vec::new(), 0));
    }

    proptest! {
        /// Any tree in any order: each comes once, after its parent.
        #[test]
        fn parents_come_first(
            parents in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
            keys in prop::collection::vec(any::<u32>(), 61),
        ) {
            // Ids far apart: the set has several pages.
            let id = |n: usize| n as i64 * 5_000;
            let mut inodes = vec![inode(0, ids::NO_PARENT, true)];
            let parent_of: Vec<i64> = parents.iter().enumerate().map(|(n, of)| id(of.index(n + 1))).collect();
            inodes.extend(parent_of.iter().enumerate().map(|(n, parent)| inode(id(n + 1), *parent, true)));
            let mut shuffled: Vec<_> = inodes.into_iter().zip(keys).collect();
            shuffled.sort_by_key(|(_, key)| *key);
            let (seen, left) = order(shuffled.into_iter().map(|(inode, _)| inode).collect());
            prop_assert_eq!(left, 0);
            prop_assert_eq!(seen.len(), parent_of.len() + 1);
            let mut before = BTreeSet::from([ids::NO_PARENT]);
            for seen in seen {
                let parent = if seen == 0 { ids::NO_PARENT } else { parent_of[seen as usize / 5_000 - 1] };
                prop_assert!(before.contains(&parent), "{} comes before its parent", seen);
                prop_assert!(before.insert(seen), "{} comes twice", seen);
            }
        }
    }
}
