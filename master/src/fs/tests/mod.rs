//! Tests of the operations as clients see them.

mod below;
mod bounds;
mod browse;
mod concurrency;
mod errors;
mod faults;
mod model;
mod mounts;
mod operations;
mod permissions;
mod replays;
