//! Groups of workers: rolls, and workers that leave.

use alluxio_operator::crd::{AlluxioCluster, Reason};
use anyhow::Result;
use k8s_openapi::api::{apps::v1::StatefulSet, policy::v1::PodDisruptionBudget};
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::{
    objects::{has_reason, settled, single, told},
    pods::{MASTERS, WORKERS, different, uids},
    world::World,
};

const NODES: [&str; 4] = ["n1", "n2", "n3", "n4"];

fn workers(cluster: &AlluxioCluster) -> &str {
    cluster.status.as_ref().and_then(|status| status.workers.as_ref()).map_or("", |workers| &workers.summary)
}

/// Two of four may be away.
fn group(env: Value) -> Value {
    json!([{ "name": "default", "maxUnavailable": 2, "env": env }])
}

async fn four_workers(name: &str) -> Result<World<'static>> {
    let world = World::new(name).await?;
    world.fake.nodes(&NODES);
    let mut cluster = single(&world, "a");
    cluster["spec"]["workers"] = group(json!([]));
    world.settled(cluster).await?;
    world.until("a", "its workers are ready", |cluster| workers(cluster) == "4/4").await?;
    Ok(world)
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_are_replaced_at_once_as_may_be_away() -> Result<()> {
    let world = four_workers("away").await?;
    let (before, masters) = (uids(&world, WORKERS).await?, uids(&world, MASTERS).await?);
    let hold = |held| NODES.map(|node| world.fake.hold(&format!("a-worker-default-{node}"), held));
    hold(true);
    let env = json!([{ "name": "TEAM", "value": "storage" }]);
    world.edit_cluster("a", json!({ "spec": { "workers": group(env) } })).await?;
    let replaced = || async { anyhow::Ok(different(&before, &uids(&world, WORKERS).await?).len()) };
    world.eventually("two are replaced", || async { Ok((replaced().await? >= 2).then_some(())) }).await?;
    world.until("a", "they are away", |cluster| workers(cluster) == "2/4").await?;
    world.looked_again("a").await?;
    assert_eq!(replaced().await?, 2, "the others wait for them");
    assert!(has_reason(&world.cluster("a").await?, Reason::Rolling));
    hold(false);
    world.until("a", "it settles", |cluster| settled(cluster) && workers(cluster) == "4/4").await?;
    assert_eq!(replaced().await?, 4);
    assert_eq!(uids(&world, MASTERS).await?, masters, "what only workers read restarts no master");
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_stops_the_roll_and_reverting_heals() -> Result<()> {
    let world = four_workers("fails").await?;
    let before = uids(&world, WORKERS).await?;
    let replaced = || async { anyhow::Ok(different(&before, &uids(&world, WORKERS).await?)) };
    world.fake.fatal("broken");
    world.edit_cluster("a", json!({ "spec": { "image": { "worker": "localhost/broken:1" } } })).await?;
    let stopped = world
        .until("a", "it stops", |cluster| {
            has_reason(cluster, Reason::StepFailed) && has_reason(cluster, Reason::WorkersNotReady)
        })
        .await?;
    let message = told(&stopped, Reason::WorkersNotReady);
    assert!(
        message.contains("a-worker-default-n") && message.contains("CrashLoopBackOff: no such key"),
        "{message}"
    );
    world.looked_again("a").await?;
    let touched = replaced().await?;
    assert!((1..=2).contains(&touched.len()), "{touched:?}");
    world.edit_cluster("a", json!({ "spec": { "image": { "worker": null } } })).await?;
    world.until("a", "it is well again", |cluster| settled(cluster) && workers(cluster) == "4/4").await?;
    assert_eq!(replaced().await?, touched, "the others were never touched");
    world.check()
}

/// As of a user who wants all of them at any time.
#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_lets_no_worker_go_is_named_until_it_is_gone() -> Result<()> {
    let world = four_workers("budget").await?;
    let before = uids(&world, WORKERS).await?;
    let budget: PodDisruptionBudget = serde_json::from_value(json!({
        "metadata": { "name": "theirs" },
        "spec": { "minAvailable": "100%", "selector": { "matchLabels": { "alluxio.org/worker-group": "default" } } },
    }))?;
    world.api().create(&PostParams::default(), &budget).await?;
    // As the controller counts it.
    let counted = json!({ "status": {
        "observedGeneration": 1, "disruptionsAllowed": 0, "currentHealthy": 4, "desiredHealthy": 4, "expectedPods": 4,
    } });
    world
        .api::<PodDisruptionBudget>()
        .patch_status("theirs", &PatchParams::default(), &Patch::Merge(counted))
        .await?;
    let position = world.server.audit().end()?;
    let env = json!([{ "name": "TEAM", "value": "storage" }]);
    world.edit_cluster("a", json!({ "spec": { "workers": group(env) } })).await?;
    let named = |cluster: &AlluxioCluster| {
        told(cluster, Reason::Rolling)
            .contains("may not go: The disruption budget theirs needs 4 healthy pods")
    };
    world
        .until("a", "the budget is named", |cluster| has_reason(cluster, Reason::Rolling) && named(cluster))
        .await?;
    world.looked_again("a").await?;
    assert_eq!(different(&before, &uids(&world, WORKERS).await?).len(), 0);
    let asked = world.changed_since(position)?.iter().filter(|it| it.resource == "pods/eviction").count();
    assert!(asked <= 12, "two pods, less and less often: {asked}");
    world.delete::<PodDisruptionBudget>("theirs").await?;
    world.until("a", "it settles", |cluster| settled(cluster) && workers(cluster) == "4/4").await?;
    assert_eq!(different(&before, &uids(&world, WORKERS).await?).len(), 4);
    world.check()
}

/// The highest first; each is marked as out of service before its pod goes. No master answers here: they go when their time is over.
#[tokio::test(flavor = "multi_thread")]
async fn those_of_a_set_leave_from_the_end() -> Result<()> {
    let world = World::new("leave").await?;
    let group = |count: u32| json!([{ "name": "set", "kind": "StatefulSet", "count": count, "decommissionTimeoutSeconds": 1 }]);
    let mut cluster = single(&world, "a");
    cluster["spec"]["workers"] = group(3);
    world.settled(cluster).await?;
    world.until("a", "its workers are ready", |cluster| workers(cluster) == "3/3").await?;
    let position = world.server.audit().end()?;
    world.edit_cluster("a", json!({ "spec": { "workers": group(1) } })).await?;
    let cluster =
        world.until("a", "they leave", |cluster| has_reason(cluster, Reason::Decommissioning)).await?;
    assert!(told(&cluster, Reason::Decommissioning).contains("a-worker-set-"), "{cluster:?}");
    world.until("a", "one is left", |cluster| settled(cluster) && workers(cluster) == "1/1").await?;
    let replicas = world.api::<StatefulSet>().get("a-worker-set").await?.spec.and_then(|spec| spec.replicas);
    assert_eq!(replicas, Some(1));
    assert_eq!(uids(&world, WORKERS).await?.into_keys().collect::<Vec<_>>(), ["a-worker-set-0"]);
    let changes = world.changed_since(position)?;
    let at = |resource: &str, name: &str| {
        changes.iter().position(|it| it.resource == resource && it.name == name && it.verb == "patch")
    };
    let marks = ["a-worker-set-1", "a-worker-set-2"].map(|pod| at("pods", pod));
    assert!(marks.iter().all(Option::is_some), "{changes:#?}");
    // The set is patched once before, as what the group says is written on it, and then for each step down.
    let last = changes.iter().rposition(|it| it.resource == "statefulsets.apps");
    assert!(marks.iter().all(|mark| *mark < last), "{changes:#?}");
    world.check()
}
