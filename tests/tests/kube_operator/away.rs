//! An API server that hangs: no request is refused, none is answered. Each test has a server of its own.

use std::time::Duration;

use alluxio_tests::kube::ApiServer;
use anyhow::{Context, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    objects::{available, leader},
    pods::{MASTERS, uids},
    world::World,
};

/// It stands still until this is dropped.
struct Silence(Pid);

impl Silence {
    fn of(server: &ApiServer) -> Result<Self> {
        let process = *server.pids().last().context("no server runs")?;
        let process = Pid::from_raw(i32::try_from(process)?);
        kill(process, Signal::SIGSTOP)?;
        Ok(Self(process))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // One that ended meanwhile has nothing to go on with.
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_that_is_shorter_than_the_lease_ends_nothing() -> Result<()> {
    let server = ApiServer::start().await?;
    {
        let world = World::apart(&server, "silent").await?;
        world.settled(available(&world, "a")).await?;
        let before = uids(&world, MASTERS).await?;
        let silence = Silence::of(&server)?;
        world.fake.elect("a-masters-1");
        // The length of the fault: less than the ten seconds in which a lease must be renewed.
        tokio::time::sleep(Duration::from_secs(4)).await;
        drop(silence);
        world.until("a", "the leader is told", |cluster| leader(cluster) == Some("a-masters-1")).await?;
        assert_eq!(uids(&world, MASTERS).await?, before, "nothing is restarted");
        assert_eq!(
            world.operator()?.metric("alluxio_operator_leader").await?,
            1.0,
            "it is the same operator"
        );
        world.check()?;
    }
    server.finish()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: until a lease is over, twice"]
async fn an_operator_ends_in_a_long_silence_and_the_next_one_tells_what_happened() -> Result<()> {
    let server = ApiServer::start().await?;
    {
        let mut world = World::apart(&server, "hangs").await?;
        world.settled(available(&world, "a")).await?;
        let before = uids(&world, MASTERS).await?;
        let silence = Silence::of(&server)?;
        world.fake.elect("a-masters-1");
        let (status, output) = world.take_operator()?.ended()?;
        assert_eq!(status.code(), Some(1), "{output}");
        drop(silence);
        world.start_operator().await?;
        world.until("a", "the leader is told", |cluster| leader(cluster) == Some("a-masters-1")).await?;
        assert_eq!(uids(&world, MASTERS).await?, before, "nothing is restarted");
        // A watch of what is played may have broken off.
        world.fake.forgive();
        world.check()?;
    }
    server.finish()
}
