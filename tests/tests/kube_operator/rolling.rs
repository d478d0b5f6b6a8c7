//! Changes that need new pods: in which order, and where they stop.

use std::time::Duration;

use alluxio_operator::crd::Reason;
use anyhow::Result;
use serde_json::json;

use crate::{
    objects::{available, has_reason, leader, restarts_masters, settled, told},
    pods::{MASTERS, WORKERS, different, uids},
    world::World,
};

async fn settled_world(name: &str) -> Result<World<'static>> {
    let world = World::new(name).await?;
    world.settled(available(&world, "a")).await?;
    Ok(world)
}

/// The masters of the events about steps.
pub async fn steps(world: &World<'_>) -> Result<Vec<String>> {
    let told = world.events("a").await?.into_iter();
    let told = told.filter(|(reason, note)| reason == "RollStep" && note.starts_with("a-masters-"));
    Ok(told.map(|(_, note)| note.split(' ').next().unwrap_or_default().to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn standbys_first_and_the_leader_last() -> Result<()> {
    let world = settled_world("order").await?;
    world.fake.elect("a-masters-1");
    world.until("a", "the leader is told", |cluster| leader(cluster) == Some("a-masters-1")).await?;
    let (before, workers) = (uids(&world, MASTERS).await?, uids(&world, WORKERS).await?);
    let position = world.server.audit().end()?;
    world.edit_cluster("a", restarts_masters("2h")).await?;
    world
        .until("a", "it settles", |cluster| settled(cluster) && leader(cluster) != Some("a-masters-1"))
        .await?;
    assert_eq!(steps(&world).await?, ["a-masters-2", "a-masters-0", "a-masters-1"]);
    assert_eq!(different(&before, &uids(&world, MASTERS).await?).len(), 3);
    assert_eq!(uids(&world, WORKERS).await?, workers, "what only masters read restarts no worker");
    let changes = world.changed_since(position)?;
    let evictions = changes.iter().filter(|it| it.resource == "pods/eviction" && it.code == 201).count();
    assert_eq!(evictions, 3, "through evictions only");
    assert!(!changes.iter().any(|it| it.resource == "pods" && it.verb == "delete"));
    for expected in ["RollStarted", "RollFinished", "LeaderChanged"] {
        world.events_with("a", expected, 1).await?;
    }
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_leaves_the_rest_and_reverting_heals() -> Result<()> {
    let world = settled_world("fatal").await?;
    let before = uids(&world, MASTERS).await?;
    world.fake.fatal("broken");
    world.edit_cluster("a", json!({ "spec": { "image": { "master": "localhost/broken:1" } } })).await?;
    let stopped = world
        .until("a", "it stops", |cluster| {
            has_reason(cluster, Reason::StepFailed) && has_reason(cluster, Reason::MastersNotReady)
        })
        .await?;
    let message = told(&stopped, Reason::MastersNotReady);
    assert!(
        message.contains("a-masters-2") && message.contains("CrashLoopBackOff: no such key"),
        "{message}"
    );
    world.looked_again("a").await?;
    assert_eq!(different(&before, &uids(&world, MASTERS).await?), ["a-masters-2"], "the roll stays there");
    assert_eq!(leader(&world.cluster("a").await?), Some("a-masters-0"), "it serves on");
    world.edit_cluster("a", json!({ "spec": { "image": { "master": null } } })).await?;
    world.until("a", "it is well again", settled).await?;
    assert_eq!(
        different(&before, &uids(&world, MASTERS).await?),
        ["a-masters-2"],
        "the others were never touched"
    );
    world.events_with("a", "RollStopped", 1).await?;
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_no_restart_restarts_nothing() -> Result<()> {
    let world = settled_world("norestart").await?;
    let (masters, workers) = (uids(&world, MASTERS).await?, uids(&world, WORKERS).await?);
    let edit = json!({ "spec": {
        "masters": {
            "scheduling": { "tolerations": [{ "key": "k", "operator": "Exists" }] },
            "podTemplate": { "metadata": { "labels": { "team": "storage" } } },
        },
        "workers": [{ "name": "default", "env": [{ "name": "TEAM", "value": "storage" }] }],
    } });
    world.edit_cluster("a", edit).await?;
    world
        .eventually("the workers are replaced", || async {
            let now = uids(&world, WORKERS).await?;
            Ok((now.len() == workers.len() && different(&workers, &now).len() == workers.len()).then_some(()))
        })
        .await?;
    world.until("a", "it settles", settled).await?;
    assert_eq!(uids(&world, MASTERS).await?, masters);
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_takes_long_is_waited_for() -> Result<()> {
    let world = settled_world("slow").await?;
    let before = uids(&world, MASTERS).await?;
    world.fake.hold("a-masters-2", true);
    world.edit_cluster("a", restarts_masters("2h")).await?;
    world
        .eventually("the first step", || async {
            Ok((different(&before, &uids(&world, MASTERS).await?) == ["a-masters-2"]).then_some(()))
        })
        .await?;
    world.looked_again("a").await?;
    assert_eq!(different(&before, &uids(&world, MASTERS).await?), ["a-masters-2"]);
    assert!(has_reason(&world.cluster("a").await?, Reason::Rolling));
    world.fake.hold("a-masters-2", false);
    world
        .until("a", "it settles", |cluster| settled(cluster) && leader(cluster) != Some("a-masters-0"))
        .await?;
    assert_eq!(different(&before, &uids(&world, MASTERS).await?).len(), 3);
    world.check()
}

/// A master that somebody else has taken away, or that is not well, is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn no_second_master_is_taken_away() -> Result<()> {
    let world = settled_world("second").await?;
    let before = uids(&world, MASTERS).await?;
    world.fake.unwell("a-masters-1", true);
    world.until("a", "it is told", |cluster| crate::objects::masters(cluster) == "2/3").await?;
    world.edit_cluster("a", restarts_masters("2h")).await?;
    world
        .until("a", "the change is seen", |cluster| {
            cluster.status.as_ref().and_then(|it| it.observed_generation) == cluster.metadata.generation
        })
        .await?;
    world.looked_again("a").await?;
    let replaced = different(&before, &uids(&world, MASTERS).await?);
    assert!(!replaced.iter().any(|name| name != "a-masters-1"), "{replaced:?}");
    world.fake.unwell("a-masters-1", false);
    world
        .until("a", "it settles", |cluster| settled(cluster) && leader(cluster) != Some("a-masters-0"))
        .await?;
    assert_eq!(different(&before, &uids(&world, MASTERS).await?).len(), 3);
    assert_eq!(steps(&world).await?.last().map(String::as_str), Some("a-masters-0"));
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn recreate_replaces_all_masters_at_once() -> Result<()> {
    let world = settled_world("recreate").await?;
    world.edit_cluster("a", json!({ "spec": { "upgradeStrategy": "Recreate" } })).await?;
    let before = uids(&world, MASTERS).await?;
    for pod in before.keys() {
        // None of them gets up while an old one is there.
        world.fake.hold(pod, true);
    }
    world.edit_cluster("a", restarts_masters("2h")).await?;
    world
        .eventually("all are replaced", || async {
            Ok((different(&before, &uids(&world, MASTERS).await?).len() == 3).then_some(()))
        })
        .await?;
    world.until("a", "it is told", |cluster| has_reason(cluster, Reason::Recreating)).await?;
    for pod in before.keys() {
        world.fake.hold(pod, false);
    }
    world.until("a", "it settles", settled).await?;
    world.check()
}

/// One that is neither ready nor failing: after `progressDeadlineSeconds` it is for a person, and when it comes all the same the roll goes on.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: the shortest deadline is a minute"]
async fn a_step_that_takes_too_long_stops_the_roll() -> Result<()> {
    let mut world = World::new("deadline").await?;
    world.limit = Duration::from_secs(150);
    let mut cluster = available(&world, "a");
    cluster["spec"]["progressDeadlineSeconds"] = json!(60);
    world.settled(cluster).await?;
    let before = uids(&world, MASTERS).await?;
    world.fake.hold("a-masters-2", true);
    world.edit_cluster("a", restarts_masters("2h")).await?;
    let stopped = world
        .until("a", "it stops", |cluster| {
            has_reason(cluster, Reason::StepFailed) && has_reason(cluster, Reason::MastersNotReady)
        })
        .await?;
    let message = told(&stopped, Reason::MastersNotReady);
    for part in ["a-masters-2", "not ready for more than 60 s", "kubectl logs a-masters-2"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert_eq!(different(&before, &uids(&world, MASTERS).await?), ["a-masters-2"]);
    world.fake.hold("a-masters-2", false);
    world
        .until("a", "it settles", |cluster| settled(cluster) && leader(cluster) != Some("a-masters-0"))
        .await?;
    assert_eq!(different(&before, &uids(&world, MASTERS).await?).len(), 3);
    world.check()
}
