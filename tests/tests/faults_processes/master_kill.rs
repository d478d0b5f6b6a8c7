//! kill -9 of the master while 16 clients create 20,000 files: what was answered is there, nothing is half
//! there, and every replay of the journal gives the same tree. (Invariants 1, 4 and 9.)

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alluxio_client::FileSystem;
use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::{FileInfo, ListStatusPOptions};
use alluxio_tests::{
    Cluster,
    client::{connect, create_empty},
    waiting::wait_until,
};
use anyhow::{Result, ensure};
use futures::TryStreamExt;

const CLIENTS: u64 = 16;
const FILES_EACH: u64 = 1_250;
/// After how many answered creates the master is killed.
const KILLS: [u64; 3] = [4_000, 9_000, 15_000];
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn every_answered_create_survives() -> Result<()> {
    let mut cluster = Cluster::plan().workers(0).start()?;
    let answered = Arc::new(AtomicU64::new(0));
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let fs = connect(&cluster).await?;
        clients.push(tokio::spawn(create_files(fs, client, Arc::clone(&answered))));
    }

    // Each client goes on at the next master: its retries must neither fail nor act twice.
    tokio::task::block_in_place(|| {
        for kill in KILLS {
            wait_until(
                PATIENCE,
                "enough files are created",
                || Ok(answered.load(Ordering::Relaxed) >= kill),
            )?;
            cluster.kill_master()?;
            cluster.start_master()?;
        }
        anyhow::Ok(())
    })?;
    for client in clients {
        client.await??;
    }

    let fs = connect(&cluster).await?;
    ensure_all_there(&fs).await?;
    tokio::task::block_in_place(|| ensure_replays_agree(&mut cluster))?;
    ensure_all_there(&fs).await?;
    drop(fs);
    tokio::task::block_in_place(|| cluster.finish())
}

fn path(client: u64, file: u64) -> String {
    // Directories that several clients make at the same time, too.
    format!("/storm/{}/client-{client}/{}", file % 7, file)
}

async fn create_files(fs: FileSystem, client: u64, answered: Arc<AtomicU64>) -> Result<()> {
    for file in 0..FILES_EACH {
        create_empty(&fs, &path(client, file)).await?;
        answered.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

async fn ensure_all_there(fs: &FileSystem) -> Result<()> {
    let options = ListStatusPOptions { recursive: Some(true), ..Default::default() };
    let listed: Vec<FileInfo> =
        fs.list_status(&AlluxioPath::parse("/storm")?, options).await?.try_collect().await?;
    let files: Vec<&FileInfo> = listed.iter().filter(|info| !info.folder()).collect();
    let found: BTreeSet<&str> = files.iter().map(|info| info.path()).collect();
    for client in 0..CLIENTS {
        for file in 0..FILES_EACH {
            let path = path(client, file);
            ensure!(found.contains(path.as_str()), "{path} was answered and is not there");
        }
    }
    let expected = usize::try_from(CLIENTS * FILES_EACH)?;
    ensure!(files.len() == expected, "{} files are there instead of {expected}", files.len());
    for info in files {
        ensure!(info.completed() && info.length() == 0 && info.block_ids.is_empty(), "half there: {info:?}");
    }
    let ids: BTreeSet<i64> = listed.iter().map(FileInfo::file_id).collect();
    ensure!(ids.len() == listed.len(), "two inodes have the same id");
    Ok(())
}

/// The tree in memory equals what the journal gives, after a kill and after a clean stop.
fn ensure_replays_agree(cluster: &mut Cluster) -> Result<()> {
    let (sequence, hash) = cluster.tree_hash()?;
    cluster.kill_master()?;
    cluster.start_master()?;
    let after_kill = cluster.tree_hash()?;
    ensure!(
        after_kill.1 == hash && after_kill.0 >= sequence,
        "({sequence}, {hash}) became {after_kill:?} by a kill"
    );
    cluster.stop_master()?;
    cluster.start_master()?;
    let after_stop = cluster.tree_hash()?;
    ensure!(
        after_stop.1 == hash && after_stop.0 >= after_kill.0,
        "{after_kill:?} became {after_stop:?} by a stop"
    );
    Ok(())
}
