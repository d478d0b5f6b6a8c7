//! Tests of the operations as clients see them.

mod concurrency;
mod errors;
mod model;
mod mounts;
mod operations;
mod permissions;
mod replays;
