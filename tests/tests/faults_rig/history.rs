//! Clients that change and read the same paths while their master is killed, stopped for a while and started again:
//! all that they were told is what one file system would have told them. And a master that forgets is found out.

use std::{fs, path::Path, time::Duration};

use alluxio_tests::{
    Cluster,
    client::configuration,
    history::{Clients, Workload},
};
use anyhow::{Result, ensure};
use nix::sys::signal::Signal;
use tokio::task::block_in_place;

const CLIENTS: usize = 6;
const ANSWERS: usize = 150;
const LIMIT: Duration = Duration::from_secs(60);

async fn cluster() -> Result<Cluster> {
    block_in_place(|| Cluster::plan().workers(0).start())
}

fn workload(cluster: &Cluster, seed: u64) -> Result<Workload> {
    let conf = configuration(cluster)?;
    let clients = Clients {
        conf: &conf,
        count: CLIENTS,
        of_masters: std::slice::from_ref(&conf),
        cached: false,
        patience: LIMIT,
    };
    Workload::start(&format!("/history-{seed}"), seed, clients)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_is_killed_and_stopped_keeps_its_word() -> Result<()> {
    let mut cluster = cluster().await?;
    let mut workload = workload(&cluster, 1)?;
    for round in 0..5 {
        workload.goes_on(ANSWERS, LIMIT).await?;
        block_in_place(|| {
            if round != 2 {
                cluster.kill_master()?;
                cluster.start_master()
            } else {
                cluster.master()?.signal(Signal::SIGSTOP)?;
                // Longer than the clients wait for a sign of life.
                std::thread::sleep(Duration::from_secs(4));
                cluster.master()?.signal(Signal::SIGCONT)
            }
        })?;
    }
    workload.goes_on(ANSWERS, LIMIT).await?;
    let checked = workload.finish().await?;
    eprintln!("{checked:?}");
    ensure!(checked.calls > 6 * ANSWERS, "{checked:?}");
    block_in_place(|| cluster.finish())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_forgets_is_found_out() -> Result<()> {
    let mut cluster = cluster().await?;
    let mut workload = workload(&cluster, 2)?;
    workload.goes_on(ANSWERS, LIMIT).await?;
    // The journal as it is now comes back later.
    let old = tempfile::tempdir()?;
    block_in_place(|| {
        cluster.master()?.signal(Signal::SIGSTOP)?;
        copy(cluster.journal(), old.path())?;
        cluster.master()?.signal(Signal::SIGCONT)
    })?;
    workload.goes_on(ANSWERS, LIMIT).await?;
    block_in_place(|| {
        cluster.kill_master()?;
        fs::remove_dir_all(cluster.journal())?;
        copy(old.path(), cluster.journal())?;
        cluster.start_master()
    })?;
    let found = workload.finish().await.map(drop).map_err(|error| format!("{error:#}"));
    ensure!(found.as_ref().is_err_and(|error| error.contains("no order of these calls")), "{found:?}");
    block_in_place(|| cluster.finish())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
