//! The blocks of a file. Their ids count up from the file's container, and the lengths of a complete file's
//! blocks follow from its own, so neither is stored. Only of a file that is being written the length of
//! each block is kept, in shared pieces: a look at a file of half a million blocks takes references to them
//! under the lock and lays the blocks out afterwards.

use std::sync::Arc;

use alluxio_fs::ids;

use super::{
    Tree,
    inode::{Inode, Slot},
};

/// Blocks per piece: what a hold of the lock may copy.
const PIECE: usize = 1_000;

/// Blocks of one file that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRange {
    pub first: i64,
    pub count: u32,
}

impl BlockRange {
    /// The first `count` blocks of a file.
    pub fn of_file(id: i64, count: u32) -> Self {
        Self { first: ids::block_id(ids::container_of(id), 0), count }
    }

    pub fn ids(self) -> impl Iterator<Item = i64> {
        self.first..self.first + i64::from(self.count)
    }
}

/// What is known of a file's blocks, to be laid out without the lock.
#[derive(Clone, Debug)]
pub struct FileBlocks {
    pub range: BlockRange,
    pub block_size: i64,
    lengths: Lengths,
}

#[derive(Clone, Debug)]
enum Lengths {
    /// All blocks but the last are full.
    OfFile(i64),
    Each(BlockLengths),
}

impl FileBlocks {
    /// The length of a block, as far as it is known.
    pub fn length(&self, number: u32) -> Option<i64> {
        if number >= self.range.count {
            return None;
        }
        match &self.lengths {
            Lengths::OfFile(length) => length_within(*length, self.block_size, number),
            Lengths::Each(lengths) => lengths.get(number),
        }
    }
}

fn length_within(file_length: i64, block_size: i64, number: u32) -> Option<i64> {
    let begin = i64::from(number).checked_mul(block_size)?;
    Some((file_length - begin).clamp(0, block_size))
}

impl Tree {
    /// A directory has no blocks.
    pub fn blocks_of(&self, slot: Slot, inode: &Inode) -> FileBlocks {
        let range = BlockRange::of_file(inode.id, inode.block_count());
        let lengths = if inode.is_directory() || inode.is_completed() {
            Lengths::OfFile(inode.file_length())
        } else {
            Lengths::Each(self.open_lengths(slot, inode).cloned().unwrap_or_default())
        };
        FileBlocks { range, block_size: self.block_size(inode), lengths }
    }

    /// The lengths of a file that is being written, if it has blocks.
    pub fn open_lengths(&self, slot: Slot, inode: &Inode) -> Option<&BlockLengths> {
        Some(&self.rare(slot, inode)?.block_lengths)
    }

    /// The length of one block of a file, as far as it is known.
    pub fn block_length(&self, slot: Slot, inode: &Inode, number: u32) -> Option<i64> {
        if number >= inode.block_count() {
            return None;
        }
        if inode.is_completed() {
            return length_within(inode.file_length(), self.block_size(inode), number);
        }
        self.open_lengths(slot, inode)?.get(number)
    }
}

/// The lengths of the blocks of a file that is being written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BlockLengths {
    /// All but the last are full.
    pieces: Vec<Arc<Piece>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Piece {
    /// -1 where a block is not committed yet.
    lengths: Vec<i64>,
    committed: usize,
    /// Of the committed ones.
    total: i128,
    /// Or what was, until it was set again: a piece may be full though this is more.
    longest: i64,
}

/// Why the lengths do not make a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// A block is not committed.
    Missing,
    /// A block before the last is not full.
    Short { number: u32, length: i64 },
    /// The sum is more than a length can be.
    TooLong,
}

impl BlockLengths {
    pub fn count(&self) -> usize {
        self.pieces.last().map_or(0, |last| (self.pieces.len() - 1) * PIECE + last.lengths.len())
    }

    /// The length of a committed block.
    pub fn get(&self, number: u32) -> Option<i64> {
        let piece = self.pieces.get(number as usize / PIECE)?;
        piece.lengths.get(number as usize % PIECE).copied().filter(|length| *length >= 0)
    }

    /// One block more, not committed yet.
    pub(super) fn push(&mut self) {
        self.push_length(-1);
    }

    fn push_length(&mut self, length: i64) {
        match self.pieces.last_mut().filter(|last| last.lengths.len() < PIECE) {
            Some(last) => Arc::make_mut(last).push(length),
            None => {
                let mut piece = Piece::default();
                piece.push(length);
                self.pieces.push(Arc::new(piece));
            }
        }
    }

    /// Commits a block; one that there is not is nobody's any more.
    pub(super) fn set(&mut self, number: u32, length: i64) {
        if let Some(piece) = self.pieces.get_mut(number as usize / PIECE)
            && (number as usize % PIECE) < piece.lengths.len()
        {
            Arc::make_mut(piece).set(number as usize % PIECE, length);
        }
    }

    /// As many blocks, those that are new not committed. Records of ours add blocks one at a time.
    pub(super) fn resize(&mut self, count: usize) {
        if count < self.count() {
            *self = self.iter().take(count).collect();
        }
        while self.count() < count {
            self.push();
        }
    }

    /// All lengths in order, -1 where a block is not committed.
    pub fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        self.pieces.iter().flat_map(|piece| piece.lengths.iter().copied())
    }

    /// The length of the file that these blocks make: every block must be committed, and all but the last be
    /// full. Looks at pieces as wholes, and at the blocks of few of them.
    pub fn file_length(&self, block_size: i64) -> Result<i64, Gap> {
        if self.pieces.iter().any(|piece| piece.committed < piece.lengths.len()) {
            return Err(Gap::Missing);
        }
        let Some((last, full)) = self.pieces.split_last() else { return Ok(0) };
        let before_last = &last.lengths[..last.lengths.len().saturating_sub(1)];
        let not_full = full.iter().enumerate().filter(|(_, piece)| !piece.is_full(block_size));
        let mut looked_at = not_full
            .map(|(number, piece)| (number, &piece.lengths[..]))
            .chain(std::iter::once((full.len(), before_last)));
        let short = looked_at.find_map(|(number, lengths)| {
            let at = lengths.iter().position(|length| *length != block_size)?;
            Some(Gap::Short { number: (number * PIECE + at) as u32, length: lengths[at] })
        });
        if let Some(gap) = short {
            return Err(gap);
        }
        let total: i128 = self.pieces.iter().map(|piece| piece.total).sum();
        i64::try_from(total).map_err(|_| Gap::TooLong)
    }

    /// What the pieces take, whether others share them or not.
    pub(super) fn bytes(&self) -> usize {
        self.pieces.len() * size_of::<Piece>() + self.count() * size_of::<i64>()
    }
}

impl FromIterator<i64> for BlockLengths {
    fn from_iter<I: IntoIterator<Item = i64>>(lengths: I) -> Self {
        let mut all = Self::default();
        lengths.into_iter().for_each(|length| all.push_length(length));
        all
    }
}

impl Piece {
    fn push(&mut self, length: i64) {
        self.lengths.push(-1);
        self.set(self.lengths.len() - 1, length);
    }

    fn set(&mut self, at: usize, length: i64) {
        let before = std::mem::replace(&mut self.lengths[at], length);
        for (length, sign) in [(before, -1), (length, 1)] {
            if length >= 0 {
                self.committed = self.committed.saturating_add_signed(sign as isize);
                self.total += i128::from(length) * sign;
                self.longest = self.longest.max(length);
            }
        }
    }

    fn is_full(&self, block_size: i64) -> bool {
        self.longest <= block_size && self.total == self.lengths.len() as i128 * i128::from(block_size)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What [`BlockLengths::file_length`] says, block by block.
    fn model(lengths: &[i64], block_size: i64) -> Result<i64, Gap> {
        if lengths.contains(&-1) {
            return Err(Gap::Missing);
        }
        let full = &lengths[..lengths.len().saturating_sub(1)];
        if let Some(at) = full.iter().position(|length| *length != block_size) {
            return Err(Gap::Short { number: at as u32, length: full[at] });
        }
        lengths.iter().try_fold(0i64, |sum, length| sum.checked_add(*length)).ok_or(Gap::TooLong)
    }

    proptest! {
        #[test]
        fn a_length_is_found_as_block_by_block(
            count in 0..3_200usize, block_size in prop_oneof![Just(100i64), Just(i64::MAX)],
            odd in prop::collection::vec((any::<prop::sample::Index>(), -1..101i64), 0..3),
            last in 0..101i64, again in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        ) {
            let mut lengths = BlockLengths::default();
            let mut expected = vec![block_size; count];
            if let Some(place) = expected.last_mut() {
                *place = last;
            }
            for (at, length) in odd {
                if count > 0 {
                    expected[at.index(count)] = length;
                }
            }
            (0..count).for_each(|_| lengths.push());
            // Some are set twice, longer at first.
            for at in again.iter().filter(|_| count > 0).map(|at| at.index(count)) {
                if expected[at] >= 0 {
                    lengths.set(at as u32, expected[at].saturating_add(1));
                }
            }
            // In no order; -1 stays uncommitted.
            for n in (0..count).rev().filter(|n| expected[*n] >= 0) {
                lengths.set(n as u32, expected[n]);
            }
            prop_assert_eq!(lengths.count(), count);
            prop_assert!(lengths.iter().eq(expected.iter().copied()));
            prop_assert_eq!(lengths.file_length(block_size), model(&expected, block_size));
            let collected: BlockLengths = expected.iter().copied().collect();
            prop_assert!(collected.iter().eq(lengths.iter()));
            lengths.resize(count / 2);
            lengths.resize(count / 2 + 1);
            expected.truncate(count / 2);
            expected.push(-1);
            prop_assert!(lengths.iter().eq(expected));
        }
    }

    #[test]
    fn a_copy_keeps_what_it_was() {
        let mut lengths: BlockLengths = std::iter::repeat_n(-1, 2_500).collect();
        let copy = lengths.clone();
        lengths.set(7, 5);
        lengths.set(9_999, 5);
        lengths.push();
        assert_eq!((copy.get(7), copy.count()), (None, 2_500));
        assert_eq!((lengths.get(7), lengths.count()), (Some(5), 2_501));
        assert!(Arc::ptr_eq(&copy.pieces[1], &lengths.pieces[1]), "what did not change is shared");
    }
}
