//! How a journal is written.

use std::time::Duration;

use uuid::Uuid;

/// Settings of a journal. The defaults suit a local disk.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who claims the term: text that a person can use to find this process, such as host:port.
    pub owner: String,
    /// The cluster whose journal it must be, where that is known: another one's is not touched.
    pub cluster: Option<Uuid>,
    /// Begin a new segment when the open one has this many bytes.
    pub roll_bytes: u64,
    /// Begin a new segment when the open one has records and is this old.
    pub roll_age: Duration,
    /// Where the open segment can be followed: say in it that the last batch is durable when this time passes
    /// without another batch, which would say so.
    pub mark_after: Duration,
    /// Permits that may be out at a time: granted and not yet durable.
    pub max_queued_records: usize,
    /// No permits are granted while this many bytes wait to become durable. Permits granted before may go
    /// beyond it, each by one record.
    pub max_queued_bytes: u64,
    /// Wait before the first new attempt after a failed write; doubles up to `retry_max`.
    pub retry_min: Duration,
    /// Longest wait between attempts.
    pub retry_max: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            owner: "unnamed".to_owned(),
            cluster: None,
            roll_bytes: 64 << 20,
            roll_age: Duration::from_secs(600),
            mark_after: Duration::from_millis(200),
            max_queued_records: 16_384,
            max_queued_bytes: 64 << 20,
            retry_min: Duration::from_millis(100),
            retry_max: Duration::from_secs(5),
        }
    }
}
