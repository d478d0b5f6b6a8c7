//! The operator's rights: nothing it does is forbidden, and nothing it may do is unused.

use std::collections::BTreeSet;

use alluxio_operator::crd::AlluxioCluster;
use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{
    core::v1::Secret,
    rbac::v1::{PolicyRule, Role},
};
use serde_json::json;

use crate::{
    objects::{available, restarts_masters, settled},
    world::World,
};

/// Not asked for in a test: for an admission plugin that is not on here.
const UNSEEN: [&str; 1] = ["update alluxioclusters.alluxio.org/finalizers"];

#[tokio::test(flavor = "multi_thread")]
async fn no_right_is_missing_and_none_is_unused() -> Result<()> {
    let mut world = World::new("rights").await?;
    exercised(&world).await?;
    let mut rules = Vec::new();
    for name in ["alluxio-operator", "alluxio-operator-lease"] {
        rules.extend(world.api::<Role>().get(name).await?.rules.context("no rules")?);
    }
    until_all_used(&mut world, &rules).await?;
    world.check()
}

/// All that a cluster can have done for it, from its making to its end.
pub async fn exercised(world: &World<'_>) -> Result<()> {
    let mut cluster = available(world, "a");
    cluster["spec"]["deletionPolicy"] = json!("Delete");
    // A claim of our own, and a Secret that is read.
    cluster["spec"]["journal"] = json!({ "claim": { "accessMode": "ReadWriteMany" } });
    cluster["spec"]["masters"]["env"] =
        json!([{ "name": "TOKEN", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } }]);
    cluster["spec"]["workers"] = json!([
        { "name": "ssd" },
        { "name": "hdd", "ports": { "rpc": 29_997, "web": 30_001 }, "decommissionTimeoutSeconds": 1 },
    ]);
    world.create::<Secret>(json!({ "metadata": { "name": "s" }, "stringData": { "k": "v" } })).await?;
    world.settled(cluster).await?;
    // Another leader, a roll, a group less, the end.
    world.fake.elect("a-masters-1");
    let mut edit = restarts_masters("2h");
    edit["spec"]["workers"] = json!([{ "name": "ssd" }]);
    world.edit_cluster("a", edit).await?;
    world.until("a", "it settles", settled).await?;
    world.edit_cluster("a", json!({ "spec": { "deletionPolicy": "Retain" } })).await?;
    world.until("a", "it is not guarded", |cluster| cluster.metadata.finalizers.is_none()).await?;
    world.edit_cluster("a", json!({ "spec": { "deletionPolicy": "Delete" } })).await?;
    world.until("a", "it is guarded", |cluster| cluster.metadata.finalizers.is_some()).await?;
    world.delete::<AlluxioCluster>("a").await?;
    world
        .eventually("it is gone", || async {
            Ok(world.api::<AlluxioCluster>().get_opt("a").await?.is_none().then_some(()))
        })
        .await
}

/// Ends the operator: a watch is in the log when it is over.
pub async fn until_all_used(world: &mut World<'_>, rules: &[PolicyRule]) -> Result<()> {
    world.take_operator()?.stop()?;
    let world = &*world;
    world
        .wait("all rights were used", || async {
            let asked = world.asked_from_the_start()?;
            let used = asked.into_iter().map(|it| format!("{} {}", it.verb, it.resource)).collect();
            anyhow::Ok(all_used(rules, &used).map_err(|unused| unused.to_string()))
        })
        .await
}

fn all_used(rules: &[PolicyRule], used: &BTreeSet<String>) -> Result<()> {
    for rule in rules {
        let (groups, resources) =
            (rule.api_groups.iter().flatten(), rule.resources.as_deref().unwrap_or_default());
        for (group, resource) in groups.flat_map(|group| resources.iter().map(move |it| (group, it))) {
            for verb in &rule.verbs {
                let right = format!("{verb} {}", logged(group, resource));
                let known = used.contains(&right)
                    || UNSEEN.contains(&&*right)
                    || kind_is_used(used, verb, group, resource);
                ensure!(known, "{right} is granted and was not used; used: {used:#?}");
            }
        }
    }
    Ok(())
}

/// As the audit log calls it.
fn logged(group: &str, resource: &str) -> String {
    let (resource, part) =
        resource.split_once('/').map_or((resource, String::new()), |(it, part)| (it, format!("/{part}")));
    match group {
        "" => format!("{resource}{part}"),
        group => format!("{resource}.{group}{part}"),
    }
}

/// Owned kinds are written and taken away by the same lines of code: that a verb is used for one of them is enough, so that a test need
/// not make each kind an orphan. A server-side apply that creates is a patch in the log, though it needs the right to create.
fn kind_is_used(used: &BTreeSet<String>, verb: &str, group: &str, resource: &str) -> bool {
    const OWNED: [&str; 7] = [
        "statefulsets.apps",
        "daemonsets.apps",
        "services",
        "configmaps",
        "serviceaccounts",
        "poddisruptionbudgets.policy",
        "jobs.batch",
    ];
    let name = logged(group, resource);
    let verb = if verb == "create" { "patch" } else { verb };
    let applied = OWNED.contains(&&*name) || name == "persistentvolumeclaims" && verb == "patch";
    applied && OWNED.iter().any(|kind| used.contains(&format!("{verb} {kind}")))
}
