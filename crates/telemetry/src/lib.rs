//! What a process tells about itself: logs ([`logs`]) and metrics ([`metrics`]) under Alluxio's names.
//!
//! Both are cheap where they are used and bounded: a log line never waits for a slow disk or pipe, counting never
//! takes a lock.

pub mod logs;
pub mod metrics;
