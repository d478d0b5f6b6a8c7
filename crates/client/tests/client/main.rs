//! The client against made-up masters and workers, in one process. (Against the real ones it is tested
//! in the workspace's own tests.)
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod blocks;
mod local_blocks;
mod master;
mod masters;
mod registration;
mod rig;
mod worker;
