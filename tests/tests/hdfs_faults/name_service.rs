//! The journal on a name service: its NameNodes take turns, and the masters go on.

use std::path::Path;

use alluxio_client::FileSystem;
use alluxio_fs::AlluxioPath;
use alluxio_tests::{Cluster, Masters, client::create_empty, hdfs::Hdfs};
use anyhow::{Context, Result, ensure};
use tokio::task::block_in_place;

const IN_EACH: usize = 20;

fn start(hdfs: &Hdfs) -> Result<Masters> {
    let journal = format!("{}/alluxio/journal", hdfs.uri());
    let mut plan = Cluster::plan().workers(0).journal(Path::new(&journal));
    for (name, value) in hdfs.client_properties() {
        plan = plan.set(&format!("alluxio.master.journal.ufs.option.{name}"), &value);
    }
    Masters::start(2, plan)
}

async fn create(files: &FileSystem, time: &str) -> Result<()> {
    for number in 0..IN_EACH {
        let path = format!("/{time}/{number}");
        create_empty(files, &path).await.with_context(|| path)?;
    }
    Ok(())
}

async fn are_there(files: &FileSystem, times: &[&str]) -> Result<()> {
    for time in times {
        for number in 0..IN_EACH {
            let path = format!("/{time}/{number}");
            files.get_status(&AlluxioPath::parse(&path)?, Default::default()).await.context(path)?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_follows_the_active_namenode() -> Result<()> {
    let mut hdfs = block_in_place(|| Hdfs::plan().name_service().start())?;
    let mut masters = block_in_place(|| start(&hdfs))?;
    let files = FileSystem::connect(&masters.client_conf(&[])?).await?;
    create(&files, "first").await?;
    let leader = block_in_place(|| masters.wait_for_leader())?;

    // An orderly change.
    block_in_place(|| hdfs.activate(1))?;
    create(&files, "second").await?;
    ensure!(masters.leader() == Some(leader), "the change has cost the master the lead");

    // The end of the active one, and only then the other.
    block_in_place(|| hdfs.activate(0))?;
    create(&files, "third").await?;
    let before = block_in_place(|| masters.tree_hash(leader))?;
    block_in_place(|| -> Result<()> {
        hdfs.stop_namenode()?;
        hdfs.activate(1)
    })?;
    create(&files, "fourth").await?;

    // Whoever leads next finds all of it through the other NameNode.
    let leader = block_in_place(|| masters.wait_for_leader())?;
    block_in_place(|| masters.kill(leader))?;
    let next = block_in_place(|| masters.wait_for_leader())?;
    ensure!(next != leader && block_in_place(|| masters.tree_hash(next))? != before, "the tree is as it was");
    are_there(&files, &["first", "second", "third", "fourth"]).await?;
    create(&files, "fifth").await?;
    block_in_place(|| {
        masters.finish()?;
        hdfs.finish()
    })
}
