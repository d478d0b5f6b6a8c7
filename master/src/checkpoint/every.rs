//! When a checkpoint is due.

use alluxio_conf::{Configuration, key};

/// A start opens each segment by itself. On HDFS a new one begins every ten seconds: this is three hours of them.
const SEGMENTS: usize = 1_000;

/// After so many records, or so many segments, whichever comes first.
#[derive(Clone, Copy, Debug)]
pub struct Every {
    pub records: u64,
    pub segments: usize,
}

impl Every {
    #[cfg(test)]
    pub const NEVER: Self = Self { records: u64::MAX, segments: usize::MAX };

    /// `alluxio.master.journal.checkpoint.period.entries`
    pub fn of(conf: &Configuration) -> Self {
        let records = conf.get(key::MASTER_JOURNAL_CHECKPOINT_PERIOD_ENTRIES);
        Self { records: u64::try_from(records).unwrap_or(u64::MAX), segments: SEGMENTS }
    }

    #[must_use]
    pub fn twice(self) -> Self {
        Self { records: self.records.saturating_mul(2), segments: self.segments.saturating_mul(2) }
    }

    /// A little later, by chance: standbys that read the same records shall not all write at the same place.
    #[must_use]
    pub fn staggered(self) -> Self {
        Self {
            records: self.records.saturating_add(rand::random_range(0..=self.records / 8)),
            segments: self.segments.saturating_add(rand::random_range(0..=self.segments / 8)),
        }
    }

    pub fn is_due(self, records: u64, segments: usize) -> bool {
        records >= self.records || segments >= self.segments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_records_or_many_segments_make_one_due() {
        let every = Every::of(&Configuration::defaults());
        assert!(!every.is_due(every.records - 1, every.segments - 1));
        assert!(every.is_due(every.records, 0) && every.is_due(1, every.segments));
        assert!(!every.twice().is_due(every.records, every.segments));
        let drawn: Vec<_> = (0..100).map(|_| every.staggered().records).collect();
        assert!(drawn.iter().all(|records| (every.records..=every.records * 9 / 8).contains(records)));
        assert!(drawn.iter().any(|records| *records != drawn[0]));
        assert_eq!(Every::NEVER.staggered().twice().records, u64::MAX);
    }
}
