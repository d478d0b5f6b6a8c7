//! Hadoop's contract of a file system on HDFS and S3, beside a cluster of the original. See ufs_contract.rs.

mod contract;

use alluxio_tests::{
    hdfs::Hdfs,
    root_mount,
    s3::{S3, options},
};
use anyhow::Result;

use contract::ours_keeps_what_the_original_keeps;

/// Beside the original on a local folder.
#[test]
fn on_hdfs() -> Result<()> {
    let mut hdfs = Hdfs::plan().datanodes(1).start()?;
    hdfs.make_folder("/alluxio", "755")?;
    let root = root_mount(&format!("{}/alluxio", hdfs.uri()), hdfs.client_properties());
    ours_keeps_what_the_original_keeps("HDFS", &root, &[])?;
    hdfs.finish()
}

#[test]
fn on_s3() -> Result<()> {
    let server = S3::start(&["ours", "theirs"])?;
    let root = |bucket: &str| root_mount(&format!("s3://{bucket}/"), options(server.at()));
    ours_keeps_what_the_original_keeps("S3", &root("ours"), &root("theirs"))?;
    server.finish()
}
