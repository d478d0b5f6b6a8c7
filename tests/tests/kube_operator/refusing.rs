//! What the operator refuses: it changes nothing, and says what to do.

use std::time::Duration;

use alluxio_operator::crd::Reason;
use anyhow::Result;
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Secret},
};
use serde_json::json;

use crate::{
    objects::{available, has_reason, settled, single, told},
    world::World,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_cannot_be_carried_out_changes_nothing() -> Result<()> {
    let world = World::new("invalid").await?;
    world.settled(available(&world, "a")).await?;
    let position = world.server.audit().end()?;
    let owned =
        json!({ "spec": { "properties": { "alluxio.master.hostname": "x" }, "masters": { "count": 5 } } });
    world.edit_cluster("a", owned).await?;
    let cluster =
        world.until("a", "it is refused", |cluster| has_reason(cluster, Reason::InvalidSpec)).await?;
    let message = told(&cluster, Reason::InvalidSpec);
    assert!(
        message.contains("spec.properties[alluxio.master.hostname]") && message.contains("take it out"),
        "{message}"
    );
    assert!(has_reason(&cluster, Reason::LeaderServing), "it serves on");
    world.looked_again("a").await?;
    let changed: Vec<_> = world.changed_since(position)?.into_iter().map(|it| it.resource).collect();
    let allowed = ["alluxioclusters.alluxio.org/status", "events.events.k8s.io"];
    assert!(changed.iter().all(|it| allowed.contains(&it.as_str())), "{changed:?}");
    let told = world.events_with("a", "Refused", 1).await?;
    assert!(
        told.iter().any(|(reason, note)| reason == "Refused" && note.contains("alluxio.master.hostname")),
        "{told:?}"
    );
    let mended =
        json!({ "spec": { "properties": { "alluxio.master.hostname": null }, "masters": { "count": 3 } } });
    world.edit_cluster("a", mended).await?;
    world.until("a", "it is well again", settled).await?;
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_contradicts_is_refused_with_its_path() -> Result<()> {
    let world = World::new("template").await?;
    let mut cluster = single(&world, "a");
    let image = json!({ "spec": { "containers": [{ "name": "alluxio-master", "image": "other:1" }] } });
    cluster["spec"]["masters"]["podTemplate"] = image;
    world.create_cluster(cluster).await?;
    let refused =
        world.until("a", "it is refused", |cluster| has_reason(cluster, Reason::InvalidSpec)).await?;
    let message = told(&refused, Reason::InvalidSpec);
    assert!(message.contains("spec.masters.podTemplate.spec.containers[alluxio-master].image"), "{message}");
    assert!(world.api::<StatefulSet>().get_opt("a-masters").await?.is_none());
    world.edit_cluster("a", json!({ "spec": { "masters": { "podTemplate": null } } })).await?;
    world.until("a", "it settles", settled).await?;
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_reference_is_told_and_waited_for() -> Result<()> {
    let world = World::new("missing").await?;
    let mut cluster = available(&world, "a");
    cluster["spec"]["zookeeper"] = json!({ "addressesFrom": { "name": "ensemble", "key": "addresses" } });
    cluster["spec"]["masters"]["env"] =
        json!([{ "name": "TOKEN", "valueFrom": { "secretKeyRef": { "name": "token", "key": "k" } } }]);
    world.create_cluster(cluster).await?;
    let cluster =
        world.until("a", "it is told", |cluster| has_reason(cluster, Reason::MissingReference)).await?;
    let message = told(&cluster, Reason::MissingReference);
    for part in ["spec.zookeeper.addressesFrom", "ensemble", "spec.masters.env", "token"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    let map = json!({ "metadata": { "name": "ensemble" }, "data": { "addresses": world.fake.zookeeper() } });
    world.create::<ConfigMap>(map).await?;
    world.create::<Secret>(json!({ "metadata": { "name": "token" }, "stringData": { "k": "v" } })).await?;
    world.until("a", "it settles", settled).await?;
    // A digest of the value is in the pods, the value is nowhere.
    let set = serde_json::to_string(&world.api::<StatefulSet>().get("a-masters").await?)?;
    assert!(set.contains("secretKeyRef") && !set.contains("\"value\":\"v\""), "{set}");
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_clusters_with_one_journal_the_second_is_refused() -> Result<()> {
    let world = World::new("shared").await?;
    world.settled(available(&world, "a")).await?;
    let mut second = available(&world, "b");
    second["spec"]["journal"]["uri"] = json!("hdfs://namenode:8020/journals/a");
    world.create_cluster(second).await?;
    let cluster =
        world.until("b", "it is told", |cluster| has_reason(cluster, Reason::ConflictsWithCluster)).await?;
    let message = told(&cluster, Reason::ConflictsWithCluster);
    assert!(
        message.contains("spec.journal")
            && message.contains(&format!("the journal of {}/a", world.namespace)),
        "{message}"
    );
    assert!(world.api::<StatefulSet>().get_opt("b-masters").await?.is_none());
    assert!(settled(&world.cluster("a").await?), "the first is not troubled");
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_clusters_with_one_folder_in_zookeeper_the_second_is_refused() -> Result<()> {
    let world = World::new("chroot").await?;
    let with_chroot = |name: &str| {
        let mut cluster = available(&world, name);
        cluster["spec"]["zookeeper"]["chroot"] = json!("/one");
        cluster
    };
    world.settled(with_chroot("a")).await?;
    world.create_cluster(with_chroot("b")).await?;
    let cluster =
        world.until("b", "it is told", |cluster| has_reason(cluster, Reason::ConflictsWithCluster)).await?;
    let message = told(&cluster, Reason::ConflictsWithCluster);
    assert!(message.contains("spec.zookeeper.chroot") && message.contains("/one"), "{message}");
    // The first one goes: the second may start.
    world.delete::<alluxio_operator::crd::AlluxioCluster>("a").await?;
    world.collect_garbage().await?;
    world.until("b", "it settles", settled).await?;
    world.check()
}

/// Pods with the host's network share the ports of nodes, whatever namespace they are in.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_clusters_with_the_same_ports_of_nodes_the_second_is_refused() -> Result<()> {
    let world = World::new("ports").await?;
    let with_host = |name: &str, web: u16| {
        let mut cluster = single(&world, name);
        cluster["spec"]["masters"] = json!({ "network": "Host", "ports": { "rpc": 19_000, "web": web } });
        // The namespace takes no such pods; the spec is looked at all the same.
        cluster["spec"]["paused"] = json!(true);
        cluster
    };
    world.create_cluster(with_host("a", 19_001)).await?;
    world.until("a", "it is taken", |cluster| has_reason(cluster, Reason::PausedByUser)).await?;
    // The API server tells whole seconds: in one and the same the younger one is not known.
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.create_cluster(with_host("b", 19_002)).await?;
    let cluster =
        world.until("b", "it is told", |cluster| has_reason(cluster, Reason::ConflictsWithCluster)).await?;
    let message = told(&cluster, Reason::ConflictsWithCluster);
    assert!(message.contains("spec.masters.ports.rpc") && message.contains("19000"), "{message}");
    assert!(has_reason(&world.cluster("a").await?, Reason::AsExpected), "the first is not troubled");
    world.edit_cluster("b", json!({ "spec": { "masters": { "ports": { "rpc": 19_003 } } } })).await?;
    world.until("b", "it is taken", |cluster| has_reason(cluster, Reason::AsExpected)).await?;
    world.check()
}

/// No master is called here: the rest goes on, and the mount is tried again.
#[tokio::test(flavor = "multi_thread")]
async fn a_mount_that_cannot_be_made_is_told() -> Result<()> {
    let world = World::new("mount").await?;
    let mut cluster = single(&world, "a");
    cluster["spec"]["underStorage"]["mounts"] = json!([{ "path": "/m", "uri": "hdfs://namenode:8020/m" }]);
    world.create_cluster(cluster).await?;
    let cluster = world.until("a", "it is told", |cluster| has_reason(cluster, Reason::MountFailed)).await?;
    assert!(!told(&cluster, Reason::MountFailed).is_empty());
    world.until("a", "it serves", settled).await?;
    world.edit_cluster("a", json!({ "spec": { "underStorage": { "mounts": null } } })).await?;
    world
        .until("a", "nothing is wrong", |cluster| settled(cluster) && has_reason(cluster, Reason::AsExpected))
        .await?;
    world.check()
}
