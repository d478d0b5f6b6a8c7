//! What a cluster's status says, and to whom.

use alluxio_operator::crd::{AlluxioCluster, ConditionType, Phase, Reason};
use anyhow::{Context, Result};
use http::Request;
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::{
    ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    objects::{available, condition, has_reason, settled, single, told},
    world::World,
};

/// What `kubectl get alx` shows: the API server makes it of the definition's columns.
async fn columns(world: &World<'_>, cluster: &str) -> Result<Vec<(String, String)>> {
    let path = format!("/apis/alluxio.org/v1alpha1/namespaces/{}/alluxioclusters/{cluster}", world.namespace);
    let request = Request::get(path)
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(Vec::new())?;
    let table: Value = world.client.request(request).await?;
    let names = table["columnDefinitions"].as_array().context("no columns")?;
    let cells = table["rows"][0]["cells"].as_array().context("no cells")?;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(names.iter().map(|it| text(&it["name"])).zip(cells.iter().map(text)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kubectl_shows() -> Result<()> {
    let world = World::new("columns").await?;
    world.settled(available(&world, "a")).await?;
    world
        .until("a", "its workers are counted", |cluster| {
            cluster.status.as_ref().and_then(|it| it.workers.as_ref()).is_some_and(|it| it.summary == "2/2")
        })
        .await?;
    let shown = columns(&world, "a").await?;
    let expected = [
        ("Name", "a"),
        ("Masters", "3/3"),
        ("Workers", "2/2"),
        ("Leader", "a-masters-0"),
        ("Version", "0.1.0"),
        ("Status", "Available"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(shown[..6], expected);
    assert_eq!(shown[6].0, "Age");
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_condition_speaks_of_the_present_spec() -> Result<()> {
    let world = World::new("conditions").await?;
    let cluster = world.settled(available(&world, "a")).await?;
    let reasons = [
        Reason::LeaderServing,
        Reason::Settled,
        Reason::AsExpected,
        Reason::NotPaused,
        Reason::Reachable,
        Reason::JournalFormatted,
    ];
    for reason in reasons {
        let found = condition(&cluster, reason.condition())
            .with_context(|| format!("nothing is said of {reason:?}"))?;
        assert_eq!((found.reason, found.observed_generation), (reason, cluster.metadata.generation));
    }
    let since = |cluster: &AlluxioCluster| {
        condition(cluster, ConditionType::Available).map(|it| it.last_transition_time.clone())
    };
    let before = since(&cluster);
    let edited = world.edit_cluster("a", json!({ "spec": { "progressDeadlineSeconds": 900 } })).await?;
    let later = world
        .until("a", "the edit is seen", |cluster| {
            let of = |type_| condition(cluster, type_).and_then(|condition| condition.observed_generation);
            settled(cluster)
                && reasons.iter().all(|reason| of(reason.condition()) == edited.metadata.generation)
        })
        .await?;
    assert_eq!(since(&later), before, "it has been available all the time");
    let status = later.status.context("no status")?;
    assert_eq!(status.phase, Some(Phase::Available));
    let endpoints = status.endpoints.context("no endpoints")?;
    assert_eq!(endpoints.rpc, format!("a-leader.{}.svc:19998", world.namespace));
    assert!(endpoints.uri.starts_with("alluxio://zk@"), "{}", endpoints.uri);
    world.check()
}

/// What a user writes into the status is not believed.
#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_others_wrote_is_put_right() -> Result<()> {
    let world = World::new("status").await?;
    let cluster = world.settled(single(&world, "a")).await?;
    let lie = Patch::Merge(
        json!({ "status": { "leader": { "pod": "nobody" }, "phase": "Degraded", "version": "9" } }),
    );
    world.api::<AlluxioCluster>().patch_status("a", &PatchParams::default(), &lie).await?;
    let right = world
        .until("a", "it is put right", |cluster| {
            settled(cluster)
                && cluster.status.as_ref().is_some_and(|it| {
                    it.phase == Some(Phase::Available) && it.version.as_deref() == Some("0.1.0")
                })
        })
        .await?;
    assert_eq!(right.status.and_then(|it| it.leader), cluster.status.and_then(|it| it.leader));
    world.check()
}

/// Each event is an object of its own, of the API that `kubectl describe` reads, about the very cluster.
#[tokio::test(flavor = "multi_thread")]
async fn events_tell_the_story() -> Result<()> {
    let world = World::new("events").await?;
    let cluster = world.settled(single(&world, "a")).await?;
    for reason in ["JournalFormatted", "LeaderChanged"] {
        world.events_with("a", reason, 1).await?;
    }
    let events = world.api::<k8s_openapi::api::core::v1::Event>().list(&Default::default()).await?;
    let ours: Vec<_> = events.iter().filter(|it| it.involved_object.uid == cluster.uid()).collect();
    let reasons: Vec<_> = ours.iter().filter_map(|it| it.reason.as_deref()).collect();
    assert_eq!(reasons.iter().filter(|it| **it == "JournalFormatted").count(), 1, "{reasons:?}");
    assert_eq!(reasons.iter().filter(|it| **it == "LeaderChanged").count(), 1, "{reasons:?}");
    assert!(ours.iter().all(|it| it.reporting_component.as_deref() == Some("alluxio.org/operator")));
    let times = || async { anyhow::Ok(world.events("a").await?.len()) };
    let before = times().await?;
    world.looked_again("a").await?;
    assert_eq!(times().await?, before, "a cluster at rest has none");
    world.check()
}

/// A quota, as any other no of the API server: it is told, the status goes on, and when the no is gone it is done.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_quota_refuses_is_told_and_done_later() -> Result<()> {
    let world = World::new("quota").await?;
    world.settled(available(&world, "a")).await?;
    let none =
        json!({ "metadata": { "name": "none" }, "spec": { "hard": { "count/daemonsets.apps": "1" } } });
    world.create::<ResourceQuota>(none).await?;
    let used = Patch::Merge(
        json!({ "status": { "hard": { "count/daemonsets.apps": "1" }, "used": { "count/daemonsets.apps": "1" } } }),
    );
    world.api::<ResourceQuota>().patch_status("none", &PatchParams::default(), &used).await?;
    let more = json!({ "spec": { "workers": [{ "name": "default" }, { "name": "more", "ports": { "rpc": 29_997, "web": 30_001 } }] } });
    world.edit_cluster("a", more).await?;
    let refused = world.until("a", "it is told", |cluster| has_reason(cluster, Reason::ApplyFailed)).await?;
    let message = told(&refused, Reason::ApplyFailed);
    assert!(message.contains("a-worker-more") && message.contains("exceeded quota"), "{message}");
    world.fake.elect("a-masters-2");
    world
        .until("a", "the leader is told", |cluster| crate::objects::leader(cluster) == Some("a-masters-2"))
        .await?;
    world.delete::<ResourceQuota>("none").await?;
    world.until("a", "it settles", settled).await?;
    Ok(())
}
