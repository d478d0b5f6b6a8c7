//! The wire schema of Alluxio 2.9: one `.proto` file per upstream package under `proto/`, and the
//! types, clients and servers generated from them. Nothing else lives here.
//!
//! The schema is proto2, so `optional` scalars are `Option`s: several Java clients and servers test
//! for presence. A test in `tests/` compares every field with the schema the Java client carries.

// Generated code is not ours to lint.
#[allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::panic, non_camel_case_types)]
mod schema {
    include!(concat!(env!("OUT_DIR"), "/schema.rs"));
}

pub use schema::alluxio::grpc;
pub use schema::alluxio::own;
pub use schema::alluxio::proto::{client, dataserver, journal, meta, shared, status};
