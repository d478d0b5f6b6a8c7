//! Changes that need new pods: in which order, and where they stop.

use std::{collections::BTreeMap, time::Duration};

use alluxio_operator::crd::{AlluxioCluster, Reason};
use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::{ResourceExt, api::ListParams};
use serde_json::{Value, json};

use crate::{
    objects::{available, has_reason, leader, settled},
    world::World,
};

const PROPERTY: &str = "alluxio.master.ttl.checker.interval";

fn edit(value: &str) -> Value {
    json!({ "spec": { "properties": { PROPERTY: value } } })
}

/// By name, their uids.
async fn masters(world: &World) -> Result<BTreeMap<String, String>> {
    let pods = world.api::<Pod>().list(&ListParams::default().labels("app.kubernetes.io/component=master")).await?;
    Ok(pods.items.iter().map(|pod| (pod.name_any(), pod.uid().unwrap_or_default())).collect())
}

async fn settled_cluster(name: &str) -> Result<World> {
    let world = World::new(name).await?;
    world.create::<AlluxioCluster>(available(&world, "a")).await?;
    world.until("a", "it settles", settled).await?;
    Ok(world)
}

async fn steps(world: &World) -> Result<Vec<String>> {
    let told = world.events("a").await?.into_iter().filter(|(reason, _)| reason == "RollStep");
    Ok(told.map(|(_, note)| note.split(' ').next().unwrap_or_default().to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn standbys_first_and_the_leader_last() -> Result<()> {
    let world = settled_cluster("order").await?;
    world.fake.elect("a-masters-1");
    world.until("a", "the leader is told", |cluster| leader(cluster).as_deref() == Some("a-masters-1")).await?;
    let before = masters(&world).await?;
    let position = world.server.audit().end()?;
    world.edit::<AlluxioCluster>("a", edit("2h")).await?;
    world.until("a", "it settles", |cluster| settled(cluster) && leader(cluster).as_deref() != Some("a-masters-1")).await?;
    assert_eq!(steps(&world).await?, ["a-masters-2", "a-masters-0", "a-masters-1"]);
    assert!(masters(&world).await?.iter().all(|(name, uid)| before.get(name) != Some(uid)));
    let changes = world.changed_since(position)?;
    let evictions = changes.iter().filter(|it| it.resource == "pods/eviction" && it.code == 201).count();
    assert_eq!(evictions, 3, "through evictions only");
    assert!(!changes.iter().any(|it| it.resource == "pods" && it.verb == "delete"));
    let told: Vec<_> = world.events("a").await?.into_iter().map(|(reason, _)| reason).collect();
    for expected in ["RollStarted", "RollFinished", "LeaderChanged"] {
        assert!(told.iter().any(|reason| reason == expected), "{expected} in {told:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_leaves_the_rest_and_reverting_heals() -> Result<()> {
    let world = settled_cluster("fatal").await?;
    let before = masters(&world).await?;
    world.fake.fatal("broken");
    world.edit::<AlluxioCluster>("a", json!({ "spec": { "image": { "master": "localhost/broken:1" } } })).await?;
    world.until("a", "it stops", |cluster| {
        has_reason(cluster, Reason::StepFailed) && has_reason(cluster, Reason::MastersNotReady)
    }).await?;
    // It has stopped: nothing more happens.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let now = masters(&world).await?;
    let changed: Vec<_> = now.iter().filter(|(name, uid)| before.get(*name) != Some(uid)).map(|(name, _)| name.clone()).collect();
    assert_eq!(changed, ["a-masters-2"]);
    let cluster = world.cluster("a").await?;
    assert_eq!(leader(&cluster).as_deref(), Some("a-masters-0"), "it serves on");
    world.edit::<AlluxioCluster>("a", json!({ "spec": { "image": { "master": null } } })).await?;
    world.until("a", "it is well again", settled).await?;
    let healed = masters(&world).await?;
    for name in ["a-masters-0", "a-masters-1"] {
        assert_eq!(before.get(name), healed.get(name), "{name} was never touched");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_no_restart_restarts_nothing() -> Result<()> {
    let world = settled_cluster("labels").await?;
    let before = masters(&world).await?;
    let edit = json!({ "spec": {
        "masters": { "scheduling": { "tolerations": [{ "key": "k", "operator": "Exists" }] } },
        "workers": [{ "name": "default", "env": [{ "name": "ALLUXIO_X", "value": "y" }] }],
    } });
    let workers = worker_uids(&world).await?;
    world.edit::<AlluxioCluster>("a", edit).await?;
    world
        .eventually("the workers are replaced", || async {
            let now = worker_uids(&world).await?;
            Ok((!now.is_empty() && now.values().all(|uid| !workers.values().any(|old| old == uid))).then_some(()))
        })
        .await?;
    world.until("a", "it settles", settled).await?;
    assert_eq!(masters(&world).await?, before);
    Ok(())
}

async fn worker_uids(world: &World) -> Result<BTreeMap<String, String>> {
    let pods = world.api::<Pod>().list(&ListParams::default().labels("app.kubernetes.io/component=worker")).await?;
    Ok(pods.items.iter().map(|pod| (pod.name_any(), pod.uid().unwrap_or_default())).collect())
}

/// After each step another operator goes on.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_step_it_goes_on() -> Result<()> {
    let mut world = settled_cluster("killed").await?;
    let before = masters(&world).await?;
    world.edit::<AlluxioCluster>("a", edit("2h")).await?;
    for replaced in 1..=3 {
        world
            .eventually("a step", || async {
                let now = masters(&world).await?;
                let new = now.iter().filter(|(name, uid)| before.get(*name) != Some(uid)).count();
                Ok((new >= replaced).then_some(()))
            })
            .await?;
        world.restart_operator().await?;
    }
    world.until("a", "it settles", settled).await?;
    let mut steps = steps(&world).await?;
    // One that was killed after the eviction may not have told of it.
    steps.dedup();
    assert!(steps.len() <= 3, "{steps:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_takes_long_is_waited_for() -> Result<()> {
    let world = settled_cluster("slow").await?;
    let before = masters(&world).await?;
    world.fake.hold("a-masters-2", true);
    world.edit::<AlluxioCluster>("a", edit("2h")).await?;
    world
        .eventually("the first step", || async {
            Ok((masters(&world).await?.get("a-masters-2") != before.get("a-masters-2")).then_some(()))
        })
        .await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let now = masters(&world).await?;
    assert_eq!((now.get("a-masters-0"), now.get("a-masters-1")), (before.get("a-masters-0"), before.get("a-masters-1")));
    assert!(has_reason(&world.cluster("a").await?, Reason::Rolling));
    world.fake.hold("a-masters-2", false);
    world.until("a", "it settles", settled).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn recreate_replaces_all_masters_at_once() -> Result<()> {
    let world = settled_cluster("recreate").await?;
    world.edit::<AlluxioCluster>("a", json!({ "spec": { "upgradeStrategy": "Recreate" } })).await?;
    let before = masters(&world).await?;
    world.edit::<AlluxioCluster>("a", edit("2h")).await?;
    world.until("a", "it settles", settled).await?;
    let now = masters(&world).await.context("masters")?;
    assert!(now.iter().all(|(name, uid)| before.get(name) != Some(uid)));
    Ok(())
}
