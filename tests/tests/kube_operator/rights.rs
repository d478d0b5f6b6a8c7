//! The operator's rights: nothing it does is forbidden, and nothing it may do is unused.

use std::collections::BTreeSet;

use alluxio_operator::crd::AlluxioCluster;
use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{
    core::v1::{ConfigMap, Secret, Service, ServiceAccount},
    policy::v1::PodDisruptionBudget,
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
    orphans(world).await?;
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

/// What an operator of another release may have left of each kind of which a cluster always needs all.
async fn orphans(world: &World<'_>) -> Result<()> {
    let ours = world.api::<Service>().get("a-leader").await?.metadata;
    let metadata =
        json!({ "name": "a-old", "labels": ours.labels, "ownerReferences": ours.owner_references });
    let selector = json!({ "matchLabels": { "none": "has-it" } });
    world.create::<ServiceAccount>(json!({ "metadata": metadata })).await?;
    world.create::<ConfigMap>(json!({ "metadata": metadata })).await?;
    let budget = json!({ "metadata": metadata, "spec": { "maxUnavailable": 1, "selector": selector } });
    world.create::<PodDisruptionBudget>(budget).await?;
    let ports = json!([{ "port": 1 }]);
    world
        .create::<Service>(json!({ "metadata": metadata, "spec": { "clusterIP": "None", "ports": ports } }))
        .await?;
    world
        .eventually("what is not wanted any more is gone", || async {
            let left = world.api::<ServiceAccount>().get_opt("a-old").await?.is_some()
                || world.api::<ConfigMap>().get_opt("a-old").await?.is_some()
                || world.api::<PodDisruptionBudget>().get_opt("a-old").await?.is_some()
                || world.api::<Service>().get_opt("a-old").await?.is_some();
            Ok((!left).then_some(()))
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
                    || applied(used, verb, group, resource);
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

/// A server-side apply that creates is a patch in the log, though it needs the right to create.
fn applied(used: &BTreeSet<String>, verb: &str, group: &str, resource: &str) -> bool {
    const APPLIED: [&str; 8] = [
        "statefulsets.apps",
        "daemonsets.apps",
        "services",
        "configmaps",
        "serviceaccounts",
        "poddisruptionbudgets.policy",
        "jobs.batch",
        "persistentvolumeclaims",
    ];
    let name = logged(group, resource);
    verb == "create" && APPLIED.contains(&&*name) && used.contains(&format!("patch {name}"))
}
