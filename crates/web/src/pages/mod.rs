//! The pages that masters and workers have alike.

mod configuration;
mod logs;
mod metrics;
mod notice;

pub use configuration::{ConfigurationPage, Filter};
pub use logs::{LogAsked, logs};
pub use metrics::MetricsPage;
pub use notice::{Notice, absent};
