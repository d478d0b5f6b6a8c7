//! The server and the connector against each other, and the server against hand-made requests, in
//! one process on a port of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answers;
mod fakes;
mod load;
mod raw;
mod rig;
mod sessions;
mod shutdown;
mod stage;
