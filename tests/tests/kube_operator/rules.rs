//! What the API server refuses by the definition's own rules, before an operator sees it.

use std::{collections::BTreeSet, path::Path};

use alluxio_operator::crd::{AlluxioCluster, rules::RULES};
use anyhow::{Context, Result, ensure};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::world::World;

/// A change that is refused by a rule, or taken, as patches over the smallest cluster.
#[derive(Deserialize)]
struct Row {
    rule: Option<String>,
    before: Value,
    after: Value,
}

fn smallest(name: &str) -> Value {
    json!({
        "apiVersion": "alluxio.org/v1alpha1", "kind": "AlluxioCluster", "metadata": { "name": name },
        "spec": { "underStorage": { "root": { "uri": "s3://bucket/data" } } },
    })
}

/// As a merge patch changes it.
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    for (name, field) in fields {
        if field.is_null() {
            value.as_object_mut().and_then(|it| it.remove(name));
        } else {
            merge(&mut value[name], field);
        }
    }
}

fn with(name: &str, patch: &Value) -> Value {
    let mut cluster = smallest(name);
    merge(&mut cluster["spec"], patch);
    cluster
}

fn message(answer: Result<AlluxioCluster, kube::Error>) -> Result<String> {
    match answer {
        Ok(_) => Ok(String::new()),
        Err(kube::Error::Api(status)) if status.code == 422 => Ok(status.message),
        Err(other) => Err(other.into()),
    }
}

/// Why it is refused; nothing when it is taken.
async fn create(clusters: &Api<AlluxioCluster>, cluster: Value) -> Result<String> {
    message(clusters.create(&PostParams::default(), &serde_json::from_value(cluster)?).await)
}

/// All that a whole object is refused for: for each rule one that breaks it.
fn broken() -> Vec<(&'static str, Value)> {
    let env = |value: Value| json!([merged(json!({ "name": "X" }), &value)]);
    let worker = |value: Value| json!({ "workers": [merged(json!({ "name": "a" }), &value)] });
    let two = json!({ "value": "v", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } });
    let both = json!({ "valueFrom": { "secretKeyRef": { "name": "a", "key": "k" }, "configMapKeyRef": { "name": "a", "key": "k" } } });
    let conf = json!({ "configMap": "a", "secret": "a" });
    vec![
        ("spec", json!({ "masters": { "count": 3 }, "journal": { "uri": "hdfs://n/j" } })),
        ("spec", json!({ "masters": { "count": 3 }, "zookeeper": { "addresses": ["z:1"] } })),
        ("spec.journal", json!({ "journal": { "uri": "hdfs://n/j", "claim": {} } })),
        ("spec.journal", json!({ "journal": { "user": "hdfs" } })),
        ("spec.journal.configuration", json!({ "journal": { "uri": "hdfs://n/j", "configuration": conf } })),
        ("spec.zookeeper", json!({ "zookeeper": {} })),
        ("spec.underStorage.root", json!({ "underStorage": { "root": { "claim": "c" } } })),
        (
            "spec.underStorage.root.configuration",
            json!({ "underStorage": { "root": { "configuration": conf } } }),
        ),
        (
            "spec.underStorage.mounts[0].configuration",
            json!({ "underStorage": { "mounts": [{ "path": "/a", "uri": "hdfs://n/d", "configuration": conf }] } }),
        ),
        ("spec.masters.ports", json!({ "masters": { "ports": { "rpc": 2000, "web": 2000 } } })),
        ("spec.masters.env[0]", json!({ "masters": { "env": env(two.clone()) } })),
        ("spec.masters.env[0].valueFrom", json!({ "masters": { "env": env(both.clone()) } })),
        ("spec.workers[0].ports", worker(json!({ "ports": { "rpc": 2000, "web": 2000 } }))),
        ("spec.workers[0].env[0]", worker(json!({ "env": env(two) }))),
        ("spec.workers[0].env[0].valueFrom", worker(json!({ "env": env(both) }))),
        ("spec.workers[0]", worker(json!({ "name": "leader" }))),
        ("spec.workers[0]", worker(json!({ "count": 2 }))),
        (
            "spec.workers[0]",
            worker(
                json!({ "tiers": [{ "mediumType": "SSD", "quota": "1Gi", "volume": { "claim": { "claimName": "c" } } }] }),
            ),
        ),
        (
            "spec.workers[0].tiers[0].volume",
            worker(
                json!({ "tiers": [{ "mediumType": "SSD", "quota": "1Gi", "volume": { "emptyDir": {}, "hostPath": { "path": "/a" } } }] }),
            ),
        ),
        (
            "spec.workers[0].tiers[0]",
            worker(
                json!({ "kind": "StatefulSet", "tiers": [{ "mediumType": "MEM", "quota": "1Gi", "volume": { "claimTemplate": {} } }] }),
            ),
        ),
        ("spec.workers[0].shortCircuit", worker(json!({ "shortCircuit": { "hostPath": "/a" } }))),
    ]
}

fn merged(mut value: Value, patch: &Value) -> Value {
    merge(&mut value, patch);
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_refuses_what_breaks_it() -> Result<()> {
    let world = World::without_operator("rules").await?;
    let clusters = world.api::<AlluxioCluster>();
    let mut seen = BTreeSet::new();
    let whole = |at: &str| at.replace("[0]", "[]");
    let mut note = |at: &str, refused: &str| {
        let hit: Vec<_> =
            RULES.iter().filter(|rule| rule.at == whole(at) && refused.contains(rule.message)).collect();
        seen.extend(hit.iter().map(|rule| (rule.at, rule.message)));
        !hit.is_empty()
    };
    for (at, spec) in broken() {
        let refused = create(&clusters, with("a", &spec)).await.with_context(|| spec.to_string())?;
        ensure!(note(at, &refused), "{spec} was not refused by a rule of {at}: {refused:?}");
        ensure!(refused.contains(&format!("{at}:")), "{at} is not named: {refused}");
    }
    for name in ["a".repeat(41), "1a".to_owned()] {
        let refused = create(&clusters, smallest(&name)).await?;
        ensure!(note("", &refused), "{name}: {refused:?}");
    }
    let unseen: Vec<_> = RULES
        .iter()
        .filter(|rule| !rule.is_transition() && !seen.contains(&(rule.at, rule.message)))
        .collect();
    ensure!(unseen.is_empty(), "no object here breaks {unseen:#?}");
    ensure!(create(&clusters, smallest("a")).await?.is_empty(), "the smallest is refused");
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_and_words_are_closed() -> Result<()> {
    let world = World::without_operator("bounds").await?;
    let clusters = world.api::<AlluxioCluster>();
    for (field, spec) in [
        ("spec.masters.count", json!({ "masters": { "count": 0 } })),
        ("spec.masters.count", json!({ "masters": { "count": 10 } })),
        ("spec.journal.uri", json!({ "journal": { "uri": "s3://bucket/journal" } })),
        ("spec.progressDeadlineSeconds", json!({ "progressDeadlineSeconds": 59 })),
        ("spec.deletionPolicy", json!({ "deletionPolicy": "Sometimes" })),
        (
            "spec.zookeeper.sessionTimeoutSeconds",
            json!({ "zookeeper": { "addresses": ["z:1"], "sessionTimeoutSeconds": 3 } }),
        ),
    ] {
        // Not by way of our types, which have the same bounds.
        let cluster = serde_json::to_vec(&with("a", &spec))?;
        let path = format!("/apis/alluxio.org/v1alpha1/namespaces/{}/alluxioclusters", world.namespace);
        let request = http::Request::post(path).header("content-type", "application/json").body(cluster)?;
        let refused = message(world.client.request(request).await)?;
        ensure!(refused.contains(field), "{spec}: {refused:?}");
    }
    ensure!(clusters.list(&Default::default()).await?.items.is_empty());
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_changed_is_refused_and_the_rest_is_taken() -> Result<()> {
    let world = World::without_operator("changes").await?;
    let clusters = world.api::<AlluxioCluster>();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../operator/tests/transitions.yaml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let rows: Vec<Row> = serde_yaml::from_str(&text)?;
    ensure!(rows.len() > 40, "{} rows", rows.len());
    for (number, row) in rows.iter().enumerate() {
        let name = format!("c{number}");
        let what = || format!("row {}: {} to {}", number + 1, row.before, row.after);
        let apply = PatchParams::apply("user");
        clusters.patch(&name, &apply, &Patch::Apply(with(&name, &row.before))).await.with_context(what)?;
        let refused = message(clusters.patch(&name, &apply, &Patch::Apply(with(&name, &row.after))).await)
            .with_context(what)?;
        match &row.rule {
            None => ensure!(refused.is_empty(), "{}: {refused}", what()),
            Some(rule) => {
                let (at, word) = rule.split_once(' ').unwrap_or((rule, ""));
                let known = RULES.iter().filter(|rule| rule.at == at && rule.message.starts_with(word));
                let told = known.filter(|rule| refused.contains(rule.message)).count();
                ensure!(told > 0, "{} is not refused by {rule}: {refused:?}", what());
            }
        }
    }
    world.check()
}

/// A storage class that cannot expand a claim: the spec must not be stuck with what nobody can carry out.
#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_could_not_be_had_may_be_taken_back() -> Result<()> {
    let world = World::without_operator("size").await?;
    let clusters = world.api::<AlluxioCluster>();
    let size = |size: &str| json!({ "journal": { "claim": { "size": size } } });
    let change = async |to: &str| {
        let patch = Patch::Merge(json!({ "spec": size(to) }));
        message(clusters.patch("a", &PatchParams::default(), &patch).await)
    };
    ensure!(create(&clusters, with("a", &size("10Gi"))).await?.is_empty());
    ensure!(change("20Gi").await?.is_empty());
    let refused = change("10Gi").await?;
    ensure!(refused.contains("can only grow"), "{refused:?}");
    let condition = json!({
        "type": "Degraded", "status": "True", "reason": "ApplyFailed", "message": "403", "lastTransitionTime": "2026-01-02T00:00:00Z",
    });
    let status = Patch::Merge(json!({ "status": { "conditions": [condition] } }));
    clusters.patch_status("a", &PatchParams::default(), &status).await?;
    ensure!(change("10Gi").await?.is_empty(), "it may be taken back");
    world.check()
}
