//! Workers tell every master what they have: a new leader needs nothing of them before files that are only cached
//! can be read.

use std::time::{Duration, Instant};

use alluxio_client::FileSystem;
use alluxio_fs::{AlluxioPath, ErrorKind};
use alluxio_proto::grpc::file::WritePType;
use alluxio_tests::{
    Cluster, Masters,
    client::{read, write},
    cluster::HOST,
    masters::LIMIT,
    waiting::wait_until,
    web,
};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use nix::sys::signal::Signal;
use tokio::task::block_in_place;

/// Between two heartbeats, and so between two of the worker's own attempts to register.
const HEARTBEAT: Duration = Duration::from_secs(8);
/// From when the new leader serves to when everything was read.
const AT_ONCE: Duration = Duration::from_secs(3);

fn content(file: usize) -> Bytes {
    format!("only in the worker: {file}").into()
}

fn path(file: usize) -> String {
    format!("/cached-{file}")
}

async fn write_cached(fs: &FileSystem, file: usize) -> Result<()> {
    Ok(write(fs, &path(file), content(file), WritePType::MustCache).await?)
}

async fn ensure_readable(fs: &FileSystem, files: impl IntoIterator<Item = usize>) -> Result<()> {
    for file in files {
        let found = read(fs, &path(file)).await.with_context(|| path(file))?;
        ensure!(found == content(file), "{}: {found:?}", path(file));
    }
    Ok(())
}

async fn delete(fs: &FileSystem, file: usize) -> Result<()> {
    Ok(fs.delete(&AlluxioPath::parse(&path(file))?, Default::default()).await?)
}

/// Waits until this standby has all the blocks of the one worker.
fn wait_until_told(masters: &Masters, standby: usize, blocks: usize) -> Result<()> {
    let mut last = None;
    let told = wait_until(LIMIT, "the standby has been told all blocks", || {
        last = masters.role(standby).ok();
        Ok(last
            .as_ref()
            .is_some_and(|role| role["reportingWorkers"] == 1 && role["reportedBlocks"] == blocks))
    });
    told.with_context(|| format!("{last:?}"))
}

fn held(masters: &Masters) -> Result<u64> {
    let role = web::get_json(masters.cluster.worker_web_port(0), "/role")?;
    role["blocks"].as_u64().with_context(|| role.to_string())
}

fn registrations(masters: &Masters) -> Result<i64> {
    masters.cluster.worker_counter(0, "Worker.MasterRegistrationSuccessCount")
}

/// kill -9 and SIGTERM, by turns; each master is restarted meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn cached_files_are_readable_as_soon_as_the_next_leader_serves() -> Result<()> {
    let plan = Cluster::plan()
        .workers(1)
        .set("alluxio.worker.block.heartbeat.interval", &format!("{}s", HEARTBEAT.as_secs()))
        // Whoever waits for workers waits too long for this test. The first leader does.
        .set("alluxio.master.worker.connect.wait.time", "15s");
    let mut masters = block_in_place(|| Masters::start(3, plan))?;
    let fs = FileSystem::connect(&masters.client_conf(&[])?).await?;
    let mut files = 0;
    for round in 0..4 {
        for _ in 0..3 {
            write_cached(&fs, files).await?;
            files += 1;
        }
        let (leader, served) = block_in_place(|| {
            let leader = masters.wait_for_leader()?;
            for standby in (0..masters.count()).filter(|standby| *standby != leader) {
                wait_until_told(&masters, standby, files)?;
            }
            if round % 2 == 0 {
                masters.kill(leader)?
            } else {
                masters.stop(leader)?
            }
            masters.wait_for_leader()?;
            anyhow::Ok((leader, Instant::now()))
        })?;
        ensure_readable(&fs, 0..files).await.with_context(|| format!("round {round}"))?;
        let took = served.elapsed();
        eprintln!("round {round}: {files} files are read {took:?} after the next leader serves");
        ensure!(took < AT_ONCE, "round {round}: it waited for something: {took:?}");
        block_in_place(|| {
            ensure!(registrations(&masters)? == 1, "round {round}: the worker has registered again");
            masters.launch(leader)?;
            masters.wait_for_standby(leader)
        })?;
    }
    block_in_place(|| masters.finish())
}

/// The last changes are not told to standbys before the hand-over: the next leader asks for them.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_cached_last_is_there_too() -> Result<()> {
    let plan = Cluster::plan().workers(1);
    let mut masters = block_in_place(|| Masters::start(3, plan))?;
    let fs = FileSystem::connect(&masters.client_conf(&[])?).await?;
    for file in 0..6 {
        write_cached(&fs, file).await?;
        let leader = block_in_place(|| {
            let leader = masters.wait_for_leader()?;
            if file == 0 {
                let standbys = (0..masters.count()).filter(|standby| *standby != leader);
                standbys.clone().try_for_each(|standby| wait_until_told(&masters, standby, 1))?;
            }
            masters.stop(leader)?;
            anyhow::Ok(leader)
        })?;
        // The client may try again; it is never told that there is no such block.
        ensure_readable(&fs, 0..=file).await?;
        block_in_place(|| {
            masters.launch(leader)?;
            masters.wait_for_standby(leader)
        })?;
    }
    block_in_place(|| masters.finish())
}

/// Out of service is out of service, whoever leads, until somebody puts the worker back.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_taken_out_of_service_stays_out_under_the_next_leader() -> Result<()> {
    let plan = Cluster::plan().workers(1).set("alluxio.user.worker.list.refresh.interval", "1s");
    let mut masters = block_in_place(|| Masters::start(2, plan))?;
    let fs = FileSystem::connect(&masters.client_conf(&[])?).await?;
    write_cached(&fs, 0).await?;
    // In safe mode a leader does not say.
    let live = |masters: &Masters, count: usize| {
        let done = masters.cluster.alluxio(&["fsadmin", "report", "summary"])?;
        anyhow::Ok(done.code == 0 && done.output.contains(&format!("Live Workers: {count}")))
    };
    block_in_place(|| -> Result<()> {
        let leader = masters.wait_for_leader()?;
        wait_until_told(&masters, 1 - leader, 1)?;
        // To be idle it would have to be watched for 20 s.
        let done = masters.cluster.alluxio(&["fsadmin", "decommissionWorker", "-a", HOST, "-w", "1s"])?;
        ensure!(done.code == 3, "exit code {}\n{}", done.code, done.output);
        wait_until(LIMIT, "the standby knows it", || Ok(masters.role(1 - leader)?["reportingWorkers"] == 0))?;
        masters.stop(leader)?;
        masters.wait_for_leader()?;
        let port = masters.cluster.worker_web_port(0);
        wait_until(LIMIT, "the worker follows the new leader", || {
            Ok(web::get_json(port, "/role")?["decommissioned"] == true && live(&masters, 0)?)
        })?;
        ensure!(!web::is_ready(port), "it takes part again");
        let done = masters.cluster.alluxio(&["fsadmin", "enableWorker", "-a", HOST])?;
        ensure!(done.code == 0, "exit code {}\n{}", done.code, done.output);
        wait_until(LIMIT, "the worker serves again", || live(&masters, 1))
    })?;
    ensure_readable(&fs, [0]).await?;
    block_in_place(|| masters.finish())
}

/// A standby that slept has missed records and reports. It must take nothing away because of that; what nobody owns
/// any more goes in the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_lagged_leads_with_what_there_is() -> Result<()> {
    let plan = Cluster::plan()
        .workers(1)
        .set("alluxio.worker.block.heartbeat.interval", "500ms")
        .set("alluxio.master.worker.connect.wait.time", "2s");
    let mut masters = block_in_place(|| Masters::start(2, plan))?;
    let fs = FileSystem::connect(&masters.client_conf(&[])?).await?;
    for file in 0..4 {
        write_cached(&fs, file).await?;
    }
    let (leader, standby) = block_in_place(|| {
        let leader = masters.wait_for_leader()?;
        wait_until_told(&masters, 1 - leader, 4)?;
        masters.signal(1 - leader, Signal::SIGSTOP)?;
        anyhow::Ok((leader, 1 - leader))
    })?;
    for file in 4..8 {
        write_cached(&fs, file).await?;
    }
    delete(&fs, 0).await?;
    block_in_place(|| wait_until(LIMIT, "the worker drops the deleted file", || Ok(held(&masters)? == 7)))?;
    // Of these the next leader knows from the journal alone.
    delete(&fs, 1).await?;
    write_cached(&fs, 8).await?;
    block_in_place(|| {
        masters.kill(leader)?;
        masters.signal(standby, Signal::SIGCONT)?;
        masters.wait_for_leader()
    })?;
    ensure_readable(&fs, 2..9).await?;
    for file in 0..2 {
        let error = fs.get_status(&AlluxioPath::parse(&path(file))?, Default::default()).await.err();
        ensure!(error.is_some_and(|error| error.kind == ErrorKind::NotFound), "{} is there", path(file));
    }
    block_in_place(|| wait_until(LIMIT, "only blocks of files are left", || Ok(held(&masters)? == 7)))?;
    ensure_readable(&fs, 2..9).await?;
    block_in_place(|| {
        masters.launch(leader)?;
        masters.wait_for_standby(leader)?;
        wait_until_told(&masters, leader, 7)?;
        masters.finish()
    })
}
