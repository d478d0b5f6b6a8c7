//! An operator that goes in the middle of a roll, and the one that follows it.

use alluxio_operator::crd::AlluxioCluster;
use anyhow::Result;
use k8s_openapi::api::coordination::v1::Lease;

use crate::{
    leases::{follower, holder},
    objects::{available, restarts_masters, settled},
    pods::{MASTERS, different, uids},
    rolling::steps,
    world::{ACCOUNTS, World},
};

/// One that was killed after an eviction may not have told of it; none is told twice.
fn at_most_once(steps: &[String]) -> bool {
    let mut names = steps.to_vec();
    names.sort();
    names.dedup();
    names.len() == steps.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_step_the_next_one_goes_on() -> Result<()> {
    let mut world = World::new("killed").await?;
    world.settled(available(&world, "a")).await?;
    let before = uids(&world, MASTERS).await?;
    world.edit_cluster("a", restarts_masters("2h")).await?;
    for replaced in 1..=3 {
        world
            .eventually("a step", || async {
                Ok((different(&before, &uids(&world, MASTERS).await?).len() >= replaced).then_some(()))
            })
            .await?;
        world.take_operator()?.kill()?;
        // It is dead: there is nothing to be waited for.
        world.delete::<Lease>("alluxio-operator").await?;
        world.start_operator().await?;
    }
    world.until("a", "it settles", settled).await?;
    assert_eq!(different(&before, &uids(&world, MASTERS).await?).len(), 3);
    let steps = steps(&world).await?;
    assert!(at_most_once(&steps), "{steps:?}");
    world.check()
}

/// One that stands still does not notice that its lease ends. When it wakes it ends, and nothing of what it had begun is sent.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_stood_still_in_a_roll_writes_nothing_when_it_wakes() -> Result<()> {
    let world = World::without_operator("frozen").await?;
    let first = world.start(ACCOUNTS[0]).await?;
    let held = world.eventually("the first holds it", || holder(&world)).await?;
    let second = world.start(ACCOUNTS[1]).await?;
    second.until_ready().await?;
    world.settled(available(&world, "a")).await?;
    let before = uids(&world, MASTERS).await?;
    world.edit_cluster("a", restarts_masters("2h")).await?;
    world
        .eventually("the first step", || async {
            Ok((!different(&before, &uids(&world, MASTERS).await?).is_empty()).then_some(()))
        })
        .await?;
    first.freeze()?;
    follower(&world, &held).await?;
    let taken_over = world.server.audit().end()?;
    world
        .until("a", "the second finishes it", |cluster: &AlluxioCluster| {
            settled(cluster)
                && cluster
                    .status
                    .as_ref()
                    .and_then(|it| it.masters.as_ref())
                    .is_some_and(|it| it.updated == 3)
        })
        .await?;
    assert_eq!(different(&before, &uids(&world, MASTERS).await?).len(), 3);
    let user = first.user.clone();
    first.thaw()?;
    let (status, output) = first.ended()?;
    assert_eq!(status.code(), Some(1), "{output}");
    let late = world
        .changed_since(taken_over)?
        .into_iter()
        .filter(|it| it.user == user && it.code < 300)
        .collect::<Vec<_>>();
    assert_eq!(late, [], "what it wrote after it was followed");
    let steps = steps(&world).await?;
    assert!(at_most_once(&steps), "{steps:?}");
    second.stop()?;
    world.check()
}
