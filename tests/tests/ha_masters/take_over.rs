//! What clients and operators see of a take-over beside the tree: cached files, and who is a standby.

use std::time::{Duration, Instant};

use alluxio_client::FileSystem;
use alluxio_proto::grpc::file::WritePType;
use alluxio_tests::{
    Cluster, Masters,
    client::{read, write},
    masters::LIMIT,
    waiting::wait_until,
};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;

/// How long a new leader that knows nothing of its workers waits for them; the default.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// The only copy of the data is a worker's. The new leader waits for the workers that the former one had, and no
/// longer; nobody is told meanwhile that the data is lost.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_only_cached_are_read_right_after_a_take_over() -> Result<()> {
    let mut masters = tokio::task::block_in_place(|| Masters::start(3, Cluster::plan().workers(1)))?;
    let fs = FileSystem::connect(&masters.client_conf(&[])?).await?;
    let data = Bytes::from_static(b"only here");
    write(&fs, "/cached", data.clone(), WritePType::MustCache).await?;
    for round in 0..2 {
        let (leader, began) = tokio::task::block_in_place(|| {
            let leader = masters.wait_for_leader()?;
            wait_until(LIMIT, "the standbys know the worker", || {
                Ok((0..3).filter(|other| *other != leader).all(|other| knows_workers(&masters, other)))
            })?;
            let began = Instant::now();
            masters.stop(leader)?;
            anyhow::Ok((leader, began))
        })?;
        let found = read(&fs, "/cached").await.with_context(|| format!("round {round}"))?;
        let took = began.elapsed();
        eprintln!("round {round}: read {took:?} after SIGTERM");
        ensure!(found == data, "other data");
        ensure!(took < CONNECT_WAIT, "it waited for workers that nobody knows: {took:?}");
        tokio::task::block_in_place(|| {
            masters.launch(leader)?;
            masters.wait_for_standby(leader)
        })?;
    }
    tokio::task::block_in_place(|| masters.finish())
}

fn knows_workers(masters: &Masters, standby: usize) -> bool {
    masters.role(standby).is_ok_and(|role| role["knownWorkers"] == 1)
}

/// `fs leader`, `fs masterInfo` and `fsadmin report` name the leader, the standbys and ZooKeeper.
#[test]
fn reports_name_leader_and_standbys() -> Result<()> {
    let mut masters = Masters::start(3, Cluster::plan().workers(0))?;
    let told = |masters: &Masters, command: &[&str]| -> Result<String> {
        let done = masters.cluster.alluxio(command)?;
        ensure!(done.code == 0, "{command:?}: {}", done.output);
        Ok(done.output)
    };
    for _ in 0..2 {
        let leader = masters.wait_for_leader()?;
        let address = masters.address(leader);
        ensure!(told(&masters, &["fs", "leader"])?.contains("127.0.0.1"), "no leader");
        let info = told(&masters, &["fs", "masterInfo"])?;
        ensure!(info.contains(&format!("Current leader master: {address}")), "{info}");
        let summary = told(&masters, &["fsadmin", "report", "summary"])?;
        ensure!(summary.contains(&format!("Master Address: {address}")), "{summary}");
        ensure!(summary.contains("Zookeeper Enabled: true"), "{summary}");
        ensure!(summary.contains(&masters.zookeeper.address()), "{summary}");
        let running: Vec<usize> = (0..masters.count()).filter(|other| masters.is_running(*other)).collect();
        wait_until(LIMIT, "the standbys are registered with the leader", || {
            let info = told(&masters, &["fs", "masterInfo"])?;
            Ok(running.iter().all(|other| info.contains(&masters.address(*other))))
        })?;
        let port = masters.web_port(leader);
        wait_until(LIMIT, "the leader's page names the standbys", || {
            let listed = alluxio_tests::web::get_json(port, "/api/v1/master/webui_masters")?;
            let text = listed["standbyMasterInfos"].to_string();
            let standbys = running.iter().filter(|other| **other != leader);
            Ok(standbys.clone().all(|other| text.contains(&masters.rpc_port(*other).to_string())))
        })?;
        masters.stop(leader)?;
    }
    masters.finish()
}
