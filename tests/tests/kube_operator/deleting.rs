//! The end of clusters.

use std::time::{Duration, Instant};

use alluxio_operator::crd::AlluxioCluster;
use anyhow::{Context, Result};
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{Namespace, PersistentVolumeClaim},
};
use kube::{Api, ResourceExt, api::DeleteParams};
use serde_json::{Value, json};

use crate::{objects::single, world::World};

const FINALIZER: &str = "alluxio.org/delete-journal";

fn cluster(world: &World<'_>, policy: &str) -> Value {
    let mut cluster = single(world, "a");
    cluster["spec"]["deletionPolicy"] = json!(policy);
    cluster
}

async fn gone(world: &World<'_>) -> Result<()> {
    world
        .eventually("the cluster is gone", || async {
            Ok(world.api::<AlluxioCluster>().get_opt("a").await?.is_none().then_some(()))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn retain_has_no_finalizer_and_leaves_the_claim() -> Result<()> {
    let world = World::new("retain").await?;
    let made = world.settled(cluster(&world, "Retain")).await?;
    assert_eq!(made.finalizers(), Vec::<String>::new());
    let claim = world.api::<PersistentVolumeClaim>().get("a-journal").await?.uid();
    world.delete::<AlluxioCluster>("a").await?;
    gone(&world).await?;
    world.collect_garbage().await?;
    // The next of the name takes it up.
    let formatted = json!({ "outcome": "adopted", "clusterId": "as-before" });
    world.fake.job(Some((true, formatted)));
    let again = world.settled(cluster(&world, "Retain")).await?;
    assert_eq!(world.api::<PersistentVolumeClaim>().get("a-journal").await?.uid(), claim);
    assert_eq!(
        again.status.and_then(|status| status.journal).map(|it| it.cluster_id).as_deref(),
        Some("as-before")
    );
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_removes_the_journal_and_its_claim() -> Result<()> {
    let world = World::new("delete").await?;
    let made = world.settled(cluster(&world, "Delete")).await?;
    assert_eq!(made.finalizers(), [FINALIZER]);
    world.fake.job(None);
    world.delete::<AlluxioCluster>("a").await?;
    let job = world
        .eventually("a Job is to remove the journal", || async {
            Ok(world.api::<Job>().get_opt("a-delete").await?)
        })
        .await?;
    let args =
        job.spec.and_then(|spec| spec.template.spec?.containers.first()?.args.clone()).unwrap_or_default();
    assert!(
        args.windows(2).any(|pair| pair == ["--cluster", &*format!("id-of-{}", world.namespace)]),
        "{args:?}"
    );
    let claims = || async { anyhow::Ok(world.names::<PersistentVolumeClaim>().await?) };
    assert_eq!(claims().await?, ["a-journal"], "not before the journal is removed");
    assert!(world.api::<AlluxioCluster>().get_opt("a").await?.is_some());
    world.fake.job(Some((true, json!({ "outcome": "removed" }))));
    gone(&world).await?;
    assert_eq!(claims().await?, Vec::<String>::new());
    let told: Vec<_> = world.events("a").await?.into_iter().map(|(reason, _)| reason).collect();
    assert!(told.contains(&"JournalDeleted".to_owned()), "{told:?}");
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_may_change_at_any_time() -> Result<()> {
    let world = World::new("policy").await?;
    let mut guarded = cluster(&world, "Delete");
    guarded["metadata"]["finalizers"] = json!(["example.com/theirs"]);
    world.create_cluster(guarded).await?;
    let both = ["example.com/theirs", FINALIZER];
    world.until("a", "it is guarded", |cluster| cluster.finalizers() == both).await?;
    world.edit_cluster("a", json!({ "spec": { "deletionPolicy": "Retain" } })).await?;
    world.until("a", "it is not guarded", |cluster| cluster.finalizers() == ["example.com/theirs"]).await?;
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_namespace_that_ends_nothing_is_held_up() -> Result<()> {
    let world = World::new("ends").await?;
    world.settled(cluster(&world, "Delete")).await?;
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    namespaces.delete(&world.namespace, &DeleteParams::default()).await?;
    world.delete::<AlluxioCluster>("a").await?;
    gone(&world).await?;
    assert!(world.api::<Job>().get_opt("a-delete").await?.is_none(), "no Job could start there");
    Ok(())
}

/// As the chart has it done when it is uninstalled.
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_leaves_for_good_holds_nothing_up() -> Result<()> {
    let mut world = World::new("leave").await?;
    world.settled(cluster(&world, "Delete")).await?;
    let leaves = world.leave().await?;
    world.looked_again("a").await?;
    assert_eq!(world.cluster("a").await?.finalizers(), [FINALIZER], "not while an operator acts");
    world.take_operator()?.stop()?;
    let (status, output) = leaves.ended()?;
    assert!(status.success(), "{output}");
    assert_eq!(world.cluster("a").await?.finalizers(), Vec::<String>::new());
    world.events_with("a", "OperatorLeaves", 1).await?;
    // One that is installed again guards the journal again, and one that was killed is followed, too.
    world.start_operator().await?;
    world.until("a", "it is guarded", |cluster| cluster.finalizers() == [FINALIZER]).await?;
    world.take_operator()?.kill()?;
    let (status, output) = world.leave().await?.ended()?;
    assert!(status.success(), "{output}");
    world.delete::<AlluxioCluster>("a").await?;
    gone(&world).await?;
    assert_eq!(world.names::<PersistentVolumeClaim>().await?, ["a-journal"], "nobody was there to remove it");
    world.check()
}

/// What cannot be removed is told and left: a finalizer that stays would hold the namespace, too.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: two minutes"]
async fn a_journal_that_cannot_be_removed_is_left_after_two_minutes() -> Result<()> {
    let mut world = World::new("left").await?;
    world.limit = Duration::from_secs(200);
    world.settled(cluster(&world, "Delete")).await?;
    world.fake.job(None);
    let began = Instant::now();
    world.delete::<AlluxioCluster>("a").await?;
    gone(&world).await?;
    assert!(began.elapsed() > Duration::from_secs(115), "{:?}", began.elapsed());
    assert_eq!(world.names::<PersistentVolumeClaim>().await?, ["a-journal"]);
    let events = world.events("a").await?;
    let left = events.iter().find(|(reason, _)| reason == "JournalLeft").context("no event")?;
    assert!(
        left.1.contains("the journal at claim a-journal") && left.1.contains("remove them by hand"),
        "{left:?}"
    );
    world.check()
}
