//! Several operators: one acts.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use k8s_openapi::api::{coordination::v1::Lease, rbac::v1::RoleBinding};
use serde_json::json;

use crate::{
    objects::{available, single},
    world::{ACCOUNTS, World},
};

pub async fn holder(world: &World<'_>) -> Result<Option<String>> {
    let lease = world.api::<Lease>().get_opt("alluxio-operator").await?;
    Ok(lease.and_then(|lease| lease.spec?.holder_identity).filter(|holder| !holder.is_empty()))
}

/// Waits until another one holds the lease than before.
pub async fn follower(world: &World<'_>, before: &str) -> Result<String> {
    world
        .eventually("another one holds it", || async { Ok(holder(world).await?.filter(|now| now != before)) })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_waits_and_follows_one_that_was_killed() -> Result<()> {
    let world = World::without_operator("two").await?;
    let first = world.start(ACCOUNTS[0]).await?;
    let before = world.eventually("the first holds it", || holder(&world)).await?;
    let second = world.start(ACCOUNTS[1]).await?;
    second.until_ready().await?;
    assert_eq!(
        (first.metric("alluxio_operator_leader").await?, second.metric("alluxio_operator_leader").await?),
        (1.0, 0.0)
    );
    world.settled(single(&world, "a")).await?;
    assert_eq!(holder(&world).await?.as_ref(), Some(&before), "while it is renewed nobody follows");
    first.kill()?;
    let killed = Instant::now();
    follower(&world, &before).await?;
    // The last renewal was two seconds before, at most.
    assert!(
        killed.elapsed() >= Duration::from_secs(12),
        "not before the first must be gone: {:?}",
        killed.elapsed()
    );
    world.settled(available(&world, "b")).await?;
    assert_eq!(second.metric("alluxio_operator_leader").await?, 1.0);
    second.stop()?;
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_asked_to_end_gives_it_back() -> Result<()> {
    let world = World::without_operator("given").await?;
    let first = world.start(ACCOUNTS[0]).await?;
    let before = world.eventually("the first holds it", || holder(&world)).await?;
    let second = world.start(ACCOUNTS[1]).await?;
    second.until_ready().await?;
    first.stop()?;
    let stopped = Instant::now();
    follower(&world, &before).await?;
    assert!(
        stopped.elapsed() < Duration::from_secs(10),
        "without waiting for its end: {:?}",
        stopped.elapsed()
    );
    second.stop()?;
    assert_eq!(holder(&world).await?, None);
    world.check()
}

/// Somebody takes it by force: the one that had it ends, and writes nothing any more.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_lost_it_ends_and_writes_nothing() -> Result<()> {
    let mut world = World::new("lost").await?;
    world.settled(available(&world, "a")).await?;
    world.edit::<Lease>("alluxio-operator", json!({ "spec": { "holderIdentity": "another" } })).await?;
    let (status, output) = world.take_operator()?.ended()?;
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("was taken by another"), "{output}");
    world.check()
}

/// Its renewals fail: the clock ends it before another one may act.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_renew_is_over_in_time() -> Result<()> {
    let mut world = World::new("stuck").await?;
    world.eventually("it holds it", || holder(&world)).await?;
    world.delete::<RoleBinding>("alluxio-operator-lease").await?;
    let began = Instant::now();
    let (status, output) = world.take_operator()?.ended()?;
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("was not renewed in time") || output.contains("the lease is over"), "{output}");
    // Nobody else may have it before fifteen seconds have passed.
    assert!(began.elapsed() < Duration::from_secs(14), "{:?}", began.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_says_when_it_is_ready() -> Result<()> {
    let mut world = World::new("ready").await?;
    let operator = world.take_operator()?;
    operator.until_ready().await?;
    assert_eq!(operator.web("/healthz").await?, "ok\n");
    world.settled(single(&world, "a")).await?;
    assert!(operator.metric("alluxio_operator_writes_total").await? > 5.0);
    world
        .eventually("the cluster is counted", || async {
            let text = operator.web("/metrics").await?;
            Ok(text.contains("alluxio_operator_clusters{phase=\"Available\"} 1").then_some(()))
        })
        .await?;
    let lease = world.api::<Lease>().get("alluxio-operator").await?.spec.context("no spec")?;
    assert_eq!(lease.lease_duration_seconds, Some(15));
    operator.stop()?;
    world.edit_cluster("a", json!({ "spec": { "masters": { "count": 1 } } })).await?;
    world.check()
}
