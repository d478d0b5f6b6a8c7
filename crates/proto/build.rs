//! Compiles the schema with protox, so that no protoc has to be installed.

use std::{env, error::Error, path::PathBuf};

/// Every file with a service, plus the roots of what the journal and checkpoints store.
const ROOTS: &[&str] = &[
    "grpc/block_master.proto",
    "grpc/block_worker.proto",
    "grpc/file_system_master.proto",
    "grpc/job_master.proto",
    "grpc/journal_master.proto",
    "grpc/meta_master.proto",
    "grpc/metric_master.proto",
    "grpc/sasl_server.proto",
    "grpc/version.proto",
    "own/backup_delegation.proto",
    "own/checkpoint.proto",
    "own/coordination.proto",
    "own/journal_feed.proto",
    "own/worker_reports.proto",
    "proto/client/cache.proto",
    "proto/journal/journal.proto",
    "proto/meta/block.proto",
    "proto/meta/inode_meta.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Absolute, because a root such as `proto/meta/block.proto` would otherwise match the include itself.
    let include = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("proto");
    let descriptors = protox::compile(ROOTS, [include])?;
    tonic_prost_build::configure()
        .include_file("schema.rs")
        // Block data travels without being copied out of the receive buffer.
        .bytes(".alluxio.grpc.block.Chunk")
        .bytes(".alluxio.own.FollowResponse.payloads")
        // Replies and records must not depend on hash order.
        .btree_map(".")
        .out_dir(&out)
        .compile_fds(descriptors)?;
    Ok(())
}
