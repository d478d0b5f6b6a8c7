//! A master that is started while its journal's HDFS is away.

use std::path::Path;

use alluxio_tests::{Cluster, hdfs::Hdfs, masters::LIMIT, waiting::wait_until, web};
use anyhow::{Result, ensure};

#[test]
fn a_master_waits_for_an_hdfs_that_is_away() -> Result<()> {
    let mut hdfs = Hdfs::plan().start()?;
    let journal = format!("{}/alluxio/journal", hdfs.uri());
    let mut cluster = Cluster::plan().workers(0).journal(Path::new(&journal)).start()?;
    let made = cluster.alluxio(&["fs", "mkdir", "/kept"])?;
    ensure!(made.code == 0, "{}", made.output);
    cluster.stop_master()?;
    hdfs.stop_namenode()?;

    cluster.launch_master()?;
    let port = cluster.master_web_port();
    wait_until(LIMIT, "it tells what it waits for", || {
        let told = |text: &str| text.contains(&journal) && text.contains("it is tried again");
        Ok(web::get(port, "/readyz").is_ok_and(|page| told(&page.text)))
    })?;
    ensure!(web::is_served(port, "/livez"), "it is taken for dead");
    hdfs.start_namenode()?;
    wait_until(LIMIT, "it serves", || Ok(web::is_ready(port)))?;
    let listed = cluster.alluxio(&["fs", "ls", "/"])?;
    ensure!(listed.code == 0 && listed.output.contains("/kept"), "{}", listed.output);
    cluster.finish()?;
    hdfs.finish()
}
