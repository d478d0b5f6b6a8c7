//! Tests of the operations as clients see them.

mod below;
mod bounds;
mod concurrency;
mod errors;
mod evictions;
mod faults;
mod model;
mod mounts;
mod operations;
mod permissions;
mod replays;
