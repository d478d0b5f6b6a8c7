//! The end of clusters.

use alluxio_operator::crd::AlluxioCluster;
use anyhow::Result;
use k8s_openapi::api::{batch::v1::Job, core::v1::{Namespace, PersistentVolumeClaim, Pod}};
use kube::{Api, ResourceExt, api::{DeleteParams, ListParams}};
use serde_json::json;

use crate::{
    objects::{settled, single},
    world::World,
};

const FINALIZER: &str = "alluxio.org/delete-journal";

fn cluster(world: &World, policy: &str) -> serde_json::Value {
    let mut cluster = single("a");
    cluster["spec"]["masters"] = json!({ "ports": { "web": world.fake.web_port() } });
    cluster["spec"]["deletionPolicy"] = json!(policy);
    cluster
}

async fn gone(world: &World) -> Result<()> {
    world
        .eventually("the cluster is gone", || async {
            Ok(world.api::<AlluxioCluster>().get_opt("a").await?.is_none().then_some(()))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn retain_has_no_finalizer_and_leaves_the_claim() -> Result<()> {
    let world = World::new("retain").await?;
    world.create::<AlluxioCluster>(cluster(&world, "Retain")).await?;
    let made = world.until("a", "it settles", settled).await?;
    assert_eq!(made.finalizers(), Vec::<String>::new());
    world.api::<AlluxioCluster>().delete("a", &DeleteParams::default()).await?;
    gone(&world).await?;
    let claim = world.api::<PersistentVolumeClaim>().get("a-journal").await?.uid();
    // The next of the name takes it up.
    world.create::<AlluxioCluster>(cluster(&world, "Retain")).await?;
    world
        .eventually("the claim is taken up", || async {
            let cluster = world.cluster("a").await?;
            Ok(cluster.status.is_some_and(|status| status.journal.is_some()).then_some(()))
        })
        .await?;
    assert_eq!(world.api::<PersistentVolumeClaim>().get("a-journal").await?.uid(), claim);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_removes_the_journal_and_its_claim() -> Result<()> {
    let world = World::new("delete").await?;
    world.create::<AlluxioCluster>(cluster(&world, "Delete")).await?;
    let made = world.until("a", "it settles", settled).await?;
    assert_eq!(made.finalizers(), [FINALIZER]);
    world.api::<AlluxioCluster>().delete("a", &DeleteParams::default()).await?;
    // Nobody collects the pods of a set that is gone here.
    world
        .eventually("the pods may go", || async {
            let pods = world.api::<Pod>();
            for pod in pods.list(&ListParams::default()).await?.items {
                if !pod.labels().contains_key("batch.kubernetes.io/job-name") {
                    pods.delete(&pod.name_any(), &DeleteParams::default().grace_period(0)).await.ok();
                }
            }
            Ok(world.api::<Job>().get_opt("a-delete").await?.map(drop))
        })
        .await?;
    gone(&world).await?;
    assert!(world.api::<PersistentVolumeClaim>().get_opt("a-journal").await?.is_none_or(|it| it.metadata.deletion_timestamp.is_some()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_may_change_at_any_time() -> Result<()> {
    let world = World::new("policy").await?;
    world.create::<AlluxioCluster>(cluster(&world, "Delete")).await?;
    world.until("a", "it is guarded", |cluster| cluster.finalizers() == [FINALIZER]).await?;
    world.edit::<AlluxioCluster>("a", json!({ "spec": { "deletionPolicy": "Retain" } })).await?;
    world.until("a", "it is not guarded", |cluster| cluster.finalizers().is_empty()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_namespace_that_ends_nothing_is_held_up() -> Result<()> {
    let world = World::new("ends").await?;
    world.create::<AlluxioCluster>(cluster(&world, "Delete")).await?;
    world.until("a", "it settles", settled).await?;
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    namespaces.delete(&world.namespace, &DeleteParams::default()).await?;
    world.api::<AlluxioCluster>().delete("a", &DeleteParams::default()).await?;
    gone(&world).await?;
    assert!(world.api::<Job>().get_opt("a-delete").await?.is_none(), "no Job could start there");
    Ok(())
}
