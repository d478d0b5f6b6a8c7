//! A leader that is stopped, or deposed, in the middle of a delete in the under storage: what somebody else has made since must stay.

use std::{path::PathBuf, time::Duration};

use alluxio_client::FileSystem;
use alluxio_fs::{AlluxioPath, ErrorKind, FsError};
use alluxio_proto::grpc::file::{CreateDirectoryPOptions, DeletePOptions, WritePType};
use alluxio_tests::{
    Cluster,
    ha::{Fault, Rig, of_master},
    masters::LIMIT,
    shared_folder::{Act, Call, SharedFolder},
    waiting::wait_until,
};
use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use tokio::task::{JoinHandle, block_in_place};

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

/// A directory in the under storage whose delete by the leader is held at a call of this kind.
struct Held {
    rig: Rig,
    files: FileSystem,
    leader: usize,
    under: SharedFolder,
    place: tempfile::TempDir,
    delete: JoinHandle<Result<(), FsError>>,
}

const DIRECTORY: &str = "/directory";
const BELOW: usize = 10;

impl Held {
    async fn at(call: &'static [Call]) -> Result<Held> {
        let place = tempfile::tempdir()?;
        let server = place.path().join("server");
        std::fs::create_dir(&server)?;
        let under = SharedFolder::mount(&server, &place.path().join("under"), Duration::ZERO)?;
        let root = under.path().display().to_string();
        let plan = Cluster::plan().workers(0).set("alluxio.master.mount.table.root.ufs", &root);
        let mut rig = block_in_place(|| Rig::start_with(1, plan))?;
        let files = FileSystem::connect(&rig.masters()?.client_conf(&AWAKE)?).await?;
        for number in 0..BELOW {
            let below = AlluxioPath::parse(&format!("{DIRECTORY}/below/{number}"))?;
            files.create_directory(&below, through()).await?;
        }
        let leader = block_in_place(|| rig.masters()?.wait_for_leader())?;
        let alone = FileSystem::connect(&of_master(rig.masters()?, leader)?.with(&[NO_RETRY])?).await?;
        under.set(call, Act::Hold);
        let directory = AlluxioPath::parse(DIRECTORY)?;
        let delete = tokio::spawn(async move { alone.delete(&directory, recursive()).await });
        block_in_place(|| wait_until(LIMIT, "the delete is under way", || Ok(under.held() > 0)))?;
        Ok(Held { rig, files, leader, under, place, delete })
    }

    fn server(&self, path: &str) -> PathBuf {
        self.place.path().join(format!("server{DIRECTORY}/{path}"))
    }

    /// What was there before the delete.
    fn left(&self) -> usize {
        (0..BELOW).filter(|number| self.server(&format!("below/{number}")).exists()).count()
    }

    /// It was not answered as if it had been done.
    async fn was_given_up(self) -> Result<()> {
        let error = self.delete.await?.err().context("the deposed leader has deleted it")?;
        ensure!(error.kind == ErrorKind::Unavailable, "{error:?}");
        block_in_place(|| self.rig.finish())?;
        drop(self.under);
        Ok(self.place.close()?)
    }
}

fn recursive() -> DeletePOptions {
    DeletePOptions { recursive: Some(true), ..Default::default() }
}

/// The delete looks at what is there before it removes anything: there it is stopped.
#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_was_stopped_spares_what_was_made_since() -> Result<()> {
    let mut held = Held::at(&[Call::List]).await?;
    let leader = held.leader;
    held.rig.begin(Fault::Pause(leader))?;
    held.under.heal();
    held.rig.follows(leader)?;
    held.files.delete(&AlluxioPath::parse(DIRECTORY)?, recursive()).await?;
    ensure!(!held.server("").exists(), "it is still in the under storage");
    let below = AlluxioPath::parse(&format!("{DIRECTORY}/below"))?;
    held.files.create_directory(&below, through()).await?;

    held.rig.end(Fault::Pause(leader))?;
    block_in_place(|| held.rig.masters()?.wait_for_standby(leader))?;
    ensure!(held.server("below").exists(), "what was made since is gone from the under storage");
    held.files.get_status(&below, Default::default()).await?;
    block_in_place(|| held.rig.agree())?;
    held.was_given_up().await
}

/// It has begun to remove, one thing after the other: the one that is under way is removed, and no further one.
#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_was_stopped_on_the_way_goes_no_further() -> Result<()> {
    let mut held = Held::at(&[Call::Remove]).await?;
    let leader = held.leader;
    held.rig.begin(Fault::Pause(leader))?;
    held.rig.follows(leader)?;
    // Not in the directory whose lock the kernel holds for the call.
    let new = AlluxioPath::parse(&format!("{DIRECTORY}/new"))?;
    held.files.create_directory(&new, through()).await?;
    held.under.heal();
    held.rig.end(Fault::Pause(leader))?;
    block_in_place(|| held.rig.masters()?.wait_for_standby(leader))?;
    ensure!(held.left() + 1 >= BELOW, "{} of {BELOW} are left", held.left());
    ensure!(held.server("new").exists(), "what was made since is gone from the under storage");
    held.files.get_status(&new, Default::default()).await?;
    block_in_place(|| held.rig.agree())?;
    held.was_given_up().await
}

/// The same where the leader is told to end. It hands over without waiting for what hangs, and its process may live on for so long.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_ends_removes_nothing_more() -> Result<()> {
    let mut held = Held::at(&[Call::Remove]).await?;
    let leader = held.leader;
    held.rig.masters()?.signal(leader, Signal::SIGTERM)?;
    held.rig.follows(leader)?;
    // Not in the directory whose lock the kernel holds for the call.
    let new = AlluxioPath::parse(&format!("{DIRECTORY}/new"))?;
    held.files.create_directory(&new, through()).await?;
    held.under.heal();
    block_in_place(|| held.rig.masters()?.stop(leader))?;
    ensure!(held.left() + 1 >= BELOW, "{} of {BELOW} are left", held.left());
    ensure!(held.server("new").exists(), "what was made since is gone from the under storage");
    held.was_given_up().await
}
