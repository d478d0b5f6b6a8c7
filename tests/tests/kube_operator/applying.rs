//! Objects: made, owned, left alone.

use alluxio_operator::crd::{AlluxioCluster, Reason};
use anyhow::{Context, Result, ensure};
use k8s_openapi::{
    api::{
        apps::v1::{DaemonSet, StatefulSet},
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service, ServiceAccount},
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::apis::meta::v1::OwnerReference,
    jiff::Timestamp,
};
use kube::ResourceExt;
use serde_json::json;

use crate::{
    objects::{available, has_reason, masters, restarts_masters, settled, single, told},
    world::{ACCOUNTS, World},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_shortest_cluster_becomes_available() -> Result<()> {
    let world = World::new("shortest").await?;
    world.fake.hold("a-masters-0", true);
    world.create_cluster(single(&world, "a")).await?;
    world
        .until("a", "it is being made", |cluster| {
            has_reason(cluster, Reason::Creating) && has_reason(cluster, Reason::NoLeader)
        })
        .await?;
    world.fake.hold("a-masters-0", false);
    let cluster = world.until("a", "it settles", settled).await?;
    assert_eq!(masters(&cluster), "1/1");
    let status = cluster.status.context("no status")?;
    assert_eq!(status.leader.context("no leader")?.pod, "a-masters-0");
    assert_eq!(status.version.as_deref(), Some("0.1.0"));
    assert_eq!(status.journal.context("no journal")?.cluster_id, format!("id-of-{}", world.namespace));
    assert_eq!(status.image.context("no image")?.tag, "1");
    let accounts = world.names::<ServiceAccount>().await?;
    let made: Vec<_> = accounts.iter().filter(|name| !ACCOUNTS.contains(&name.as_str())).collect();
    assert_eq!(made, ["a-masters", "a-workers"]);
    for pod in world.api::<Pod>().list(&Default::default()).await? {
        let spec = pod.spec.context("a pod without spec")?;
        assert_eq!(spec.automount_service_account_token, Some(false), "no pod gets a token");
    }
    world.check()
}

/// All but the claim go with the cluster.
#[tokio::test(flavor = "multi_thread")]
async fn what_it_makes_belongs_to_it() -> Result<()> {
    let world = World::new("owned").await?;
    let made = world.settled(single(&world, "a")).await?;
    let uid = made.uid().context("no uid")?;
    let owned = |owners: &[OwnerReference]| {
        owners.iter().any(|owner| owner.uid == uid && owner.controller == Some(true))
    };
    let set = world.api::<StatefulSet>().get("a-masters").await?;
    assert!(owned(set.owner_references()));
    for service in ["a-leader", "a-masters"] {
        assert!(owned(world.api::<Service>().get(service).await?.owner_references()));
    }
    for account in ["a-masters", "a-workers"] {
        assert!(owned(world.api::<ServiceAccount>().get(account).await?.owner_references()));
    }
    for map in world.api::<ConfigMap>().list(&Default::default()).await? {
        assert!(owned(map.owner_references()) && map.immutable == Some(true), "{}", map.name_any());
    }
    assert!(owned(world.api::<PodDisruptionBudget>().get("a-masters").await?.owner_references()));
    assert!(owned(world.api::<DaemonSet>().get("a-worker-default").await?.owner_references()));
    let claim = world.api::<PersistentVolumeClaim>().get("a-journal").await?;
    assert_eq!(claim.owner_references(), [], "the journal outlives the cluster");
    let managers: Vec<_> = set.managed_fields().iter().filter_map(|entry| entry.manager.as_deref()).collect();
    assert!(managers.contains(&"alluxio-operator"), "{managers:?}");
    world.check()
}

/// Neither while it looks at masters and ZooKeeper, nor when others write what is theirs, nor when the operator starts anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_at_rest_causes_no_write() -> Result<()> {
    let mut world = World::new("rest").await?;
    let mut cluster = available(&world, "a");
    cluster["spec"]["workers"] = json!([
        { "name": "ssd", "tiers": [{ "mediumType": "SSD", "quota": "1024Mi", "volume": { "emptyDir": { "sizeLimit": "2048Mi" } } }] },
        { "name": "set", "kind": "StatefulSet", "count": 2, "ports": { "rpc": 29_997, "web": 30_001 },
          "resources": { "limits": { "cpu": "1000m", "memory": "2048Mi" } } },
    ]);
    cluster["spec"]["masters"]["resources"] =
        json!({ "requests": { "cpu": "0.5", "memory": "1024Mi" }, "limits": { "memory": "2Gi" } });
    world.settled(cluster).await?;
    world.looked_again("a").await?;
    let at_rest = world.server.audit().end()?;
    let asked = world.fake.asked();
    for _ in 0..3 {
        world.looked_again("a").await?;
    }
    // Once a second, and ZooKeeper every fifth time.
    world
        .eventually("each master was asked eight times", || async {
            Ok((world.fake.asked() >= asked + 24).then_some(()))
        })
        .await?;
    assert_eq!(world.changed_since(at_rest)?, []);
    world.take_operator()?.stop()?;
    world.start_operator().await?;
    world.operator()?.until_looked(1.0).await?;
    world.looked_again("a").await?;
    assert_eq!(world.changed_since(at_rest)?, [], "one that starts anew finds all as it shall be");
    let lease = world
        .asked_since(at_rest)?
        .into_iter()
        .filter(|it| it.is_change())
        .map(|it| it.resource)
        .collect::<Vec<_>>();
    ensure!(!lease.is_empty(), "the log is not that of this operator");
    assert_eq!(world.operator()?.metric("alluxio_operator_writes_total").await?, 0.0, "as it counts itself");
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_settings_the_last_two_are_kept() -> Result<()> {
    let world = World::new("settings").await?;
    world.settled(single(&world, "a")).await?;
    let rows = || async {
        let names = world.names::<ConfigMap>().await?;
        anyhow::Ok(names.into_iter().filter(|name| name.starts_with("a-masters-")).collect::<Vec<_>>())
    };
    let first = rows().await?;
    assert_eq!(first.len(), 1);
    let mut newest = first[0].clone();
    for value in ["2h", "3h", "4h"] {
        // Their times have whole seconds: the second of the last one must be over.
        let before = world.api::<ConfigMap>().get(&newest).await?.creation_timestamp().context("no time")?;
        world
            .eventually("another second", || async {
                Ok((Timestamp::now().as_second() > before.0.as_second()).then_some(()))
            })
            .await?;
        let known = rows().await?;
        world.edit_cluster("a", restarts_masters(value)).await?;
        world.until("a", "it settles", settled).await?;
        newest = rows().await?.into_iter().find(|name| !known.contains(name)).context("no new ConfigMap")?;
    }
    let left = world
        .eventually("two are left", || async {
            let rows = rows().await?;
            Ok((rows.len() == 2).then_some(rows))
        })
        .await?;
    assert!(left.contains(&newest) && !left.contains(&first[0]), "{left:?} after {first:?} to {newest}");
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_goes_takes_its_objects_along() -> Result<()> {
    let world = World::new("orphans").await?;
    let mut cluster = single(&world, "a");
    cluster["spec"]["workers"] = json!([
        { "name": "ssd" },
        { "name": "hdd", "ports": { "rpc": 29_997, "web": 30_001 }, "decommissionTimeoutSeconds": 1 },
    ]);
    world.settled(cluster).await?;
    assert_eq!(world.names::<DaemonSet>().await?, ["a-worker-hdd", "a-worker-ssd"]);
    let kept = world.api::<DaemonSet>().get("a-worker-ssd").await?.uid();
    world.edit_cluster("a", json!({ "spec": { "workers": [{ "name": "ssd" }] } })).await?;
    world
        .eventually("the group is gone", || async {
            Ok((world.names::<DaemonSet>().await? == ["a-worker-ssd"]).then_some(()))
        })
        .await?;
    assert_eq!(world.api::<DaemonSet>().get("a-worker-ssd").await?.uid(), kept);
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_whose_names_begin_alike_do_not_touch_each_other() -> Result<()> {
    let world = World::new("alike").await?;
    for name in ["a", "ab"] {
        let mut cluster = single(&world, name);
        cluster["spec"]["workers"] = json!([{ "name": "default", "decommissionTimeoutSeconds": 1 }]);
        world.create_cluster(cluster).await?;
    }
    for name in ["a", "ab"] {
        world.until(name, "it settles", settled).await?;
    }
    let of_ab = world.api::<StatefulSet>().get("ab-masters").await?.uid();
    // The operator takes away what is left over of the one, and nothing of the other.
    for name in ["a", "ab"] {
        world.edit_cluster(name, json!({ "spec": { "workers": [{ "name": "other" }] } })).await?;
        world
            .eventually("its group is another one", || async {
                let sets = world.names::<DaemonSet>().await?;
                let (old, new) = (format!("{name}-worker-default"), format!("{name}-worker-other"));
                Ok((!sets.contains(&old) && sets.contains(&new)).then_some(()))
            })
            .await?;
        let other = if name == "a" { "ab-worker-default" } else { "a-worker-other" };
        assert!(world.names::<DaemonSet>().await?.contains(&other.to_owned()), "{other}");
    }
    world.delete::<AlluxioCluster>("a").await?;
    world.edit_cluster("ab", restarts_masters("2h")).await?;
    world.until("ab", "it settles", settled).await?;
    assert_eq!(world.api::<StatefulSet>().get("ab-masters").await?.uid(), of_ab);
    // Nobody collects here what belonged to the first: the operator left it alone, too.
    assert!(world.api::<StatefulSet>().get_opt("a-masters").await?.is_some());
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_somebody_else_is_not_touched() -> Result<()> {
    let world = World::new("theirs").await?;
    let theirs = json!({
        "metadata": { "name": "a-leader" }, "spec": { "ports": [{ "port": 1 }], "selector": { "their": "pods" } },
    });
    let theirs = world.create::<Service>(theirs).await?;
    world.create_cluster(single(&world, "a")).await?;
    let cluster =
        world.until("a", "it says so", |cluster| !told(cluster, Reason::ApplyFailed).is_empty()).await?;
    let message = told(&cluster, Reason::ApplyFailed);
    assert!(message.contains("Service a-leader exists and belongs to somebody else"), "{message}");
    assert_eq!(world.api::<Service>().get("a-leader").await?.resource_version(), theirs.resource_version());
    assert!(world.api::<StatefulSet>().get_opt("a-masters").await?.is_none());
    // Out of the way, it goes on by itself.
    world.delete::<Service>("a-leader").await?;
    world.until("a", "it settles", settled).await?;
    world.check()
}
