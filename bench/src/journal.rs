//! What the load meant for our journal: how many records share a sync, and how long one takes.

use anyhow::{Context, Result};

use crate::{
    report::Report,
    system::{Side, System},
};

/// Counters of the master's journal, or what they grew by.
pub struct Batches {
    batches: f64,
    records: f64,
    bytes: f64,
    nanos: f64,
    fence_nanos: f64,
    /// Since the master's start.
    longest_nanos: f64,
    most_records: f64,
}

impl Batches {
    /// None for who does not tell.
    pub fn of(system: &dyn System) -> Result<Option<Batches>> {
        let Some(gauges) = system.gauges()? else { return Ok(None) };
        let gauge = |name: &str| {
            gauges[name]["value"].as_f64().with_context(|| format!("the master has no gauge {name}"))
        };
        Ok(Some(Batches {
            batches: gauge("Master.JournalBatches")?,
            records: gauge("Master.JournalBatchRecords")?,
            bytes: gauge("Master.JournalBatchBytes")?,
            nanos: gauge("Master.JournalBatchNanos")?,
            fence_nanos: gauge("Master.JournalFenceNanos")?,
            longest_nanos: gauge("Master.JournalBatchNanosMax")?,
            most_records: gauge("Master.JournalBatchRecordsMax")?,
        }))
    }

    pub fn since(&self, before: &Batches) -> Batches {
        Batches {
            batches: self.batches - before.batches,
            records: self.records - before.records,
            bytes: self.bytes - before.bytes,
            nanos: self.nanos - before.nanos,
            fence_nanos: self.fence_nanos - before.fence_nanos,
            ..*self
        }
    }

    pub fn report(&self, side: Side, report: &mut Report) {
        let each = |sum: f64| sum / self.batches.max(1.0);
        report.add(side, "journal: batches", self.batches, "count");
        report.add(side, "journal: records in a batch, mean", each(self.records), "records");
        report.add(side, "journal: records in a batch, most", self.most_records, "records");
        report.add(side, "journal: bytes of a record, mean", self.bytes / self.records.max(1.0), "bytes");
        report.add(side, "journal: a batch until durable, mean", each(self.nanos) / 1e6, "ms");
        report.add(side, "journal: a batch until durable, longest", self.longest_nanos / 1e6, "ms");
        report.add(side, "journal: the fence in it, mean", each(self.fence_nanos) / 1e6, "ms");
    }
}
