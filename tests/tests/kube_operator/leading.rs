//! Who leads: the label, the status, the events.

use std::time::{Duration, Instant};

use alluxio_operator::crd::{AlluxioCluster, Reason};
use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::{ResourceExt, api::ListParams};

use crate::{
    objects::{available, has_reason, leader, settled},
    world::World,
};

async fn labelled(world: &World) -> Result<Vec<String>> {
    let pods = world.api::<Pod>().list(&ListParams::default().labels("alluxio.org/leader=true")).await?;
    Ok(pods.items.iter().map(ResourceExt::name_any).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn label_and_status_follow_within_three_seconds() -> Result<()> {
    let world = World::new("leader").await?;
    world.create::<AlluxioCluster>(available(&world, "a")).await?;
    world.until("a", "it settles", settled).await?;
    for next in ["a-masters-1", "a-masters-2", "a-masters-0"] {
        let position = world.server.audit().end()?;
        world.fake.elect(next);
        let began = Instant::now();
        world.until("a", "the leader is told", |cluster| leader(cluster).as_deref() == Some(next)).await?;
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        assert_eq!(labelled(&world).await?, [next]);
        let patched: Vec<_> = world
            .changed_since(position)?
            .into_iter()
            .filter(|it| it.resource == "pods" && it.verb == "patch")
            .map(|it| it.name)
            .collect();
        assert_eq!(patched.len(), 2, "taken from one, given to the other");
        assert_eq!(patched[1], next, "taken first");
    }
    let told = world.events("a").await?.into_iter().filter(|(reason, _)| reason == "LeaderChanged").count();
    assert!(told >= 4, "one event for each: {told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn zookeeper_away_and_back() -> Result<()> {
    let world = World::new("zookeeper").await?;
    world.create::<AlluxioCluster>(available(&world, "a")).await?;
    world.until("a", "it settles", settled).await?;
    world.fake.zookeeper_is_down(true);
    let began = Instant::now();
    world.until("a", "it is told", |cluster| has_reason(cluster, Reason::Unreachable)).await?;
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    world.fake.zookeeper_is_down(false);
    world.until("a", "it is told", |cluster| has_reason(cluster, Reason::Reachable)).await?;
    Ok(())
}
