//! Who leads: the label, the status, the events.

use std::time::{Duration, Instant};

use alluxio_operator::crd::{AlluxioCluster, Reason};
use anyhow::Result;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{ResourceExt, api::ListParams};

use crate::{
    objects::{available, has_reason, leader, single, told},
    world::World,
};

/// The pods to which the leader Service leads.
async fn behind_the_service(world: &World<'_>) -> Result<Vec<String>> {
    let service = world.api::<Service>().get("a-leader").await?;
    let selector = service.spec.and_then(|spec| spec.selector).unwrap_or_default();
    let selector: Vec<_> = selector.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let pods = world.api::<Pod>().list(&ListParams::default().labels(&selector.join(","))).await?;
    Ok(pods.items.iter().map(ResourceExt::name_any).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn label_and_status_follow_within_three_seconds() -> Result<()> {
    let world = World::new("leader").await?;
    world.settled(available(&world, "a")).await?;
    let mut took = Vec::new();
    for next in ["a-masters-1", "a-masters-2", "a-masters-0", "a-masters-2", "a-masters-1"] {
        // What two looks at the objects take: the machine may have much other work.
        let began = Instant::now();
        world.looked_again("a").await?;
        let looks = began.elapsed();
        let position = world.server.audit().end()?;
        let began = Instant::now();
        world.fake.elect(next);
        let cluster = world.until("a", "the leader is told", |cluster| leader(cluster) == Some(next)).await?;
        took.push(began.elapsed().saturating_sub(looks));
        assert_eq!(behind_the_service(&world).await?, [next]);
        assert_eq!(told(&cluster, Reason::LeaderServing), format!("{next} serves"));
        let changes = world.changed_since(position)?;
        let moves = changes.iter().filter(|it| it.resource == "pods" && it.verb == "patch");
        let moves: Vec<_> = moves.map(|it| it.name.as_str()).collect();
        assert_eq!(
            (moves.len(), moves.last().copied()),
            (2, Some(next)),
            "taken from the one before it is given: {moves:?}"
        );
    }
    assert!(took.iter().all(|took| *took < Duration::from_secs(3)), "{took:?} more than two looks took");
    // A look at an idle cluster takes less than half a second, and each second the masters are asked.
    took.sort();
    assert!(took[2] < Duration::from_secs(2), "{took:?} more than two looks took");
    let told = world.events_with("a", "LeaderChanged", 6).await?;
    assert_eq!(told.iter().filter(|(reason, _)| reason == "LeaderChanged").count(), 6, "one event for each");
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_leader_nobody_is_behind_the_service() -> Result<()> {
    let world = World::new("nobody").await?;
    world.settled(available(&world, "a")).await?;
    // None of them answers: the label stays until one says that it does not lead.
    for pod in ["a-masters-0", "a-masters-1", "a-masters-2"] {
        world.fake.hold(pod, true);
        world.delete::<Pod>(pod).await?;
    }
    let cluster = world.until("a", "it is told", |cluster| has_reason(cluster, Reason::NoLeader)).await?;
    assert_eq!(leader(&cluster), None);
    assert_eq!(behind_the_service(&world).await?, Vec::<String>::new());
    world.fake.hold("a-masters-2", false);
    world.until("a", "another one leads", |cluster| leader(cluster) == Some("a-masters-2")).await?;
    assert_eq!(behind_the_service(&world).await?, ["a-masters-2"]);
    world
        .eventually("the loss is told, and then the gain", || async {
            let told = world.events("a").await?;
            let lost = told.iter().position(|(reason, _)| reason == "LeaderLost");
            let found = told.iter().rposition(|(reason, _)| reason == "LeaderChanged");
            Ok((lost.is_some() && lost < found).then_some(()))
        })
        .await?;
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_given_by_hand_is_taken_away() -> Result<()> {
    let world = World::new("byhand").await?;
    world.settled(available(&world, "a")).await?;
    let by_hand = serde_json::json!({ "metadata": { "labels": { "alluxio.org/leader": "true" } } });
    world.edit::<Pod>("a-masters-1", by_hand).await?;
    world
        .eventually("only the leader has it", || async {
            Ok((behind_the_service(&world).await? == ["a-masters-0"]).then_some(()))
        })
        .await?;
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn zookeeper_away_and_back() -> Result<()> {
    let world = World::new("zookeeper").await?;
    world.settled(available(&world, "a")).await?;
    let pods = uids(&world).await?;
    world.fake.zookeeper_is_down(true);
    let began = Instant::now();
    let cluster = world.until("a", "it is told", |cluster| has_reason(cluster, Reason::Unreachable)).await?;
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert!(has_reason(&cluster, Reason::LeaderServing), "it serves on");
    world.looked_again("a").await?;
    assert_eq!(uids(&world).await?, pods, "nothing is restarted");
    world.fake.zookeeper_is_down(false);
    world.until("a", "it is told", |cluster| has_reason(cluster, Reason::Reachable)).await?;
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_zookeeper_there_is_nothing_to_reach() -> Result<()> {
    let world = World::new("alone").await?;
    let cluster: AlluxioCluster = world.settled(single(&world, "a")).await?;
    assert!(has_reason(&cluster, Reason::NotConfigured), "{:?}", cluster.status);
    world.check()
}

async fn uids(world: &World<'_>) -> Result<Vec<Option<String>>> {
    let pods = world.api::<Pod>().list(&ListParams::default()).await?;
    Ok(pods.items.iter().map(ResourceExt::uid).collect())
}
