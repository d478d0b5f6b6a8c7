//! Which segments count: those in the chain of predecessors that starts at the newest segment.
//!
//! Several masters may have left files behind: a deposed one that still created a segment, one that claimed a
//! term and died, a writer that gave a segment up after a failed write. None of them is in the chain, because
//! a later header names another predecessor.

use super::decode::RecordedEnd;
use super::header::{FIRST_FORMAT, HEADER_LENGTH, HeaderFlaw, SegmentHeader};
use crate::position::{Position, SegmentId};

/// A segment file as found on the store.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where it lies.
    pub id: SegmentId,
    /// Its length when listed.
    pub length: u64,
    /// Its header, or why it has none.
    pub header: Result<SegmentHeader, HeaderFlaw>,
}

impl Found {
    /// A file that was being created: it never held a record, because headers are synced first.
    pub fn never_begun(&self) -> bool {
        self.length <= HEADER_LENGTH as u64
            && matches!(self.header, Err(HeaderFlaw::Short | HeaderFlaw::Damaged))
    }
}

/// A segment in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it lies.
    pub id: SegmentId,
    /// Its header.
    pub header: SegmentHeader,
    /// Where it ends. None for the newest until it has been scanned.
    pub end: Option<RecordedEnd>,
}

/// Why the chain begins where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// With the first record of the journal.
    Beginning,
    /// The file before is not there: retired under a checkpoint, or lost.
    Missing(SegmentId),
    /// The file before has a bad header.
    Damaged(SegmentId, HeaderFlaw),
}

/// The segments that count, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The segments.
    pub links: Vec<Link>,
    /// What lies before the first.
    pub base: Base,
}

/// A header that cannot be skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSegment {
    /// The file.
    pub id: SegmentId,
    /// What is wrong with its header.
    pub flaw: HeaderFlaw,
}

impl Chain {
    /// Finds the chain in what lies on the store.
    pub fn find(mut found: Vec<Found>) -> Result<Self, BadSegment> {
        found.sort_by_key(|f| f.id);
        let mut links: Vec<Link> = Vec::new();
        let mut base = Base::Beginning;
        let mut wanted = Self::newest(&found)?.map(|id| (id, None));
        while let Some((id, end)) = wanted {
            let Ok(index) = found.binary_search_by_key(&id, |f| f.id) else {
                base = Base::Missing(id);
                break;
            };
            let header = match found[index].header {
                // A copy made while sealing carries the header of the original. The predecessor is always an
                // older file, so the walk ends.
                Ok(header)
                    if (header.id == id || id.index == 0)
                        && header.predecessor.is_none_or(|p| p.segment < id) =>
                {
                    header
                }
                Ok(_) => {
                    base = Base::Damaged(id, HeaderFlaw::Damaged);
                    break;
                }
                Err(flaw) => {
                    base = Base::Damaged(id, flaw);
                    break;
                }
            };
            links.push(Link { id, header, end });
            wanted =
                header.predecessor.map(|p| (p.segment, Some(RecordedEnd { length: p.length, end: p.end })));
        }
        links.reverse();
        Ok(Self { links, base })
    }

    /// The newest segment that a master began. Within one term the higher index wins: a writer goes on to the
    /// next only after it has given the one before up or closed it.
    fn newest(found: &[Found]) -> Result<Option<SegmentId>, BadSegment> {
        for file in found.iter().rev() {
            // Index 0 counts only when the header of another segment names it.
            if file.id.index == 0 || file.never_begun() {
                continue;
            }
            return match file.header {
                Ok(header) if header.id == file.id => Ok(Some(file.id)),
                Ok(_) => Err(BadSegment { id: file.id, flaw: HeaderFlaw::Damaged }),
                Err(flaw) => Err(BadSegment { id: file.id, flaw }),
            };
        }
        Ok(None)
    }

    /// The format that the log is written in.
    pub fn format(&self) -> u32 {
        self.links.iter().map(|link| link.header.format).max().unwrap_or(FIRST_FORMAT)
    }

    /// The place before the first record of the chain.
    pub fn start(&self) -> Position {
        self.links.first().map_or(Position::START, |link| link.header.start())
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
