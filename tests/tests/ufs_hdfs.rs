//! A whole cluster over a real HDFS: what HDFS' own client writes is seen, what ours writes is HDFS' own client's to read.

mod hdfs_cluster;

use std::{net::TcpListener, time::Duration};

use alluxio_tests::{
    Cluster, client,
    hdfs::Hdfs,
    java::{JavaClient, Kind, Locality, ShellSession},
    payload,
    waiting::wait_until,
};
use anyhow::{Context, Result, ensure};
use hdfs_cluster::Both;
use tokio::task::block_in_place;

const LIMIT: Duration = Duration::from_secs(60);
const VERSION: &str = "2.9.6";

#[test]
fn both_sides_see_what_the_other_does() -> Result<()> {
    let mut both = Both::start()?;
    what_they_write_is_seen(&mut both)?;
    what_we_write_is_theirs(&mut both)?;
    what_we_change_is_changed(&mut both)?;
    what_they_change_is_seen(&mut both)?;
    the_java_client(&mut both)?;
    what_they_replace_unseen(&mut both)?;
    nested(&mut both)?;
    both.finish()
}

fn what_they_write_is_seen(both: &mut Both) -> Result<()> {
    both.theirs(&["-mkdir", "-p", "/alluxio/in/deep"])?;
    both.put("of theirs", "/alluxio/in/deep/file")?;
    both.theirs(&["-chown", "alice:staff", "/alluxio/in/deep/file"])?;
    both.theirs(&["-chmod", "640", "/alluxio/in/deep/file"])?;
    let listing = both.ours(&["ls", "-R", "/in"])?;
    let line = listing.lines().find(|line| line.contains("/in/deep/file")).context(listing.clone())?;
    ensure!(line.starts_with("-rw-r-----") && line.contains("alice") && line.contains("staff"), "{line}");
    ensure!(line.contains(" 9 ") && line.contains("PERSISTED"), "{line}");
    for _cold_then_cached in 0..2 {
        ensure!(both.ours(&["cat", "/in/deep/file"])? == "of theirs");
    }
    Ok(())
}

fn what_we_write_is_theirs(both: &mut Both) -> Result<()> {
    let large = both.cluster.folder().join("large");
    payload::write(&large, 9_000_000, 3)?;
    for write_type in ["THROUGH", "CACHE_THROUGH", "ASYNC_THROUGH"] {
        both.cluster.set("alluxio.user.file.writetype.default", write_type);
        let path = format!("/out/{write_type}");
        both.ours(&["copyFromLocal", &large.display().to_string(), &path])?;
        let under = format!("/alluxio{path}");
        wait_until(LIMIT, &format!("{write_type} is persisted"), || both.is_there(&under))?;
        let copy = both.cluster.folder().join(format!("{write_type}.copy"));
        both.theirs(&["-get", &under, &copy.display().to_string()])?;
        payload::ensure_same(&large, &copy)?;
        ensure!(both.attributes(&under)? == "root root 644", "{write_type}: {}", both.attributes(&under)?);
        let back = both.cluster.folder().join(format!("{write_type}.back"));
        both.ours(&["copyToLocal", &path, &back.display().to_string()])?;
        payload::ensure_same(&large, &back)?;
    }
    let listing = both.theirs(&["-ls", "/alluxio/out"])?;
    ensure!(listing.contains("Found 3 items"), "temporary files are left:\n{listing}");
    both.cluster.set("alluxio.user.file.writetype.default", "CACHE_THROUGH");
    both.ours(&["touch", "/out/empty"])?;
    ensure!(both.theirs(&["-stat", "%b", "/alluxio/out/empty"])?.trim() == "0");
    Ok(())
}

fn what_we_change_is_changed(both: &mut Both) -> Result<()> {
    both.ours(&["mkdir", "/changed"])?;
    both.ours(&["mv", "/out/THROUGH", "/changed/moved"])?;
    ensure!(both.is_there("/alluxio/changed/moved")? && !both.is_there("/alluxio/out/THROUGH")?);
    both.ours(&["mv", "/changed", "/renamed"])?;
    ensure!(both.is_there("/alluxio/renamed/moved")? && !both.is_there("/alluxio/changed")?);
    both.ours(&["chmod", "-R", "710", "/renamed"])?;
    ensure!(both.attributes("/alluxio/renamed/moved")?.ends_with(" 710"));
    both.ours(&["chown", "daemon:daemon", "/renamed/moved"])?;
    ensure!(both.attributes("/alluxio/renamed/moved")? == "daemon daemon 710");
    both.ours(&["rm", "/renamed/moved"])?;
    ensure!(!both.is_there("/alluxio/renamed/moved")?);
    both.ours(&["rm", "-R", "/out"])?;
    ensure!(!both.is_there("/alluxio/out")?);
    Ok(())
}

fn what_they_change_is_seen(both: &mut Both) -> Result<()> {
    both.put("longer, and of theirs", "/alluxio/in/deep/file")?;
    ensure!(both.ours(&["cat", "/in/deep/file"])? == "longer, and of theirs");
    both.theirs(&["-chmod", "600", "/alluxio/in/deep/file"])?;
    let listing = both.ours(&["ls", "/in/deep"])?;
    ensure!(listing.starts_with("-rw-------"), "{listing}");
    both.put("new", "/alluxio/in/deep/second")?;
    ensure!(both.ours(&["ls", "/in/deep"])?.contains("/in/deep/second"));
    both.theirs(&["-rm", "-skipTrash", "/alluxio/in/deep/second"])?;
    ensure!(both.refused(&["cat", "/in/deep/second"])?.contains("does not exist"));
    both.theirs(&["-mkdir", "/alluxio/in/deep/second"])?;
    let listing = both.ours(&["ls", "/in/deep"])?;
    ensure!(
        listing.lines().any(|line| line.starts_with('d') && line.contains("/in/deep/second")),
        "{listing}"
    );
    Ok(())
}

fn the_java_client(both: &mut Both) -> Result<()> {
    let mut client = JavaClient::new(VERSION, Locality::Streams, &both.cluster)?;
    client.set("alluxio.user.file.writetype.default", "CACHE_THROUGH");
    client.set("alluxio.user.file.metadata.sync.interval", "0");
    let mut shell = ShellSession::start(&client, Kind::Alluxio, LIMIT)?;
    ensure!(shell.text(&["cat", "/in/deep/file"])? == "longer, and of theirs");
    let source = both.cluster.folder().join("java");
    payload::write(&source, 3_000_000, 5)?;
    shell.run(&["copyFromLocal", &source.display().to_string(), "/in/of java"])?;
    let copy = both.cluster.folder().join("java.copy");
    both.theirs(&["-get", "/alluxio/in/of java", &copy.display().to_string()])?;
    payload::ensure_same(&source, &copy)
}

/// Nobody has looked since: the Java client is told, has the master look, and then reads what is there.
fn what_they_replace_unseen(both: &mut Both) -> Result<()> {
    let mut client = JavaClient::new(VERSION, Locality::Streams, &both.cluster)?;
    client.set("alluxio.user.file.metadata.sync.interval", "-1");
    let mut shell = ShellSession::start(&client, Kind::Alluxio, LIMIT)?;
    both.put("first of theirs", "/alluxio/in/unseen")?;
    both.ours(&["ls", "/in/unseen"])?;
    both.put("other of theirs", "/alluxio/in/unseen")?;
    let told = shell.refused(&["cat", "/in/unseen"])?;
    ensure!(told.contains("was changed in the under storage"), "{told}");
    ensure!(shell.text(&["cat", "/in/unseen"])? == "other of theirs");
    Ok(())
}

fn nested(both: &mut Both) -> Result<()> {
    both.theirs(&["-mkdir", "-p", "/elsewhere"])?;
    both.put("elsewhere", "/elsewhere/file")?;
    let uri = format!("{}/elsewhere", both.hdfs.uri());
    both.ours(&["mkdir", "/mnt"])?;
    both.ours(&["mount", "--option", "dfs.blocksize=1m", "/mnt/other", &uri])?;
    ensure!(both.ours(&["cat", "/mnt/other/file"])? == "elsewhere");
    let mounts = both.ours(&["mount"])?;
    let line = mounts.lines().find(|line| line.contains("/mnt/other")).context(mounts.clone())?;
    ensure!(line.contains(&uri) && line.contains("hdfs") && line.contains("dfs.blocksize=1m"), "{line}");
    let large = both.cluster.folder().join("large");
    both.ours(&["copyFromLocal", &large.display().to_string(), "/mnt/other/large"])?;
    ensure!(both.theirs(&["-stat", "%o", "/elsewhere/large"])?.trim() == "1048576");
    both.ours(&["unmount", "/mnt/other"])?;
    ensure!(both.is_there("/elsewhere/large")?);
    Ok(())
}

#[test]
fn a_mount_that_cannot_be_is_refused_with_the_reason() -> Result<()> {
    let both = Both::start()?;
    both.ours(&["mkdir", "/mnt"])?;

    // Nobody listens there.
    let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let told = both.refused(&["mount", "/mnt/away", &format!("hdfs://{free}/a")])?;
    ensure!(told.contains(&format!("hdfs://{free}/a")) && told.contains("HDFS does not answer"), "{told}");
    let told = both.refused(&["mount", "/mnt/none", "hdfs://no-such-service/a"])?;
    ensure!(told.contains("'no-such-service' is no host that is known here"), "{told}");
    let told = both.refused(&["mount", "/mnt/none", &format!("{}/none", both.hdfs.uri())])?;
    ensure!(told.contains("does not exist"), "{told}");
    let option = "alluxio.underfs.hdfs.configuration=/nowhere/core-site.xml";
    let told = both.refused(&["mount", "--option", option, "/mnt/none", &both.hdfs.uri()])?;
    ensure!(told.contains("/nowhere/core-site.xml, which cannot be read"), "{told}");
    both.finish()
}

/// HDFS judges what the cluster's own user may do there; the cluster tells.
#[test]
fn what_hdfs_forbids_is_told() -> Result<()> {
    let mut hdfs = Hdfs::plan().datanodes(1).superuser("hdfs").start()?;
    hdfs.make_folder("/open", "777")?;
    hdfs.make_folder("/open/closed", "700")?;
    let cluster = Cluster::plan()
        .set("alluxio.master.mount.table.root.ufs", &format!("{}/open", hdfs.uri()))
        .set("alluxio.user.file.writetype.default", "CACHE_THROUGH")
        .start()?;
    let both = Both { cluster, hdfs };
    both.ours(&["mkdir", "/own"])?;
    for refused in [&["ls", "/closed"][..], &["mkdir", "/closed/a"][..], &["chmod", "777", "/closed"][..]] {
        let told = both.refused(refused)?;
        ensure!(told.contains("Permission denied") && !told.contains("RPC error"), "{refused:?}: {told}");
    }
    both.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_replaced_while_it_is_read_is_never_read_as_a_mixture() -> Result<()> {
    let mut hdfs = Hdfs::plan().datanodes(1).start()?;
    hdfs.make_folder("/alluxio", "755")?;
    let cluster = Cluster::plan()
        .set("alluxio.master.mount.table.root.ufs", &format!("{}/alluxio", hdfs.uri()))
        .set("alluxio.user.block.size.bytes.default", "1MB")
        .set("alluxio.user.block.read.retry.max.duration", "5s")
        .start()?;
    let mut both = Both { cluster, hdfs };
    let versions = [vec![1; 5 << 20], vec![2; 5 << 20]];
    let local = both.cluster.folder().join("version");
    let put = |both: &mut Both, version: usize| -> Result<()> {
        std::fs::write(&local, &versions[version])?;
        both.theirs(&["-put", "-f", &local.display().to_string(), "/alluxio/file"]).map(drop)
    };
    put(&mut both, 0)?;
    let files = client::connect(&both.cluster).await?;
    let replace = async { block_in_place(|| put(&mut both, 1)) };
    let (read, ended) = client::read_across(&files, "/file", replace).await?;
    let told = ended.map(|error| error.to_string()).unwrap_or_default();
    ensure!(told.contains("replaced") || told.contains("was changed"), "{} bytes: {told}", read.len());
    ensure!(!told.contains('\n') && read.iter().all(|byte| *byte == 1), "a mixture, then {told}");
    ensure!(client::read(&files, "/file").await?[..] == versions[1][..], "it is not the new version");
    drop(files);
    both.finish()
}
