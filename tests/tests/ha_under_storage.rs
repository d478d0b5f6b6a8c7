//! A leader that is stopped in the middle of a delete in the under storage: when it wakes, somebody else has made
//! the path anew, and it must stay.

use std::time::Duration;

use alluxio_client::FileSystem;
use alluxio_fs::{AlluxioPath, ErrorKind};
use alluxio_proto::grpc::file::{CreateDirectoryPOptions, DeletePOptions, WritePType};
use alluxio_tests::{
    Cluster,
    ha::{Fault, Rig, of_master},
    masters::LIMIT,
    shared_folder::{Act, Call, SharedFolder},
    waiting::wait_until,
};
use anyhow::{Context, Result, ensure};
use tokio::task::block_in_place;

const NO_RETRY: (&str, &str) = ("alluxio.user.rpc.retry.max.duration", "0s");
/// A client that finds out soon that its master sleeps.
const AWAKE: [(&str, &str); 2] =
    [("alluxio.user.network.rpc.keepalive.time", "1s"), ("alluxio.user.network.rpc.keepalive.timeout", "2s")];

fn through() -> CreateDirectoryPOptions {
    CreateDirectoryPOptions {
        recursive: Some(true),
        allow_exists: Some(true),
        write_type: Some(WritePType::CacheThrough.into()),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_was_stopped_spares_what_was_made_since() -> Result<()> {
    let place = tempfile::tempdir()?;
    let server = place.path().join("server");
    std::fs::create_dir(&server)?;
    let under = SharedFolder::mount(&server, &place.path().join("under"), Duration::ZERO)?;
    let root = under.path().display().to_string();
    let plan = Cluster::plan().workers(0).set("alluxio.master.mount.table.root.ufs", &root);
    let mut rig = block_in_place(|| Rig::start_with(1, plan))?;
    let files = FileSystem::connect(&rig.masters()?.client_conf(&AWAKE)?).await?;
    let (directory, below) = (AlluxioPath::parse("/directory")?, AlluxioPath::parse("/directory/below")?);
    files.create_directory(&below, through()).await?;
    ensure!(server.join("directory/below").exists(), "it is not in the under storage");

    let leader = block_in_place(|| rig.masters()?.wait_for_leader())?;
    let alone = FileSystem::connect(&of_master(rig.masters()?, leader)?.with(&[NO_RETRY])?).await?;
    // The delete looks at what is there before it removes anything: there it is stopped.
    under.set(&[Call::List], Act::Hold);
    let recursive = DeletePOptions { recursive: Some(true), ..Default::default() };
    let stopped = tokio::spawn({
        let (directory, recursive) = (directory.clone(), recursive);
        async move { alone.delete(&directory, recursive).await }
    });
    let held = block_in_place(|| wait_until(LIMIT, "the delete is under way", || Ok(under.held() > 0)));
    rig.begin(Fault::Pause(leader))?;
    under.heal();
    held?;

    let masters = rig.masters()?;
    let other = || Ok(masters.leader().is_some_and(|other| other != leader));
    block_in_place(|| wait_until(LIMIT, "another master leads", other))?;
    files.delete(&directory, recursive).await?;
    ensure!(!server.join("directory").exists(), "it is still in the under storage");
    files.create_directory(&below, through()).await?;

    rig.end(Fault::Pause(leader))?;
    let error = stopped.await?.err().context("the deposed leader has deleted it")?;
    ensure!(error.kind == ErrorKind::Unavailable, "{error:?}");
    block_in_place(|| rig.masters()?.wait_for_standby(leader))?;
    ensure!(server.join("directory/below").exists(), "what was made since is gone from the under storage");
    files.get_status(&below, Default::default()).await?;
    block_in_place(|| {
        rig.agree()?;
        rig.finish()
    })?;
    drop(under);
    Ok(place.close()?)
}
