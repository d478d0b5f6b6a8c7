//! Faults of a real HDFS under the driver: they wait for time limits, so they are in the long command.

use std::time::Duration;

use crate::hdfs_cluster::Both;
use crate::hdfs_driver::{open, put};
use alluxio_tests::hdfs::Hdfs;
use alluxio_ufs::{Attributes, ListOptions, UfsErrorKind, UfsPath};
use anyhow::{Context, Result, ensure};

/// The NameNode goes on naming a DataNode that has died; the library alone would hang on it.
#[tokio::test(flavor = "multi_thread")]
async fn writing_goes_on_with_a_dead_datanode() -> Result<()> {
    let mut hdfs = Hdfs::plan().start()?;
    hdfs.make_erasure_coded("/coded")?;
    let coded = open(&hdfs, "/coded", &[])?;
    put(&*coded, "file", b"in cells", Attributes::default()).await?;
    ensure!(coded.read_range(&UfsPath::parse("file")?, 0, 100).await? == "in cells");

    let ufs = open(&hdfs, "/data", &[])?;
    put(&*ufs, "before", b"x", Attributes::default()).await?;
    hdfs.stop_datanode(1)?;
    let content = vec![1; 3 << 20];
    for name in ["first", "second"] {
        let write = put(&*ufs, name, &content, Attributes::default());
        tokio::time::timeout(Duration::from_secs(60), write).await.context(name)??;
        ensure!(hdfs.replication(&format!("/data/{name}"))? == 3);
        let path = UfsPath::parse(name)?;
        ensure!(ufs.read_range(&path, 0, 3 << 20).await? == content, "{name} reads otherwise");
    }
    let mut lister =
        ufs.list(&UfsPath::root(), ListOptions { include_temporary: true, ..Default::default() }).await?;
    let names: Vec<_> = lister.next().await?.unwrap_or_default().entries;
    ensure!(
        names.iter().map(|entry| entry.name()).collect::<Vec<_>>() == ["before", "first", "second"],
        "{names:?}"
    );
    hdfs.finish()
}

/// What is asked while the NameNode is away fails in time, and works again when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_namenode_that_goes_away_is_told() -> Result<()> {
    let mut hdfs = Hdfs::plan().datanodes(1).start()?;
    let ufs = open(&hdfs, "/data", &[])?;
    put(&*ufs, "file", b"content", Attributes::default()).await?;
    hdfs.stop_namenode()?;
    let path = UfsPath::parse("file")?;
    let away = ufs.status(&path).await.err().context("the NameNode answers")?;
    ensure!(away.kind() == UfsErrorKind::Unavailable, "{away}");
    ensure!(away.to_string().contains("HDFS does not answer"), "{away}");
    let away = ufs.open(&path, 0, None).await.err().context("it was opened")?;
    ensure!(away.kind() == UfsErrorKind::Unavailable, "{away}");
    hdfs.start_namenode()?;
    ensure!(ufs.read_range(&path, 0, 10).await? == "content");
    hdfs.finish()
}

#[test]
fn a_cluster_tells_that_the_namenode_is_away() -> Result<()> {
    let mut both = Both::start()?;
    both.put("content", "/alluxio/file")?;
    both.ours(&["ls", "/"])?;
    both.hdfs.stop_namenode()?;
    let told = both.refused(&["cat", "/file"])?;
    ensure!(told.contains("HDFS does not answer"), "{told}");
    let told = both.refused(&["mkdir", "/folder"])?;
    ensure!(told.contains("HDFS does not answer"), "{told}");
    both.hdfs.start_namenode()?;
    ensure!(both.ours(&["cat", "/file"])? == "content");
    both.ours(&["mkdir", "/folder"])?;
    both.finish()
}
