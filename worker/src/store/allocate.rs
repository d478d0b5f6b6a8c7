//! Which folder a new block goes to.

use super::catalog::DirId;

/// `alluxio.worker.allocator.class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllocatorKind {
    /// The folder with the most free bytes.
    MaxFree,
    /// Folders in turn.
    RoundRobin,
    /// The first folder that fits.
    Greedy,
}

/// Chooses among folders of one tier.
#[derive(Debug)]
pub struct Allocator {
    kind: AllocatorKind,
    turn: usize,
}

impl Allocator {
    pub fn new(kind: AllocatorKind) -> Allocator {
        Allocator { kind, turn: 0 }
    }

    /// The folder for `bytes` among (folder, free bytes) of one tier, or `None` when none fits.
    pub fn choose(&mut self, dirs: &[(DirId, u64)], bytes: u64) -> Option<DirId> {
        let fits = |free: u64| free >= bytes;
        match self.kind {
            AllocatorKind::Greedy => dirs.iter().find(|(_, free)| fits(*free)).map(|(dir, _)| *dir),
            AllocatorKind::MaxFree => {
                // max_by_key keeps the last of equals; the first is expected, so turn the list around.
                let best = dirs.iter().rev().max_by_key(|(_, free)| *free)?;
                fits(best.1).then_some(best.0)
            }
            AllocatorKind::RoundRobin => {
                let start = self.turn % dirs.len().max(1);
                let (before, from) = dirs.split_at(start);
                let found = from.iter().chain(before).position(|(_, free)| fits(*free))?;
                let index = (start + found) % dirs.len();
                self.turn = index + 1;
                Some(dirs[index].0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRS: [(DirId, u64); 3] = [(DirId(0), 10), (DirId(1), 30), (DirId(2), 20)];

    #[test]
    fn each_kind_chooses_as_named() {
        assert_eq!(Allocator::new(AllocatorKind::MaxFree).choose(&DIRS, 5), Some(DirId(1)));
        assert_eq!(Allocator::new(AllocatorKind::Greedy).choose(&DIRS, 15), Some(DirId(1)));
        let mut turns = Allocator::new(AllocatorKind::RoundRobin);
        let chosen: Vec<_> = (0..4).filter_map(|_| turns.choose(&DIRS, 5)).collect();
        assert_eq!(chosen, vec![DirId(0), DirId(1), DirId(2), DirId(0)]);
    }

    #[test]
    fn nothing_fits_nothing_chosen() {
        for kind in [AllocatorKind::MaxFree, AllocatorKind::Greedy, AllocatorKind::RoundRobin] {
            assert_eq!(Allocator::new(kind).choose(&DIRS, 31), None);
            assert_eq!(Allocator::new(kind).choose(&[], 0), None);
        }
    }
}
