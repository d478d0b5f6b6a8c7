//! Pods of a cluster, and one that is evicted.

use std::collections::BTreeMap;

use alluxio_operator::act::{Replaced, replace};
use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::{ResourceExt, api::ListParams};

use crate::{objects::available, world::World};

pub const MASTERS: &str = "app.kubernetes.io/component=master";
pub const WORKERS: &str = "app.kubernetes.io/component=worker";

/// By name.
pub async fn uids(world: &World<'_>, selector: &str) -> Result<BTreeMap<String, String>> {
    let pods = world.api::<Pod>().list(&ListParams::default().labels(selector)).await?;
    Ok(pods.items.iter().map(|pod| (pod.name_any(), pod.uid().unwrap_or_default())).collect())
}

/// The names of those that are other ones now.
pub fn different(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    now.iter().filter(|(name, uid)| before.get(*name) != Some(uid)).map(|(name, _)| name.clone()).collect()
}

/// A pod that came back under the name of the one that was looked at is none of it.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_pod_that_was_looked_at_is_evicted() -> Result<()> {
    let mut world = World::new("evicted").await?;
    world.settled(available(&world, "a")).await?;
    world.take_operator()?.stop()?;
    let (pods, before) = (world.api::<Pod>(), uids(&world, MASTERS).await?);
    let other = "00000000-0000-0000-0000-000000000000";
    assert_eq!(replace(&pods, "a-masters-1", other).await?, Replaced::Another);
    assert_eq!(uids(&world, MASTERS).await?, before);
    let uid = before.get("a-masters-1").context("no such pod")?;
    assert_eq!(replace(&pods, "a-masters-1", uid).await?, Replaced::Yes);
    world
        .eventually("it is another one", || async {
            let now = uids(&world, MASTERS).await?;
            Ok((now.len() == 3 && different(&before, &now) == ["a-masters-1"]).then_some(()))
        })
        .await?;
    assert_eq!(replace(&pods, "nobody", uid).await?, Replaced::Another);
    world.check()
}
