//! More masters and fewer.

use alluxio_operator::crd::AlluxioCluster;
use anyhow::Result;
use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::ResourceExt;
use serde_json::json;

use crate::{
    objects::{available, leader, settled},
    world::World,
};

fn count(count: u32) -> serde_json::Value {
    json!({ "spec": { "masters": { "count": count } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_ordinal_goes_hands_over_first() -> Result<()> {
    let world = World::new("scaling").await?;
    let mut cluster = available(&world, "a");
    cluster["spec"]["masters"]["count"] = json!(5);
    world.create::<AlluxioCluster>(cluster).await?;
    world.until("a", "it settles", settled).await?;
    let stays = world.api::<Pod>().get("a-masters-1").await?.uid();
    world.fake.elect("a-masters-4");
    world.until("a", "the leader is told", |cluster| leader(cluster).as_deref() == Some("a-masters-4")).await?;
    world.edit::<AlluxioCluster>("a", count(3)).await?;
    let cluster = world.until("a", "three are left", |cluster| {
        let masters = cluster.status.as_ref().and_then(|status| status.masters.as_ref());
        settled(cluster) && masters.is_some_and(|masters| masters.replicas == 3)
    }).await?;
    let next = leader(&cluster).unwrap_or_default();
    assert!(["a-masters-0", "a-masters-1", "a-masters-2"].contains(&&*next), "{next}");
    assert_eq!(world.api::<Pod>().get("a-masters-1").await?.uid(), stays, "who stays is not restarted");
    let told = world.events("a").await?;
    assert!(told.iter().any(|(reason, note)| reason == "RollStep" && note.starts_with("a-masters-4")), "{told:?}");
    Ok(())
}

/// The way of `kubectl scale` and autoscalers.
#[tokio::test(flavor = "multi_thread")]
async fn through_the_scale_subresource() -> Result<()> {
    let world = World::new("scale").await?;
    world.create::<AlluxioCluster>(available(&world, "a")).await?;
    world.until("a", "it settles", settled).await?;
    let clusters = world.api::<AlluxioCluster>();
    let scale = clusters.get_scale("a").await?;
    let status = scale.status.unwrap_or_default();
    assert_eq!(status.replicas, 3);
    assert!(status.selector.unwrap_or_default().contains("app.kubernetes.io/instance=a"));
    let patch = kube::api::Patch::Merge(json!({ "spec": { "replicas": 5 } }));
    clusters.patch_scale("a", &kube::api::PatchParams::default(), &patch).await?;
    world
        .eventually("five masters", || async {
            let set = world.api::<StatefulSet>().get("a-masters").await?;
            Ok((set.spec.and_then(|spec| spec.replicas) == Some(5)).then_some(()))
        })
        .await
}
