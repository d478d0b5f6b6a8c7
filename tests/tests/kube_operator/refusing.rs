//! What is refused, by whom, and what is told.

use alluxio_operator::crd::{AlluxioCluster, Reason};
use anyhow::{Context, Result};
use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::ConfigMap};
use serde_json::{Value, json};

use crate::{
    objects::{available, condition, has_reason, settled, single},
    world::World,
};

/// By the API server, at once.
#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_refuses_what_the_rules_say() -> Result<()> {
    let world = World::without_operator("rules").await?;
    let of = |spec: Value| {
        let mut cluster = single("a");
        for (name, value) in spec.as_object().into_iter().flatten() {
            cluster["spec"][name] = value.clone();
        }
        cluster
    };
    for (spec, told) in [
        (json!({ "masters": { "count": 3 } }), "needs zookeeper.addresses"),
        (json!({ "masters": { "count": 0 } }), "masters.count"),
        (json!({ "journal": { "uri": "s3://bucket/journal" } }), "journal.uri"),
        (json!({ "progressDeadlineSeconds": 1 }), "progressDeadlineSeconds"),
        (json!({ "deletionPolicy": "Sometimes" }), "deletionPolicy"),
    ] {
        let error = world.create::<AlluxioCluster>(of(spec.clone())).await.err().context("accepted")?.to_string();
        assert!(error.contains(told), "{spec}: {error}");
    }
    let long = "a".repeat(41);
    let error = world.create::<AlluxioCluster>(single(&long)).await.err().context("accepted")?.to_string();
    assert!(error.contains("at most 40 characters"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_changed() -> Result<()> {
    let world = World::without_operator("immutable").await?;
    world.create::<AlluxioCluster>(available(&world, "a")).await?;
    for patch in [
        json!({ "spec": { "journal": { "uri": "hdfs://other:8020/j" } } }),
        json!({ "spec": { "journal": { "uri": null } } }),
        json!({ "spec": { "zookeeper": null, "masters": { "count": 1 } } }),
    ] {
        let refused = world.edit::<AlluxioCluster>("a", patch.clone()).await;
        assert!(refused.is_err(), "{patch} was accepted");
    }
    Ok(())
}

/// By the operator, which then changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_cannot_be_carried_out_changes_nothing() -> Result<()> {
    let world = World::new("invalid").await?;
    world.create::<AlluxioCluster>(available(&world, "a")).await?;
    world.until("a", "it settles", settled).await?;
    let before = world.api::<StatefulSet>().get("a-masters").await?.metadata.resource_version;
    let owned = json!({ "spec": { "properties": { "alluxio.master.hostname": "x" } } });
    world.edit::<AlluxioCluster>("a", owned).await?;
    let cluster = world.until("a", "it is refused", |cluster| has_reason(cluster, Reason::InvalidSpec)).await?;
    let message = &condition(&cluster, Reason::InvalidSpec.condition()).context("no condition")?.message;
    assert!(message.contains("alluxio.master.hostname"), "{message}");
    assert!(has_reason(&cluster, Reason::LeaderServing), "it serves on");
    assert_eq!(world.api::<StatefulSet>().get("a-masters").await?.metadata.resource_version, before);
    let told = world.events("a").await?;
    assert!(told.iter().any(|(reason, note)| reason == "Refused" && note.contains("alluxio.master.hostname")), "{told:?}");
    world.edit::<AlluxioCluster>("a", json!({ "spec": { "properties": { "alluxio.master.hostname": null } } })).await?;
    world.until("a", "it is well again", settled).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_reference_is_told_and_waited_for() -> Result<()> {
    let world = World::new("missing").await?;
    let mut cluster = available(&world, "a");
    cluster["spec"]["zookeeper"] = json!({ "addressesFrom": { "name": "ensemble", "key": "addresses" } });
    world.create::<AlluxioCluster>(cluster).await?;
    let cluster = world.until("a", "it is told", |cluster| has_reason(cluster, Reason::MissingReference)).await?;
    let message = &condition(&cluster, Reason::MissingReference.condition()).context("no condition")?.message;
    assert!(message.contains("spec.zookeeper.addressesFrom") && message.contains("ensemble"), "{message}");
    let map = json!({ "metadata": { "name": "ensemble" }, "data": { "addresses": world.fake.zookeeper() } });
    world.create::<ConfigMap>(map).await?;
    world.until("a", "it settles", settled).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_clusters_with_one_journal_the_second_is_refused() -> Result<()> {
    let world = World::new("shared").await?;
    world.create::<AlluxioCluster>(available(&world, "a")).await?;
    world.until("a", "it settles", settled).await?;
    let mut second = available(&world, "b");
    second["spec"]["journal"]["uri"] = json!("hdfs://namenode:8020/journals/a");
    world.create::<AlluxioCluster>(second).await?;
    let cluster = world.until("b", "it is told", |cluster| has_reason(cluster, Reason::ConflictsWithCluster)).await?;
    let message = &condition(&cluster, Reason::ConflictsWithCluster.condition()).context("no condition")?.message;
    assert!(message.contains("spec.journal"), "{message}");
    assert!(world.api::<StatefulSet>().get_opt("b-masters").await?.is_none());
    assert!(settled(&world.cluster("a").await?), "the first is not troubled");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_journal_starts_nothing_until_it_is_adopted() -> Result<()> {
    let world = World::new("foreign").await?;
    world.fake.format(Some((false, json!({ "outcome": "foreign", "clusterId": "other" }))));
    world.create::<AlluxioCluster>(available(&world, "a")).await?;
    let cluster = world.until("a", "it is told", |cluster| has_reason(cluster, Reason::JournalForeign)).await?;
    let message = &condition(&cluster, Reason::JournalForeign.condition()).context("no condition")?.message;
    assert!(message.contains("alluxio.org/adopt-journal=other"), "{message}");
    assert!(world.api::<StatefulSet>().get_opt("a-masters").await?.is_none());
    world.fake.format(Some((true, json!({ "outcome": "adopted", "clusterId": "other" }))));
    let adopt = json!({ "metadata": { "annotations": { "alluxio.org/adopt-journal": "other" } } });
    world.edit::<AlluxioCluster>("a", adopt).await?;
    let cluster = world.until("a", "it settles", settled).await?;
    let id = cluster.status.and_then(|status| status.journal).context("no journal")?.cluster_id;
    assert_eq!(id, "other");
    Ok(())
}
