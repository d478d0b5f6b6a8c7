//! The rules of `crds/` about changes: `operator/tests/transitions.yaml`, row by row, as the API server decides.

use alluxio_tests::kube::ApiServer;
use anyhow::{Context, Result, ensure};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{from, refusal};

#[derive(Deserialize)]
struct Row {
    /// Where the rule is, and the first word of its message.
    rule: Option<String>,
    before: Value,
    after: Value,
}

fn clusters(client: Client, namespace: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("alluxio.org", "v1alpha1", "AlluxioCluster");
    Api::namespaced_with(client, namespace, &ApiResource::from_gvk_with_plural(&kind, "alluxioclusters"))
}

/// The smallest cluster, with a patch over its spec.
fn cluster(name: &str, patch: &Value) -> Result<DynamicObject> {
    let mut spec = json!({"underStorage": {"root": {"uri": "s3://bucket/data"}}});
    merge(&mut spec, patch);
    from(
        json!({"apiVersion": "alluxio.org/v1alpha1", "kind": "AlluxioCluster", "metadata": {"name": name}, "spec": spec}),
    )
}

/// As RFC 7396 has it.
fn merge(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in fields {
        match value {
            Value::Null => drop(target.as_object_mut().and_then(|target| target.remove(name))),
            value => merge(&mut target[name.as_str()], value),
        }
    }
}

/// Puts another spec in the place of the one that is there.
async fn change(clusters: &Api<DynamicObject>, name: &str, patch: &Value) -> Result<Result<(), kube::Error>> {
    let mut after = cluster(name, patch)?;
    after.metadata.resource_version = clusters.get(name).await?.metadata.resource_version;
    Ok(clusters.replace(name, &PostParams::default(), &after).await.map(drop))
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_taken_and_refused_as_the_table_says() -> Result<()> {
    let server = ApiServer::shared().await?;
    let namespace = server.namespace("rules").await?;
    let clusters = clusters(server.client().await?, &namespace);
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../operator/tests/transitions.yaml");
    let rows: Vec<Row> = serde_yaml::from_str(&std::fs::read_to_string(table)?)?;
    let mut wrong = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let name = format!("c{at}");
        let shown = || format!("{} -> {} ({:?})", row.before, row.after, row.rule);
        clusters
            .create(&PostParams::default(), &cluster(&name, &row.before)?)
            .await
            .with_context(|| format!("before: {}", shown()))?;
        let answer = change(&clusters, &name, &row.after).await?;
        match (&row.rule, answer) {
            (None, Ok(())) => {}
            (None, Err(error)) => wrong.push(format!("{}: refused: {error}", shown())),
            (Some(_), Ok(())) => wrong.push(format!("{}: taken", shown())),
            (Some(rule), Err(error)) => {
                let (code, message) = refusal::<()>(Err(error))?;
                let word = rule.rsplit(' ').next().unwrap_or_default();
                if code != 422 || !message.contains(&format!("{word} ")) {
                    wrong.push(format!("{}: {code} {message}", shown()));
                }
            }
        }
    }
    ensure!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    Ok(())
}

/// A storage class that cannot expand a claim: the spec must not be stuck with what nobody can carry out.
#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_could_not_be_had_may_be_taken_back() -> Result<()> {
    let server = ApiServer::shared().await?;
    let namespace = server.namespace("size").await?;
    let clusters = clusters(server.client().await?, &namespace);
    let size = |size: &str| json!({"journal": {"claim": {"size": size}}});
    clusters.create(&PostParams::default(), &cluster("a", &size("10Gi"))?).await?;
    change(&clusters, "a", &size("20Gi")).await??;
    let (code, message) = refusal(change(&clusters, "a", &size("10Gi")).await?)?;
    ensure!(code == 422 && message.contains("can only grow"), "{code} {message}");
    let condition = json!({
        "type": "Degraded", "status": "True", "reason": "ApplyFailed", "message": "403", "lastTransitionTime": "2026-01-02T00:00:00Z",
    });
    let status = json!({"status": {"conditions": [condition]}});
    clusters.patch_status("a", &PatchParams::default(), &Patch::Merge(status)).await?;
    change(&clusters, "a", &size("10Gi")).await??;
    Ok(())
}
