//! Tests of the operations as clients see them.

mod below;
mod bounds;
mod browse;
mod concurrency;
mod errors;
mod evictions;
mod faults;
mod late_changes;
mod metrics;
mod model;
mod mount_deletes;
mod mounts;
mod operations;
mod permissions;
mod replaced;
mod replays;
mod settings;
