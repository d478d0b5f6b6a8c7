//! Operators of another release, and which namespaces an operator looks after.

use alluxio_operator::crd::AlluxioCluster;
use anyhow::{Context, Result};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{Api, api::PostParams};
use serde_json::json;

use crate::{
    objects::{available, settled, single},
    pods::{MASTERS, WORKERS, different, uids},
    world::{RELEASE, World},
};

/// An upgrade of the operator restarts no cluster that was not told to follow it.
#[tokio::test(flavor = "multi_thread")]
async fn the_images_of_a_cluster_are_those_of_its_first_operator() -> Result<()> {
    let mut world = World::new("release").await?;
    world.settled(available(&world, "a")).await?;
    world.looked_again("a").await?;
    let (masters, workers) = (uids(&world, MASTERS).await?, uids(&world, WORKERS).await?);
    let position = world.server.audit().end()?;
    let watches = world.namespace.clone();
    world.follow_with(&watches, "2").await?;
    world.operator()?.until_looked(1.0).await?;
    world.looked_again("a").await?;
    assert_eq!(world.changed_since(position)?, []);
    world.edit_cluster("a", json!({ "spec": { "imagePolicy": "FollowOperator" } })).await?;
    let tag = |cluster: &AlluxioCluster| Some(cluster.status.as_ref()?.image.as_ref()?.tag.clone());
    world
        .until("a", "it follows", |cluster| settled(cluster) && tag(cluster).as_deref() == Some("2"))
        .await?;
    assert_eq!(different(&masters, &uids(&world, MASTERS).await?).len(), masters.len());
    assert_eq!(different(&workers, &uids(&world, WORKERS).await?).len(), workers.len());
    for pod in world.api::<Pod>().list(&Default::default()).await? {
        let image = pod.spec.and_then(|spec| spec.containers.first()?.image.clone()).context("no image")?;
        assert!(image.ends_with(":2"), "{image}");
    }
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_namespaces_that_it_is_told_are_looked_after_and_no_others() -> Result<()> {
    let mut world = World::without_operator("told").await?;
    let (second, third) = (world.server.namespace("second").await?, world.server.namespace("third").await?);
    world.grant("rbac-namespace.yaml", &second).await?;
    for namespace in [&second, &third] {
        let clusters: Api<AlluxioCluster> = Api::namespaced(world.client.clone(), namespace);
        clusters.create(&PostParams::default(), &serde_json::from_value(single(&world, "b"))?).await?;
    }
    let watches = format!("{},{second}", world.namespace);
    world.follow_with(&watches, RELEASE).await?;
    world.settled(single(&world, "a")).await?;
    let jobs: Api<Job> = Api::namespaced(world.client.clone(), &second);
    world.eventually("a Job in the second", || async { Ok(jobs.get_opt("b-format").await?) }).await?;
    let not_theirs: Api<AlluxioCluster> = Api::namespaced(world.client.clone(), &third);
    assert!(not_theirs.get("b").await?.status.is_none());
    assert!(!world.asked_from_the_start()?.iter().any(|it| it.namespace == third));
    world.check()
}
