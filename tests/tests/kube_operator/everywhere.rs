//! An operator that looks after all namespaces, with a server of its own: it would look after the other tests' clusters, too.

use alluxio_operator::crd::AlluxioCluster;
use alluxio_tests::kube::ApiServer;
use anyhow::Result;
use k8s_openapi::api::{
    core::v1::{Node, Pod},
    rbac::v1::{ClusterRole, Role},
};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::{
    objects::{settled, single},
    rights::{exercised, until_all_used},
    world::World,
};

#[tokio::test(flavor = "multi_thread")]
async fn in_all_namespaces() -> Result<()> {
    let server = ApiServer::start().await?;
    {
        let mut world = World::everywhere(&server, "everywhere").await?;
        for node in ["n1", "n2"] {
            world.create_for_all::<Node>(json!({ "metadata": { "name": node } })).await?;
        }
        another_namespace(&world).await?;
        a_cordoned_node(&world).await?;
        exercised(&world).await?;
        let roles = Api::<ClusterRole>::all(world.client.clone());
        let (role, nodes) =
            (roles.get("alluxio-operator").await?, roles.get("alluxio-operator-nodes").await?);
        let lease = world.api::<Role>().get("alluxio-operator-lease").await?;
        let rules: Vec<_> = [role.rules, nodes.rules, lease.rules].into_iter().flatten().flatten().collect();
        until_all_used(&mut world, &rules).await?;
        world.check()?;
    }
    server.finish()
}

/// What it finds in a namespace that nobody named to it, it makes there.
async fn another_namespace(world: &World<'_>) -> Result<()> {
    let other = world.server.namespace("other").await?;
    let clusters: Api<AlluxioCluster> = Api::namespaced(world.client.clone(), &other);
    clusters.create(&PostParams::default(), &serde_json::from_value(single(world, "b"))?).await?;
    let jobs: Api<k8s_openapi::api::batch::v1::Job> = Api::namespaced(world.client.clone(), &other);
    world.eventually("its Job is there", || async { Ok(jobs.get_opt("b-format").await?) }).await?;
    clusters.delete("b", &Default::default()).await?;
    Ok(())
}

/// The worker of a node that is cordoned is taken out of service; that is written on its pod first.
async fn a_cordoned_node(world: &World<'_>) -> Result<()> {
    world.create_cluster(single(world, "c")).await?;
    world.until("c", "it settles", settled).await?;
    let cordon = Patch::Merge(json!({ "spec": { "unschedulable": true } }));
    Api::<Node>::all(world.client.clone()).patch("n1", &PatchParams::default(), &cordon).await?;
    world
        .eventually("its worker is taken out", || async {
            Ok(taken_out(world, "c-worker-default-n1").await?.then_some(()))
        })
        .await?;
    assert!(!taken_out(world, "c-worker-default-n2").await?);
    let uncordon = Patch::Merge(json!({ "spec": { "unschedulable": null } }));
    Api::<Node>::all(world.client.clone()).patch("n1", &PatchParams::default(), &uncordon).await?;
    world.delete::<AlluxioCluster>("c").await?;
    world.collect_garbage().await
}

async fn taken_out(world: &World<'_>, pod: &str) -> Result<bool> {
    let pod = world.api::<Pod>().get(pod).await?;
    Ok(pod.metadata.annotations.unwrap_or_default().contains_key("alluxio.org/taken-out"))
}
