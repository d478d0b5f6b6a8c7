//! Several operators: one acts.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use alluxio_operator::{crd::AlluxioCluster, lease::Timing};
use anyhow::{Context, Result};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use serde_json::json;

use crate::{
    objects::{available, settled},
    world::World,
};

fn short() -> Timing {
    let millis = Duration::from_millis;
    Timing { lease: millis(3000), renew: millis(2000), retry: millis(400) }
}

async fn holder(world: &World) -> Result<Option<String>> {
    let lease = world.api::<Lease>().get_opt("alluxio-operator").await?;
    Ok(lease.and_then(|lease| lease.spec?.holder_identity).filter(|holder| !holder.is_empty()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_waits_and_follows_one_that_was_killed() -> Result<()> {
    let world = World::without_operator("two").await?;
    let first = world.start(short()).await?;
    let before = world.eventually("the first holds it", || holder(&world)).await?;
    let second = world.start(short()).await?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(holder(&world).await?.as_ref(), Some(&before), "while it is renewed nobody follows");
    first.kill();
    let killed = Instant::now();
    world
        .eventually("the second holds it", || async { Ok(holder(&world).await?.filter(|now| *now != before)) })
        .await?;
    assert!(killed.elapsed() >= Duration::from_millis(2000), "not before the first must be gone: {:?}", killed.elapsed());
    world.create::<AlluxioCluster>(available(&world, "a")).await?;
    world.until("a", "the second acts", settled).await?;
    second.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_asked_to_end_gives_it_back() -> Result<()> {
    let world = World::without_operator("given").await?;
    let first = world.start(Timing::default()).await?;
    let before = world.eventually("the first holds it", || holder(&world)).await?;
    let second = world.start(Timing::default()).await?;
    first.stop().await?;
    let stopped = Instant::now();
    world
        .eventually("the second holds it", || async { Ok(holder(&world).await?.filter(|now| *now != before)) })
        .await?;
    assert!(stopped.elapsed() < Duration::from_secs(8), "without waiting for its end: {:?}", stopped.elapsed());
    second.stop().await
}

/// Somebody takes it by force: the one that had it ends, and writes nothing any more.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_lost_it_ends_and_writes_nothing() -> Result<()> {
    let world = World::without_operator("lost").await?;
    let operator = world.start(short()).await?;
    world.eventually("it holds it", || holder(&world)).await?;
    world.create::<AlluxioCluster>(available(&world, "a")).await?;
    world.until("a", "it settles", settled).await?;
    let mut lease = world.api::<Lease>().get("alluxio-operator").await?;
    lease.spec.get_or_insert_default().holder_identity = Some("another".to_owned());
    world.api::<Lease>().replace("alluxio-operator", &PostParams::default(), &lease).await?;
    let error = operator.ended().await.err().context("it ended as if nothing was")?.to_string();
    assert!(error.contains("was taken by another"), "{error}");
    let position = world.server.audit().end()?;
    world.edit::<AlluxioCluster>("a", json!({ "spec": { "masters": { "count": 5 } } })).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(world.changed_since(position)?, []);
    Ok(())
}

/// Its renewals fail: the clock ends it, from outside of the runtime, too.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_renew_is_over_in_time() -> Result<()> {
    let world = World::without_operator("stuck").await?;
    let operator = world.start(short()).await?;
    world.eventually("it holds it", || holder(&world)).await?;
    let rights = world.api::<k8s_openapi::api::rbac::v1::RoleBinding>();
    rights.delete("alluxio-operator-lease", &Default::default()).await?;
    let began = Instant::now();
    let lost = operator.lost.clone();
    let error = operator.ended().await.err().context("it ended as if nothing was")?.to_string();
    assert!(error.contains("was not renewed in time"), "{error}");
    assert!(began.elapsed() < Duration::from_millis(3500), "{:?}", began.elapsed());
    world.eventually("the process would be gone", || async { Ok(lost.load(Ordering::Acquire).then_some(())) }).await
}
