//! More masters and fewer.

use alluxio_operator::crd::{AlluxioCluster, Reason};
use alluxio_tests::kube::audit::Request;
use anyhow::Result;
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::{
    objects::{available, has_reason, leader, masters, settled},
    pods::{MASTERS, different, uids},
    world::World,
};

fn count(count: u32) -> Value {
    json!({ "spec": { "masters": { "count": count } } })
}

fn has(cluster: &AlluxioCluster, masters: i32) -> bool {
    let status = cluster.status.as_ref().and_then(|status| status.masters.as_ref());
    settled(cluster) && status.is_some_and(|status| status.replicas == masters && status.ready == masters)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_three_and_one_again() -> Result<()> {
    let world = World::new("count").await?;
    let mut cluster = available(&world, "a");
    cluster["spec"]["masters"]["count"] = json!(1);
    let cluster = world.settled(cluster).await?;
    assert_eq!(masters(&cluster), "1/1");
    let alone = uids(&world, MASTERS).await?;
    world.fake.hold("a-masters-2", true);
    world.edit_cluster("a", count(3)).await?;
    world.until("a", "it is told", |cluster| has_reason(cluster, Reason::Scaling)).await?;
    world.fake.hold("a-masters-2", false);
    world.until("a", "three", |cluster| has(cluster, 3)).await?;
    let three = uids(&world, MASTERS).await?;
    assert_eq!(different(&alone, &three), ["a-masters-1", "a-masters-2"], "who was there stays");
    world.edit_cluster("a", count(1)).await?;
    world.until("a", "one", |cluster| has(cluster, 1)).await?;
    assert_eq!(uids(&world, MASTERS).await?, alone);
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_ordinal_goes_hands_over_first() -> Result<()> {
    let world = World::new("scaling").await?;
    let mut cluster = available(&world, "a");
    cluster["spec"]["masters"]["count"] = json!(5);
    world.settled(cluster).await?;
    let before = uids(&world, MASTERS).await?;
    world.fake.elect("a-masters-4");
    world.until("a", "the leader is told", |cluster| leader(cluster) == Some("a-masters-4")).await?;
    let position = world.server.audit().end()?;
    world.edit_cluster("a", count(3)).await?;
    let cluster = world.until("a", "three are left", |cluster| has(cluster, 3)).await?;
    assert!(
        ["a-masters-0", "a-masters-1", "a-masters-2"].map(Some).contains(&leader(&cluster)),
        "{:?}",
        leader(&cluster)
    );
    assert_eq!(
        different(&before, &uids(&world, MASTERS).await?),
        Vec::<String>::new(),
        "who stays is not restarted"
    );
    let told = world.events("a").await?;
    assert!(
        told.iter().any(|(reason, note)| reason == "RollStep" && note.starts_with("a-masters-4")),
        "{told:?}"
    );
    // The number goes down only when another one leads; the set's settings, which hold it too, change before.
    let changes = world.changed_since(position)?;
    let is = |it: &Request, what: &str, name: &str| it.resource == what && it.name == name && it.code < 300;
    let evicted = changes.iter().position(|it| is(it, "pods/eviction", "a-masters-4"));
    let fewer = changes.iter().rposition(|it| is(it, "statefulsets.apps", "a-masters"));
    assert!(evicted.is_some() && evicted < fewer, "{changes:#?}");
    world.check()
}

/// The way of `kubectl scale` and autoscalers.
#[tokio::test(flavor = "multi_thread")]
async fn through_the_scale_subresource() -> Result<()> {
    let world = World::new("scale").await?;
    world.settled(available(&world, "a")).await?;
    let clusters = world.api::<AlluxioCluster>();
    let status = clusters.get_scale("a").await?.status.unwrap_or_default();
    assert_eq!(status.replicas, 3);
    assert!(status.selector.unwrap_or_default().contains("app.kubernetes.io/instance=a"));
    let patch = Patch::Merge(json!({ "spec": { "replicas": 5 } }));
    clusters.patch_scale("a", &PatchParams::default(), &patch).await?;
    world.until("a", "five masters", |cluster| has(cluster, 5)).await?;
    let replicas = world.api::<StatefulSet>().get("a-masters").await?.spec.and_then(|spec| spec.replicas);
    assert_eq!(replicas, Some(5));
    world.check()
}
