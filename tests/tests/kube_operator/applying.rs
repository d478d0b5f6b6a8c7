//! Objects: made, owned, left alone, repaired, taken away.

use std::time::Duration;

use alluxio_operator::crd::Reason;
use anyhow::{Context, Result};
use k8s_openapi::api::{
    apps::v1::{DaemonSet, StatefulSet},
    core::v1::{ConfigMap, PersistentVolumeClaim, Service, ServiceAccount},
    policy::v1::PodDisruptionBudget,
};
use kube::{ResourceExt, api::{DeleteParams, PostParams}};
use serde_json::json;

use crate::{
    objects::{available, condition, has_reason, settled, single},
    world::World,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_shortest_cluster_becomes_available() -> Result<()> {
    let world = World::new("shortest").await?;
    let mut cluster = single("a");
    cluster["spec"]["masters"] = json!({ "ports": { "web": world.fake.web_port() } });
    world.create::<alluxio_operator::crd::AlluxioCluster>(cluster).await?;
    let cluster = world.until("a", "it settles", settled).await?;
    let status = cluster.status.context("no status")?;
    assert_eq!(status.masters.context("no masters")?.summary, "1/1");
    assert_eq!(status.leader.context("no leader")?.pod, "a-masters-0");
    assert_eq!(status.version.as_deref(), Some("0.1.0"));
    assert_eq!(status.journal.context("no journal")?.cluster_id, format!("id-of-{}", world.namespace));
    assert_eq!(status.image.context("no image")?.tag, "1");
    for account in world.names::<ServiceAccount>().await? {
        assert!(["a-masters", "a-workers", "alluxio-operator"].contains(&&*account), "{account}");
    }
    assert_eq!(world.fake.faults(), Vec::<String>::new());
    Ok(())
}

/// All but the claim go with the cluster.
#[tokio::test(flavor = "multi_thread")]
async fn what_it_makes_belongs_to_it() -> Result<()> {
    let world = World::new("owned").await?;
    let made = world.create::<alluxio_operator::crd::AlluxioCluster>(single_with_port(&world, "a")).await?;
    world.until("a", "it settles", settled).await?;
    let uid = made.uid().context("no uid")?;
    let owned = |owners: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference]| {
        owners.iter().any(|owner| owner.uid == uid && owner.controller == Some(true))
    };
    let set = world.api::<StatefulSet>().get("a-masters").await?;
    assert!(owned(set.owner_references()));
    assert!(owned(world.api::<Service>().get("a-leader").await?.owner_references()));
    assert!(owned(world.api::<PodDisruptionBudget>().get("a-masters").await?.owner_references()));
    assert!(owned(world.api::<DaemonSet>().get("a-worker-default").await?.owner_references()));
    let claim = world.api::<PersistentVolumeClaim>().get("a-journal").await?;
    assert_eq!(claim.owner_references(), [], "the journal outlives the cluster");
    let managers: Vec<_> = set.managed_fields().iter().filter_map(|entry| entry.manager.clone()).collect();
    assert!(managers.contains(&"alluxio-operator".to_owned()), "{managers:?}");
    Ok(())
}

/// Also when it is looked at again, from scratch.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_at_rest_causes_no_write() -> Result<()> {
    let mut world = World::new("rest").await?;
    let cluster = available(&world, "a");
    world.create::<alluxio_operator::crd::AlluxioCluster>(cluster).await?;
    world.until("a", "it settles", settled).await?;
    // What was under way when it settled ends.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let position = world.server.audit().end()?;
    world.restart_operator().await?;
    let user = world.user();
    world
        .eventually("the new operator has looked at the cluster", || async {
            let asked = world.server.audit().since(position)?;
            let looks = asked.iter().filter(|it| it.user == user && it.verb == "get" && it.resource == "statefulsets.apps");
            Ok((looks.count() > 0).then_some(()))
        })
        .await?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(world.changed_since(position)?, []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_change_is_repaired_and_what_is_theirs_stays() -> Result<()> {
    let world = World::new("drift").await?;
    world.create::<alluxio_operator::crd::AlluxioCluster>(single_with_port(&world, "a")).await?;
    world.until("a", "it settles", settled).await?;
    world
        .edit::<Service>("a-leader", json!({
            "metadata": { "labels": { "theirs": "x", "app.kubernetes.io/name": "wrong" } },
            "spec": { "selector": { "alluxio.org/leader": null } },
        }))
        .await?;
    let repaired = world
        .eventually("the Service is repaired", || async {
            let service = world.api::<Service>().get("a-leader").await?;
            let selector = service.spec.as_ref().and_then(|spec| spec.selector.clone()).unwrap_or_default();
            Ok(selector.contains_key("alluxio.org/leader").then_some(service))
        })
        .await?;
    assert_eq!(repaired.labels().get("theirs").map(String::as_str), Some("x"));
    assert_eq!(repaired.labels().get("app.kubernetes.io/name").map(String::as_str), Some("alluxio"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_returns() -> Result<()> {
    let world = World::new("returns").await?;
    world.create::<alluxio_operator::crd::AlluxioCluster>(single_with_port(&world, "a")).await?;
    world.until("a", "it settles", settled).await?;
    let before = world.api::<Service>().get("a-masters").await?.uid();
    world.api::<Service>().delete("a-masters", &DeleteParams::default()).await?;
    world.api::<PodDisruptionBudget>().delete("a-masters", &DeleteParams::default()).await?;
    world
        .eventually("both are back", || async {
            let service = world.api::<Service>().get_opt("a-masters").await?;
            let budget = world.api::<PodDisruptionBudget>().get_opt("a-masters").await?;
            Ok((service.is_some_and(|it| it.uid() != before) && budget.is_some()).then_some(()))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_settings_the_last_two_are_kept() -> Result<()> {
    let world = World::new("settings").await?;
    world.create::<alluxio_operator::crd::AlluxioCluster>(single_with_port(&world, "a")).await?;
    world.until("a", "it settles", settled).await?;
    let rows = || async {
        let names = world.names::<ConfigMap>().await?;
        anyhow::Ok(names.into_iter().filter(|name| name.starts_with("a-masters-")).collect::<Vec<_>>())
    };
    let first = rows().await?;
    assert_eq!(first.len(), 1);
    for value in ["1MB", "2MB", "3MB"] {
        // Creation times of ConfigMaps have whole seconds.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let properties = json!({ "spec": { "properties": { "alluxio.user.block.size.bytes.default": value } } });
        world.edit::<alluxio_operator::crd::AlluxioCluster>("a", properties).await?;
        world.until("a", "it settles", settled).await?;
    }
    world
        .eventually("two are left, and the first is not among them", || async {
            let rows = rows().await?;
            Ok((rows.len() == 2 && !rows.contains(&first[0])).then_some(()))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_goes_takes_its_objects_along() -> Result<()> {
    let world = World::new("orphans").await?;
    let mut cluster = single_with_port(&world, "a");
    cluster["spec"]["workers"] = json!([{ "name": "ssd" }, { "name": "hdd", "ports": { "rpc": 29_997, "web": 30_001 } }]);
    world.create::<alluxio_operator::crd::AlluxioCluster>(cluster).await?;
    world.until("a", "it settles", settled).await?;
    assert!(world.names::<DaemonSet>().await?.contains(&"a-worker-hdd".to_owned()));
    world.edit::<alluxio_operator::crd::AlluxioCluster>("a", json!({ "spec": { "workers": [{ "name": "ssd" }] } })).await?;
    world
        .eventually("the group is gone", || async {
            Ok((world.names::<DaemonSet>().await? == ["a-worker-ssd"]).then_some(()))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_whose_names_begin_alike_do_not_touch_each_other() -> Result<()> {
    let world = World::new("alike").await?;
    for name in ["a", "ab"] {
        world.create::<alluxio_operator::crd::AlluxioCluster>(single_with_port(&world, name)).await?;
    }
    for name in ["a", "ab"] {
        world.until(name, "it settles", settled).await?;
    }
    let of_ab = world.api::<StatefulSet>().get("ab-masters").await?;
    world.api::<alluxio_operator::crd::AlluxioCluster>().delete("a", &DeleteParams::default()).await?;
    let properties = json!({ "spec": { "properties": { "alluxio.user.block.size.bytes.default": "1MB" } } });
    world.edit::<alluxio_operator::crd::AlluxioCluster>("ab", properties).await?;
    world.until("ab", "it settles", settled).await?;
    assert_eq!(world.api::<StatefulSet>().get("ab-masters").await?.uid(), of_ab.uid());
    // Nobody collects here what belonged to the first: the operator left it alone, too.
    assert!(world.api::<StatefulSet>().get_opt("a-masters").await?.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_somebody_else_is_not_touched() -> Result<()> {
    let world = World::new("theirs").await?;
    let theirs = json!({
        "metadata": { "name": "a-leader" }, "spec": { "ports": [{ "port": 1 }], "selector": { "their": "pods" } },
    });
    world.create::<Service>(theirs).await?;
    world.create::<alluxio_operator::crd::AlluxioCluster>(single_with_port(&world, "a")).await?;
    let cluster = world.until("a", "it says so", |cluster| has_reason(cluster, Reason::ApplyFailed)).await?;
    let message = &condition(&cluster, Reason::ApplyFailed.condition()).context("no condition")?.message;
    assert!(message.contains("Service a-leader exists and belongs to somebody else"), "{message}");
    let service = world.api::<Service>().get("a-leader").await?;
    assert_eq!(service.spec.and_then(|spec| spec.selector).unwrap_or_default().get("their").map(String::as_str), Some("pods"));
    assert!(world.api::<StatefulSet>().get_opt("a-masters").await?.is_none());
    // Out of the way, it goes on by itself.
    world.api::<Service>().delete("a-leader", &DeleteParams::default()).await?;
    world.until("a", "it settles", settled).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_it_changes_nothing_and_tells_the_truth() -> Result<()> {
    let world = World::new("paused").await?;
    world.create::<alluxio_operator::crd::AlluxioCluster>(available(&world, "a")).await?;
    world.until("a", "it settles", settled).await?;
    let pause = json!({ "spec": { "paused": true, "masters": { "count": 5 } } });
    world.edit::<alluxio_operator::crd::AlluxioCluster>("a", pause).await?;
    world.until("a", "it is paused", |cluster| has_reason(cluster, Reason::PausedByUser)).await?;
    world.fake.elect("a-masters-2");
    world.until("a", "the leader is told", |cluster| crate::objects::leader(cluster).as_deref() == Some("a-masters-2")).await?;
    let replicas = world.api::<StatefulSet>().get("a-masters").await?.spec.and_then(|spec| spec.replicas);
    assert_eq!(replicas, Some(3));
    world.edit::<alluxio_operator::crd::AlluxioCluster>("a", json!({ "spec": { "paused": false } })).await?;
    world.until("a", "five masters", |cluster| {
        let masters = cluster.status.as_ref().and_then(|status| status.masters.as_ref());
        settled(cluster) && masters.is_some_and(|masters| masters.summary == "5/5")
    }).await?;
    Ok(())
}

/// Somebody else writes the same object at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_another_manager_took_over_is_taken_back() -> Result<()> {
    let world = World::new("conflict").await?;
    world.create::<alluxio_operator::crd::AlluxioCluster>(single_with_port(&world, "a")).await?;
    world.until("a", "it settles", settled).await?;
    let mut set = world.api::<StatefulSet>().get("a-masters").await?;
    set.spec.get_or_insert_default().replicas = Some(0);
    world.api::<StatefulSet>().replace("a-masters", &PostParams::default(), &set).await?;
    world
        .eventually("one master again", || async {
            let set = world.api::<StatefulSet>().get("a-masters").await?;
            Ok((set.spec.and_then(|spec| spec.replicas) == Some(1)).then_some(()))
        })
        .await
}

fn single_with_port(world: &World, name: &str) -> serde_json::Value {
    let mut cluster = single(name);
    cluster["spec"]["masters"] = json!({ "ports": { "web": world.fake.web_port() } });
    cluster
}
