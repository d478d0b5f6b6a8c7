//! The operator's rights: nothing it does is forbidden, and nothing it may do is unused.

use std::collections::BTreeSet;

use alluxio_operator::crd::AlluxioCluster;
use anyhow::{Context, Result};
use k8s_openapi::api::rbac::v1::Role;
use kube::api::DeleteParams;
use serde_json::json;

use crate::{
    objects::{available, settled},
    world::World,
};

/// Not asked for in a test: for an admission plugin that is not on here.
const UNSEEN: [&str; 1] = ["update alluxioclusters.alluxio.org/finalizers"];

#[tokio::test(flavor = "multi_thread")]
async fn no_right_is_missing_and_none_is_unused() -> Result<()> {
    let world = World::new("rights").await?;
    let start = world.server.audit().end()?;
    let mut cluster = available(&world, "a");
    cluster["spec"]["deletionPolicy"] = json!("Delete");
    // A claim of our own, and a Secret that is read.
    cluster["spec"]["journal"] = json!({ "claim": { "accessMode": "ReadWriteMany" } });
    cluster["spec"]["masters"]["env"] =
        json!([{ "name": "TOKEN", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } }]);
    cluster["spec"]["workers"] = json!([{ "name": "ssd" }, { "name": "hdd", "ports": { "rpc": 29_997, "web": 30_001 } }]);
    world.create::<k8s_openapi::api::core::v1::Secret>(json!({ "metadata": { "name": "s" }, "stringData": { "k": "v" } })).await?;
    world.create::<AlluxioCluster>(cluster).await?;
    world.until("a", "it settles", settled).await?;
    // A roll, a change of each kind of object, a group less, another leader, the end.
    world.fake.elect("a-masters-1");
    let edit = json!({ "spec": {
        "properties": { "alluxio.master.ttl.checker.interval": "2h" }, "workers": [{ "name": "ssd" }],
    } });
    world.edit::<AlluxioCluster>("a", edit).await?;
    world.until("a", "it settles", settled).await?;
    world.edit::<AlluxioCluster>("a", json!({ "spec": { "deletionPolicy": "Retain" } })).await?;
    world.edit::<AlluxioCluster>("a", json!({ "spec": { "deletionPolicy": "Delete" } })).await?;
    world.api::<AlluxioCluster>().delete("a", &DeleteParams::default()).await?;
    world
        .eventually("the claims are being deleted", || async {
            for pod in world.names::<k8s_openapi::api::core::v1::Pod>().await? {
                let pods = world.api::<k8s_openapi::api::core::v1::Pod>();
                if !pod.contains("delete") {
                    pods.delete(&pod, &DeleteParams::default().grace_period(0)).await.ok();
                }
            }
            Ok(world.api::<AlluxioCluster>().get_opt("a").await?.is_none().then_some(()))
        })
        .await?;

    let asked: BTreeSet<_> =
        world.asked_since(start)?.into_iter().map(|it| (format!("{} {}", it.verb, it.resource), it.code)).collect();
    let forbidden: Vec<_> = asked.iter().filter(|(_, code)| *code == 403).collect();
    assert!(forbidden.is_empty(), "{forbidden:?}");
    let used: BTreeSet<_> = asked.iter().map(|(right, _)| right.as_str()).collect();
    for name in ["alluxio-operator", "alluxio-operator-lease"] {
        let role = world.api::<Role>().get(name).await?;
        for rule in role.rules.context("no rules")? {
            let (groups, resources) = (rule.api_groups.unwrap_or_default(), rule.resources.unwrap_or_default());
            for (group, resource) in groups.iter().flat_map(|group| resources.iter().map(move |it| (group, it))) {
                for verb in &rule.verbs {
                    let right = right(verb, group, resource);
                    let known = used.contains(right.as_str()) || UNSEEN.contains(&right.as_str()) || kind_is_used(&used, verb, group, resource);
                    assert!(known, "{right} is granted and was not used; used: {used:?}");
                }
            }
        }
    }
    Ok(())
}

/// As the audit log calls it.
fn right(verb: &str, group: &str, resource: &str) -> String {
    let (resource, part) = resource.split_once('/').map_or((resource, String::new()), |(it, part)| (it, format!("/{part}")));
    match group {
        "" => format!("{verb} {resource}{part}"),
        group => format!("{verb} {resource}.{group}{part}"),
    }
}

/// Owned kinds are written and taken away by the same lines of code: that a verb is used for one of them is enough, so that a test needs
/// not make each kind an orphan. A server-side apply that creates is a patch in the log, though it needs the right to create.
fn kind_is_used(used: &BTreeSet<&str>, verb: &str, group: &str, resource: &str) -> bool {
    const OWNED: [&str; 7] = [
        "statefulsets.apps", "daemonsets.apps", "services", "configmaps", "serviceaccounts", "poddisruptionbudgets.policy", "jobs.batch",
    ];
    let name = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
    let verb = if verb == "create" { "patch" } else { verb };
    let applied = OWNED.contains(&name.as_str()) || name == "persistentvolumeclaims" && verb == "patch";
    applied && OWNED.iter().any(|kind| used.contains(format!("{verb} {kind}").as_str()))
}
