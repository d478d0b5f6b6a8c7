//! Three masters of ours: one leads, the others follow it when it dies, leaves or falls asleep.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use alluxio_client::FileSystem;
use alluxio_fs::{AlluxioPath, ErrorKind};
use alluxio_proto::grpc::file::{DeletePOptions, FileSystemMasterCommonPOptions, FsOpPId, RenamePOptions};
use alluxio_tests::{
    Cluster, Masters,
    client::create_empty,
    java::{JavaClient, Kind, Locality, ShellSession},
    masters::{LIMIT, SESSION},
    waiting::wait_until,
    web,
};
use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;

const CLIENTS: u64 = 4;
/// For a client to leave a leader that does not answer, when another one leads.
const SILENCE: Duration = Duration::from_secs(10);

async fn client(masters: &Masters) -> Result<FileSystem> {
    Ok(FileSystem::connect(&masters.client_conf(&[])?).await?)
}

/// A client of one master, whoever leads, that does not try again.
async fn of_master_alone(masters: &Masters, master: usize) -> Result<FileSystem> {
    let port = masters.rpc_port(master).to_string();
    let alone = [
        ("alluxio.zookeeper.enabled", "false"),
        ("alluxio.master.rpc.port", port.as_str()),
        ("alluxio.user.rpc.retry.max.duration", "0ms"),
    ];
    Ok(FileSystem::connect(&masters.client_conf(&alone)?).await?)
}

/// Clients that create files until they are told to stop, and remember which were acknowledged.
struct Writers {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<Result<u64>>>,
}

impl Writers {
    async fn start(masters: &Masters, round: u64) -> Result<Writers> {
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut tasks = Vec::new();
        for writer in 0..CLIENTS {
            let (fs, stop, written) = (client(masters).await?, stop.clone(), written.clone());
            tasks.push(tokio::spawn(async move {
                let mut file = 0;
                while !stop.load(Ordering::Relaxed) {
                    create_empty(&fs, &path(round, writer, file))
                        .await
                        .with_context(|| format!("file {file}"))?;
                    written.fetch_add(1, Ordering::Relaxed);
                    file += 1;
                }
                Ok(file)
            }));
        }
        Ok(Writers { stop, written, tasks })
    }

    /// Waits until so many more are acknowledged.
    fn progress(&self, more: u64) -> Result<()> {
        let before = self.written.load(Ordering::Relaxed);
        wait_until(LIMIT, "files are created", || Ok(self.written.load(Ordering::Relaxed) >= before + more))
    }

    /// How many files each has been acknowledged.
    async fn finish(self) -> Result<Vec<u64>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut counts = Vec::new();
        for task in self.tasks {
            counts.push(task.await??);
        }
        Ok(counts)
    }
}

fn path(round: u64, writer: u64, file: u64) -> String {
    format!("/round-{round}/writer-{writer}/{file}")
}

async fn ensure_all_there(fs: &FileSystem, round: u64, counts: &[u64]) -> Result<()> {
    for (writer, count) in (0..).zip(counts) {
        for file in 0..*count {
            let path = path(round, writer, file);
            let info = fs.get_status(&AlluxioPath::parse(&path)?, Default::default()).await;
            ensure!(
                info.with_context(|| format!("{path} was acknowledged"))?.completed(),
                "{path} is not whole"
            );
        }
    }
    Ok(())
}

/// kill -9 of the leader, again and again, while clients write; then an orderly hand-over.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_with_the_leader() -> Result<()> {
    let mut masters = tokio::task::block_in_place(|| Masters::start(3, Cluster::plan().workers(0)))?;
    for round in 0..3 {
        let writers = Writers::start(&masters, round).await?;
        tokio::task::block_in_place(|| {
            writers.progress(200)?;
            let leader = masters.wait_for_leader()?;
            let began = Instant::now();
            masters.kill(leader)?;
            let next = masters.wait_for_leader()?;
            eprintln!(
                "round {round}: master {next} serves {:?} after the death of {leader}",
                began.elapsed()
            );
            writers.progress(200)?;
            masters.launch(leader)?;
            masters.wait_for_standby(leader)
        })?;
        let counts = writers.finish().await?;
        ensure_all_there(&client(&masters).await?, round, &counts).await?;
    }
    let fs = client(&masters).await?;
    for path in ["/deleted", "/renamed"] {
        create_empty(&fs, path).await?;
    }
    change_once(&fs, 0).await?;
    tokio::task::block_in_place(|| {
        trees_are_equal(&masters)?;
        hand_over(&mut masters)
    })?;
    // Its answer was lost with the leader, as far as the client knows: the next one knows that it was done.
    change_once(&fs, 0).await.context("the same operations at the next leader")?;
    let error = change_once(&fs, 2).await.err().context("other operations are done twice")?;
    ensure!(error.to_string().contains("does not exist"), "{error}");
    tokio::task::block_in_place(|| masters.finish())
}

/// A delete and a rename, under two numbers from this one on.
async fn change_once(fs: &FileSystem, number: i64) -> Result<()> {
    let common = |number| {
        let id = FsOpPId { most_significant_bits: Some(7), least_significant_bits: Some(number) };
        Some(FileSystemMasterCommonPOptions { operation_id: Some(id), ..Default::default() })
    };
    let delete = DeletePOptions { common_options: common(number), ..Default::default() };
    fs.delete(&AlluxioPath::parse("/deleted")?, delete).await?;
    let rename = RenamePOptions { common_options: common(number + 1), ..Default::default() };
    fs.rename(&AlluxioPath::parse("/renamed")?, &AlluxioPath::parse("/to")?, rename).await?;
    Ok(())
}

/// Nobody writes: the standbys come to where the leader is, and have what it has.
fn trees_are_equal(masters: &Masters) -> Result<()> {
    let leader = masters.leader().context("nobody leads")?;
    let expected = masters.tree_hash(leader)?;
    for standby in (0..masters.count()).filter(|master| *master != leader) {
        wait_until(LIMIT, "the standby has followed", || {
            Ok(masters.role(standby)?["appliedSequence"].as_u64() == Some(expected.0))
        })?;
        let found = masters.tree_hash(standby)?;
        ensure!(found == expected, "master {standby} has {found:?}, the leader {expected:?}");
    }
    Ok(())
}

/// SIGTERM: the next one leads at once, with the same tree.
fn hand_over(masters: &mut Masters) -> Result<()> {
    let leader = masters.wait_for_leader()?;
    let before = masters.tree_hash(leader)?;
    let began = Instant::now();
    masters.stop(leader)?;
    let next = masters.wait_for_leader()?;
    let took = began.elapsed();
    eprintln!("hand-over: {took:?}");
    ensure!(took < SESSION, "it waited for the session's end: {took:?}");
    ensure!(masters.tree_hash(next)? == before, "the tree is another one");
    Ok(())
}

/// A leader that sleeps longer than its session lasts. Requests have come in meanwhile: when it wakes, its answer
/// must not be made of what it remembers.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_wakes_up_answers_nothing_but_unavailable() -> Result<()> {
    let mut masters = tokio::task::block_in_place(|| Masters::start(2, Cluster::plan().workers(0)))?;
    // Not the connection is to tell it that a leader is silent.
    let patient = masters.client_conf(&[("alluxio.user.network.rpc.keepalive.time", "60sec")])?;
    let fs = FileSystem::connect(&patient).await?;
    create_empty(&fs, "/before").await?;
    let sleeper = tokio::task::block_in_place(|| masters.wait_for_leader())?;
    let direct = of_master_alone(&masters, sleeper).await?;
    let deleted = AlluxioPath::parse("/before")?;
    direct.get_status(&deleted, Default::default()).await?;

    masters.signal(sleeper, Signal::SIGSTOP)?;
    let asleep = Instant::now();
    // They lie in the sleeper's sockets.
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let (direct, deleted) = (direct.clone(), deleted.clone());
        waiting.push(tokio::spawn(async move { direct.get_status(&deleted, Default::default()).await }));
    }
    let next = tokio::task::block_in_place(|| masters.wait_for_leader())?;
    ensure!(next != sleeper, "the sleeper leads");
    // This client has called the sleeper before; the kernel still takes its requests. It hears of the next one long before the connection is given up.
    let asked = Instant::now();
    fs.delete(&deleted, Default::default()).await?;
    ensure!(asked.elapsed() < SILENCE, "a client waits for one that sleeps: {:?}", asked.elapsed());
    tokio::time::sleep((SESSION * 3).saturating_sub(asleep.elapsed())).await;
    masters.signal(sleeper, Signal::SIGCONT)?;
    for call in waiting {
        let answer = call.await?;
        let error = answer.err().context("the sleeper shows what is deleted")?;
        ensure!(error.kind == ErrorKind::Unavailable, "{error}");
    }
    let awake = Instant::now();
    while awake.elapsed() < Duration::from_secs(3) {
        let error = direct.get_status(&deleted, Default::default()).await.err().context("it is shown")?;
        ensure!(error.kind == ErrorKind::Unavailable, "{error}");
    }
    // It goes on as a standby, which can lead again.
    tokio::task::block_in_place(|| {
        masters.wait_for_standby(sleeper)?;
        ensure!(masters.leader() == Some(next), "the leader has changed");
        masters.stop(next)?;
        masters.wait_for_leader()
    })?;
    create_empty(&fs, "/after").await?;
    let error = fs.get_status(&deleted, Default::default()).await.err().context("it is shown")?;
    ensure!(error.kind == ErrorKind::NotFound, "{error}");
    tokio::task::block_in_place(|| masters.finish())
}

/// What a standby says of itself, to programs and to people.
#[tokio::test(flavor = "multi_thread")]
async fn a_standby_names_the_leader() -> Result<()> {
    let masters = tokio::task::block_in_place(|| Masters::start(2, Cluster::plan().workers(0)))?;
    let leader = masters.address(0);
    let port = masters.web_port(1);
    let page = tokio::task::block_in_place(|| {
        wait_until(LIMIT, "the standby knows the leader", || {
            Ok(masters.role(1)?["leader"] == leader.as_str())
        })?;
        ensure!(web::is_served(port, "/livez") && web::is_ready(port), "it is not well");
        web::get(port, "/overview")
    })?;
    ensure!(page.text.contains("Standby master") && page.text.contains(&leader), "{}", page.text);
    let error = of_master_alone(&masters, 1).await.err().context("a standby answers")?;
    ensure!(error.to_string().contains(&leader), "{error}");
    tokio::task::block_in_place(|| masters.finish())
}

/// The unmodified Java shells, which know nothing but ZooKeeper.
#[test]
fn java_clients_follow_the_leader() -> Result<()> {
    let mut masters = Masters::start(3, Cluster::plan().workers(0))?;
    let mut java = JavaClient::new("2.9.6", Locality::Streams, &masters.cluster)?;
    java.set("alluxio.zookeeper.enabled", "true");
    java.set("alluxio.zookeeper.address", &masters.zookeeper.address());
    let mut alluxio = ShellSession::start(&java, Kind::Tools, LIMIT)?;
    let mut hadoop = ShellSession::start(&java, Kind::HadoopWithoutHost, LIMIT)?;
    alluxio.run(&["fs", "mkdir", "/kept"])?;
    let mut look = |when: &str| -> Result<()> {
        let listed = alluxio.text(&["fs", "ls", "/"])?;
        ensure!(listed.contains("/kept"), "{when}: {listed}");
        let listed = hadoop.text(&["-ls", "alluxio:///"])?;
        ensure!(listed.contains("/kept"), "{when}: {listed}");
        Ok(())
    };
    look("before")?;
    let leader = masters.wait_for_leader()?;
    masters.kill(leader)?;
    // Nobody leads yet: they may try again, and must not fail.
    look("without a leader")?;
    let next = masters.wait_for_leader()?;
    ensure!(next != leader, "the dead one leads");
    look("after the death")?;
    masters.stop(next)?;
    look("after the hand-over")?;
    masters.finish()
}
