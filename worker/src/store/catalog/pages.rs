//! Going through all blocks in bounded steps, for those who only look.

use super::Catalog;
use crate::store::access::Rank;

/// Where a walk through the blocks stands: folder by folder, the coldest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    dir: u16,
    after: Option<(Rank, i64)>,
}

impl Catalog {
    /// Adds at most `limit` blocks to `into` and moves the cursor behind them; false at the end. A block that is
    /// read or moved meanwhile may come twice, one that stays comes at least once.
    pub fn walk(&self, cursor: &mut Cursor, limit: usize, into: &mut Vec<i64>) -> bool {
        let Some(dir) = self.dirs.get(usize::from(cursor.dir)) else { return false };
        let mut seen = 0;
        for place in dir.order.coldest_first(cursor.after).take(limit) {
            seen += 1;
            cursor.after = Some(place);
            if self.blocks.get(&place.1).is_some_and(super::Entry::reported) {
                into.push(place.1);
            }
        }
        if seen < limit {
            *cursor = Cursor { dir: cursor.dir + 1, after: None };
        }
        true
    }

    /// Tier alias and length of a block that masters are told of.
    pub fn shown(&self, block: i64) -> Option<(String, u64)> {
        let entry = self.blocks.get(&block).filter(|entry| entry.reported())?;
        Some((self.dir(entry.dir).alias.clone(), entry.length))
    }
}
