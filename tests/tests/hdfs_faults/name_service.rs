//! The journal, and under storages, on a name service: its NameNodes take turns, and the cluster goes on.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use alluxio_client::FileSystem;
use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::{CreateFilePOptions, WritePType};
use alluxio_tests::{
    Cluster, Masters,
    client::{self, create_empty},
    hdfs::Hdfs,
    waiting::wait_until,
};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
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

/// Whoever waits for HDFS longer than that, waits without end.
const AWAY: Duration = Duration::from_secs(45);
const LIMIT: Duration = Duration::from_secs(60);
const SUPERUSER: &str = "root";

/// A cluster whose root, and a mount in it, are on the name service.
struct Over {
    cluster: Cluster,
    hdfs: Hdfs,
}

impl Over {
    fn start() -> Result<Over> {
        let mut hdfs = Hdfs::plan().datanodes(1).name_service().start()?;
        hdfs.make_folder("/alluxio", "755")?;
        hdfs.make_folder("/nested", "755")?;
        let mut plan = Cluster::plan()
            .set("alluxio.master.mount.table.root.ufs", &format!("{}/alluxio", hdfs.uri()))
            // A file of some megabytes asks the NameNode for blocks again and again.
            .set("alluxio.master.mount.table.root.option.dfs.blocksize", "1m");
        for (name, value) in hdfs.client_properties() {
            plan = plan.set(&format!("alluxio.master.mount.table.root.option.{name}"), &value);
        }
        let over = Over { cluster: plan.start()?, hdfs };
        let mut mount = vec!["mount".to_owned()];
        for (name, value) in over.hdfs.client_properties() {
            mount.extend(["--option".to_owned(), format!("{name}={value}")]);
        }
        mount.extend(["/nested".to_owned(), format!("{}/nested", over.hdfs.uri())]);
        over.ours(&mount.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(over)
    }

    fn ours(&self, arguments: &[&str]) -> Result<String> {
        let done = self.cluster.alluxio(&[&["fs"], arguments].concat())?;
        ensure!(done.code == 0, "{arguments:?}: exit code {}\n{}", done.code, done.output);
        Ok(done.output)
    }

    /// What it says in its one line, within the time that HDFS is waited for.
    fn refused(&self, arguments: &[&str]) -> Result<()> {
        let began = Instant::now();
        let done = self.cluster.alluxio(&[&["fs"], arguments].concat())?;
        ensure!(done.code != 0, "{arguments:?} succeeded:\n{}", done.output);
        let said = done.output.trim();
        println!("{arguments:?} after {:?}: {said}", began.elapsed());
        ensure!(said.contains("HDFS does not answer") && said.lines().count() == 1, "{arguments:?}: {said}");
        ensure!(began.elapsed() < AWAY, "{arguments:?} took {:?}", began.elapsed());
        Ok(())
    }

    /// The content as HDFS' own client reads it.
    fn is_theirs(&mut self, path: &str, content: &[u8]) -> Result<()> {
        let copy = self.cluster.folder().join("copy");
        self.hdfs.shell(SUPERUSER, &["-get", "-f", path, &copy.display().to_string()])?;
        ensure!(fs::read(copy)? == content, "{path} has another content");
        Ok(())
    }

    fn finish(self) -> Result<()> {
        self.cluster.finish()?;
        self.hdfs.finish()
    }
}

fn content(seed: u8) -> Vec<u8> {
    (0..5_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed).collect()
}

/// Writes a file of which some is written before `between`, and the rest behind it.
async fn write_across(
    files: &FileSystem,
    path: &str,
    content: &[u8],
    between: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let options =
        CreateFilePOptions { write_type: Some(WritePType::CacheThrough.into()), ..Default::default() };
    let mut file = files.create(&AlluxioPath::parse(path)?, options).await?;
    let (first, rest) = content.split_at(content.len() / 2);
    file.write(Bytes::copy_from_slice(first)).await?;
    block_in_place(between)?;
    for piece in rest.chunks(1 << 20) {
        file.write(Bytes::copy_from_slice(piece)).await?;
    }
    Ok(file.close().await?)
}

async fn state(files: &FileSystem, path: &str) -> Result<String> {
    let info = files.get_status(&AlluxioPath::parse(path)?, Default::default()).await?;
    Ok(info.persistence_state().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn under_storages_follow_the_active_namenode() -> Result<()> {
    let mut over = block_in_place(Over::start)?;
    let files = client::connect(&over.cluster).await?;
    let looking =
        client::connect_with(&over.cluster, &[("alluxio.user.file.metadata.sync.interval", "0")]).await?;

    // An orderly change, in the midst of a file.
    let hdfs = &mut over.hdfs;
    write_across(&files, "/orderly", &content(1), || hdfs.activate(1)).await?;
    block_in_place(|| over.is_theirs("/alluxio/orderly", &content(1)))?;
    client::write(&files, "/nested/file", content(2).into(), WritePType::Through).await?;
    ensure!(client::read(&looking, "/nested/file").await?[..] == content(2)[..], "a cold read differs");
    block_in_place(|| over.ours(&["ls", "-f", "-R", "/"]))?;

    // The end of the active one, in the midst of a file.
    block_in_place(|| over.hdfs.activate(0))?;
    let hdfs = &mut over.hdfs;
    let fails_over = || {
        // A file whose creation is on its way when the NameNode dies is written anew by whoever wrote it.
        wait_until(LIMIT, "it is created", || {
            Ok(hdfs.shell(SUPERUSER, &["-ls", "/nested"])?.contains("killed.alluxio."))
        })?;
        hdfs.stop_namenode()?;
        hdfs.activate(1)
    };
    write_across(&files, "/nested/killed", &content(3), fails_over).await?;
    block_in_place(|| over.is_theirs("/nested/killed", &content(3)))?;
    client::write(&files, "/later", content(4).into(), WritePType::AsyncThrough).await?;
    wait_until_persisted(&files, "/later").await?;
    block_in_place(|| over.is_theirs("/alluxio/later", &content(4)))?;
    block_in_place(|| {
        over.ours(&["mv", "/later", "/moved"])?;
        over.ours(&["rm", "/orderly"])?;
        over.ours(&["mkdir", "/made"])
    })?;
    ensure!(block_in_place(|| over.hdfs.try_shell(SUPERUSER, &["-test", "-e", "/alluxio/orderly"]))?.0 != 0);
    over.finish()
}

/// While no NameNode is active, what needs HDFS is refused in time and in a line, the rest goes on, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn without_an_active_namenode_all_is_told_and_nothing_is_lost() -> Result<()> {
    let mut over = block_in_place(Over::start)?;
    let files = client::connect(&over.cluster).await?;
    client::write(&files, "/cached", content(1).into(), WritePType::CacheThrough).await?;
    client::write(&files, "/cold", content(2).into(), WritePType::Through).await?;
    client::write(&files, "/waits", content(3).into(), WritePType::MustCache).await?;
    let before = block_in_place(|| over.ours(&["ls", "-R", "/"]))?;

    block_in_place(|| over.hdfs.stop_namenode())?;
    block_in_place(|| -> Result<()> {
        over.refused(&["ls", "-f", "/"])?;
        over.refused(&["-Dalluxio.user.file.writetype.default=THROUGH", "mkdir", "/folder"])?;
        over.refused(&["rm", "/cold"])?;
        let told = over.ours(&["persist", "-t", "3000", "/waits"])?;
        ensure!(told.contains("Timed out waiting for file to be persisted: /waits"), "{told}");
        ensure!(over.ours(&["ls", "-R", "/"])?.lines().count() == before.lines().count(), "{before}");
        Ok(())
    })?;
    ensure!(client::read(&files, "/cached").await?[..] == content(1)[..], "what is cached cannot be read");
    ensure!(state(&files, "/waits").await? == "TO_BE_PERSISTED");

    block_in_place(|| over.hdfs.activate(1))?;
    wait_until_persisted(&files, "/waits").await?;
    block_in_place(|| over.is_theirs("/alluxio/waits", &content(3)))?;
    ensure!(client::read(&files, "/cold").await?[..] == content(2)[..], "a cold read differs");
    block_in_place(|| over.ours(&["ls", "-f", "-R", "/"]))?;
    for path in ["/cached", "/cold", "/waits"] {
        ensure!(state(&files, path).await? == "PERSISTED", "{path} is {}", state(&files, path).await?);
    }
    over.finish()
}

async fn wait_until_persisted(files: &FileSystem, path: &str) -> Result<()> {
    let until = Instant::now() + LIMIT;
    while state(files, path).await? != "PERSISTED" {
        ensure!(Instant::now() < until, "{path} is {} after {LIMIT:?}", state(files, path).await?);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
