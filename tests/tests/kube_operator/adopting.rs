//! Whose journal it is, before any master starts.

use alluxio_operator::crd::{AlluxioCluster, Reason};
use anyhow::{Context, Result};
use k8s_openapi::api::{apps::v1::StatefulSet, batch::v1::Job};
use serde_json::json;

use crate::{
    objects::{available, has_reason, settled, single, told},
    world::World,
};

fn cluster_id(cluster: &AlluxioCluster) -> Option<&str> {
    Some(&cluster.status.as_ref()?.journal.as_ref()?.cluster_id)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_stands_in_the_status_before_a_master_starts() -> Result<()> {
    let world = World::new("first").await?;
    world.fake.job(None);
    let start = world.server.audit().end()?;
    world.create_cluster(available(&world, "a")).await?;
    world.until("a", "the journal is made", |cluster| has_reason(cluster, Reason::Formatting)).await?;
    let cluster = world.cluster("a").await?;
    assert!(
        [Reason::NotStarted, Reason::JournalNotFormatted].iter().all(|reason| has_reason(&cluster, *reason)),
        "{cluster:?}"
    );
    world.looked_again("a").await?;
    assert!(world.api::<StatefulSet>().get_opt("a-masters").await?.is_none(), "nothing starts before that");
    world.fake.job(Some((true, json!({ "outcome": "formatted", "clusterId": "new" }))));
    let cluster = world.until("a", "it settles", settled).await?;
    assert_eq!(cluster_id(&cluster), Some("new"));
    let changes = world.changed_since(start)?;
    let set = changes.iter().position(|it| it.resource == "statefulsets.apps").context("no set")?;
    let statuses = changes.iter().take(set).filter(|it| it.resource == "alluxioclusters.alluxio.org/status");
    assert!(statuses.count() >= 2, "one without the id and one with it, before the set: {changes:#?}");
    let jobs = changes.iter().filter(|it| it.resource == "jobs.batch" && it.verb == "patch").count();
    assert_eq!(jobs, 1, "one Job");
    let set = serde_json::to_string(&world.api::<StatefulSet>().get("a-masters").await?.spec)?;
    assert!(
        set.contains("-Dalluxio.master.journal.cluster.id=new"),
        "masters are told whose journal it is: {set}"
    );
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_journal_starts_nothing_until_it_is_adopted() -> Result<()> {
    let world = World::new("foreign").await?;
    world.fake.job(Some((false, json!({ "outcome": "foreign", "clusterId": "other" }))));
    world.create_cluster(available(&world, "a")).await?;
    let cluster =
        world.until("a", "it is told", |cluster| has_reason(cluster, Reason::JournalForeign)).await?;
    let message = told(&cluster, Reason::JournalForeign);
    assert!(message.contains("alluxio.org/adopt-journal=other"), "{message}");
    assert!(
        [Reason::Held, Reason::JournalNotReady].iter().all(|reason| has_reason(&cluster, *reason)),
        "{cluster:?}"
    );
    world.looked_again("a").await?;
    assert!(world.api::<StatefulSet>().get_opt("a-masters").await?.is_none());
    world.fake.job(Some((true, json!({ "outcome": "adopted", "clusterId": "other" }))));
    let adopt = json!({ "metadata": { "annotations": { "alluxio.org/adopt-journal": "other" } } });
    world.edit_cluster("a", adopt).await?;
    let cluster = world.until("a", "it settles", settled).await?;
    assert_eq!(cluster_id(&cluster), Some("other"));
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_is_told_with_its_last_words() -> Result<()> {
    let world = World::new("failing").await?;
    world.fake.job(Some((false, json!("permission denied on /journals"))));
    world.create_cluster(single(&world, "a")).await?;
    let cluster = world.until("a", "it is told", |cluster| has_reason(cluster, Reason::FormatFailed)).await?;
    let message = told(&cluster, Reason::FormatFailed);
    assert!(message.contains("permission denied on /journals"), "{message}");
    assert!(message.contains(&format!("kubectl -n {} logs job/a-format", world.namespace)), "{message}");
    assert!(world.api::<StatefulSet>().get_opt("a-masters").await?.is_none());
    // Mended, and the Job taken away, as the message says.
    world.fake.job(Some((true, json!({ "outcome": "formatted", "clusterId": "new" }))));
    if world.api::<Job>().get_opt("a-format").await?.is_some() {
        world.delete::<Job>("a-format").await?;
    }
    let cluster = world.until("a", "it settles", settled).await?;
    assert_eq!(cluster_id(&cluster), Some("new"));
    world.check()
}
