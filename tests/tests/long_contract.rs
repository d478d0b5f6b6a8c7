//! Hadoop's contract of a file system on HDFS and S3, beside a cluster of the original on the same store. See ufs_contract.rs.

mod contract;

use alluxio_tests::{
    hdfs::Hdfs,
    root_mount,
    s3::{S3, options},
};
use anyhow::Result;

use contract::ours_keeps_what_the_original_keeps;

#[test]
fn on_hdfs() -> Result<()> {
    let mut hdfs = Hdfs::plan().datanodes(1).start()?;
    let mut root = |folder: &str| {
        hdfs.make_folder(folder, "755")?;
        anyhow::Ok(root_mount(&format!("{}{folder}", hdfs.uri()), hdfs.client_properties()))
    };
    let (ours, theirs) = (root("/ours")?, root("/theirs")?);
    ours_keeps_what_the_original_keeps("HDFS", &ours, &theirs)?;
    hdfs.finish()
}

#[test]
fn on_s3() -> Result<()> {
    let server = S3::start(&["ours", "theirs"])?;
    let root = |bucket: &str| root_mount(&format!("s3://{bucket}/"), options(server.at()));
    ours_keeps_what_the_original_keeps("S3", &root("ours"), &root("theirs"))?;
    server.finish()
}
