//! In which order blocks are given up: least recently used, or by recency and frequency together.

use std::collections::BTreeSet;

/// `alluxio.worker.block.annotator.class`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OrderKind {
    /// Least recently used first.
    Lru,
    /// Lowest combined recency and frequency (Lee et al., LRFU) first. Each access counts one, and that
    /// count is divided by `attenuation` every `1 / step` later accesses.
    Lrfu { step: f64, attenuation: f64 },
}

/// A sortable position in the order; lower leaves earlier.
pub type Rank = u64;

/// Turns accesses into ranks. Knows nothing of blocks.
#[derive(Debug)]
pub struct Clock {
    kind: OrderKind,
    tick: u64,
}

impl Clock {
    pub fn new(kind: OrderKind) -> Clock {
        Clock { kind, tick: 0 }
    }

    /// The rank of a block that is accessed now and had `previous`.
    pub fn touch(&mut self, previous: Option<Rank>) -> Rank {
        self.tick += 1;
        match self.kind {
            OrderKind::Lru => self.tick,
            OrderKind::Lrfu { step, attenuation } => {
                // The score of all blocks decays by the same factor, so comparing
                // log(score at its last access) + decay * (that access's tick) keeps the order without
                // touching blocks that are not accessed.
                let now = step * attenuation.max(1.0).ln() * self.tick as f64;
                let score = match previous.map(from_rank) {
                    Some(old) => now + (old - now).exp().ln_1p(),
                    None => now,
                };
                to_rank(score)
            }
        }
    }
}

/// Scores are never negative (ticks count up from one), and the bits of non-negative floats sort as the
/// floats do.
fn to_rank(score: f64) -> Rank {
    score.max(0.0).to_bits()
}

fn from_rank(rank: Rank) -> f64 {
    f64::from_bits(rank)
}

/// The blocks of one folder, the next to leave first.
#[derive(Debug, Default)]
pub struct AccessOrder(BTreeSet<(Rank, i64)>);

impl AccessOrder {
    pub fn insert(&mut self, rank: Rank, block: i64) {
        self.0.insert((rank, block));
    }

    pub fn remove(&mut self, rank: Rank, block: i64) {
        self.0.remove(&(rank, block));
    }

    /// Blocks from the coldest on, after `after`.
    pub fn coldest_first(&self, after: Option<(Rank, i64)>) -> impl Iterator<Item = (Rank, i64)> + '_ {
        use std::ops::Bound::{Excluded, Unbounded};
        self.0.range((after.map_or(Unbounded, Excluded), Unbounded)).copied()
    }

    /// Blocks from the hottest on.
    pub fn hottest_first(&self) -> impl Iterator<Item = (Rank, i64)> + '_ {
        self.0.iter().rev().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lru_goes_by_the_last_access() {
        let mut clock = Clock::new(OrderKind::Lru);
        let a = clock.touch(None);
        let b = clock.touch(None);
        let a2 = clock.touch(Some(a));
        assert!(b < a2);
    }

    #[test]
    fn lrfu_keeps_a_block_read_often_over_one_read_once_just_now() {
        let mut clock = Clock::new(OrderKind::Lrfu { step: 0.1, attenuation: 2.0 });
        let mut often = clock.touch(None);
        for _ in 0..10 {
            often = clock.touch(Some(often));
        }
        let once = clock.touch(None);
        assert!(once < often);
    }

    #[test]
    fn lrfu_forgets_in_the_end() {
        let mut clock = Clock::new(OrderKind::Lrfu { step: 1.0, attenuation: 2.0 });
        let mut often = clock.touch(None);
        for _ in 0..10 {
            often = clock.touch(Some(often));
        }
        let mut last = 0;
        for _ in 0..10 {
            last = clock.touch(None);
        }
        assert!(often < last);
    }

    #[test]
    fn the_coldest_come_first_and_the_cursor_skips() {
        let mut order = AccessOrder::default();
        for (rank, block) in [(3, 30), (1, 10), (2, 20)] {
            order.insert(rank, block);
        }
        order.remove(2, 20);
        assert_eq!(order.coldest_first(None).collect::<Vec<_>>(), vec![(1, 10), (3, 30)]);
        assert_eq!(order.hottest_first().collect::<Vec<_>>(), vec![(3, 30), (1, 10)]);
        assert_eq!(order.coldest_first(Some((1, 10))).collect::<Vec<_>>(), vec![(3, 30)]);
    }
}
