//! Fields that want a cluster of their own: of workers, of the root, of ZooKeeper's login. Each acts, and is gone when it is taken out.
//! `tests/e2e/fields.tsv` counts on it.

use std::time::Duration;

use alluxio_tests::{
    e2e::{ADDRESS, Deployed, Operator, kubectl, kubectl_with, patient, ready_pods},
    kube::Scenario,
    zookeeper::Ensemble,
};
use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use tokio::{
    task::block_in_place,
    time::{Instant, sleep},
};

use super::{
    fields::{look, settled, site},
    ha::{LIMIT, shared_claim},
    operators::uids,
    roll::ROLL,
};

const LABEL: &str = "e2e-small";
/// A worker that cannot persist what it has is waited for so long, and not the five minutes of the default.
const TIMEOUT: Duration = Duration::from_secs(20);

fn small(name: &str, spec: &Value) -> String {
    json!({
        "apiVersion": "alluxio.org/v1alpha1",
        "kind": "AlluxioCluster",
        "metadata": {"name": name},
        "spec": spec,
    })
    .to_string()
}

/// A folder of the nodes that is this test's own.
fn folder(scenario: &Scenario, name: &str) -> String {
    format!("/srv/local/{}/{name}", scenario.namespace())
}

fn group(scenario: &Scenario) -> Value {
    json!({
        "name": "default",
        "scheduling": {"nodeSelector": {LABEL: "yes"}},
        "decommissionTimeoutSeconds": TIMEOUT.as_secs(),
        "maxUnavailable": 2,
        "shortCircuit": {"mode": "UUID", "hostPath": folder(scenario, "sockets")},
        "tiers": [{
            "mediumType": "SSD",
            "quota": "128Mi",
            "volume": {"hostPath": {"path": folder(scenario, "cache"), "prepare": true}},
        }],
    })
}

fn of_worker(scenario: &Scenario) -> Vec<(&'static str, Value)> {
    vec![
        ("nodeSelector", json!({"nodeSelector": {LABEL: "yes"}})),
        ("shortCircuit.hostPath", json!({"hostPath": {"path": folder(scenario, "sockets")}})),
        ("tiers[].volume.hostPath.path", json!({"hostPath": {"path": folder(scenario, "cache")}})),
        ("tiers[].volume.hostPath.prepare", json!({"initContainers": [{"name": "prepare"}]})),
    ]
}

async fn workers(cluster: &Deployed<'_>) -> Result<Vec<Pod>> {
    let pods = cluster.pods("worker").await?;
    ensure!(!pods.is_empty(), "no workers");
    Ok(pods)
}

fn of_site(cluster: &Deployed<'_>, pod: &str, wanted: &[(&str, &str)]) -> Result<()> {
    for (name, wanted) in wanted {
        let found = site(cluster, pod, name)?;
        ensure!(found == *wanted, "{pod}: {name} is {found:?}, and not {wanted:?}");
    }
    Ok(())
}

/// Replaces all workers; how many were ready when it was the fewest.
async fn fewest_in_a_roll(cluster: &Deployed<'_>, edit: &Value) -> Result<usize> {
    let generation = |object: &Value| object["metadata"]["generation"].as_i64();
    let before = generation(&cluster.seen().await?);
    cluster.edit(&json!({"spec": {"workers": [edit]}}))?;
    let (mut fewest, began) = (usize::MAX, Instant::now());
    loop {
        // One that is being ended serves for a while yet.
        let mut pods = cluster.pods("worker").await?;
        pods.retain(|pod| pod.metadata.deletion_timestamp.is_none());
        fewest = fewest.min(ready_pods(&pods).len());
        let now = cluster.seen().await?;
        if generation(&now) != before && settled(&now) {
            return Ok(fewest);
        }
        ensure!(began.elapsed() < patient(ROLL), "workers are not replaced: {:#}", now["status"]);
        sleep(Duration::from_millis(200)).await;
    }
}

fn write(path: &str, type_: &str) -> String {
    format!(
        "echo hello >/tmp/f && alluxio fs -Dalluxio.user.file.writetype.default={type_} copyFromLocal /tmp/f {path}"
    )
}

/// Some files that only workers have, and then a root that takes nothing any more: neither what is new nor what is only there.
async fn the_root_is_read_only(cluster: &Deployed<'_>) -> Result<()> {
    for number in 0..4 {
        let policy =
            "-Dalluxio.user.block.write.location.policy.class=alluxio.client.block.policy.RoundRobinPolicy";
        let only = write(&format!("/only{number}"), "MUST_CACHE")
            .replace("alluxio fs", &format!("alluxio fs {policy}"));
        cluster.exec("small-masters-0", &["/bin/sh", "-c", &only])?;
    }
    cluster.edit(&json!({"spec": {"underStorage": {"root": {"readOnly": true}}}}))?;
    cluster.until("the root is read-only", ROLL, settled).await?;
    let through = write("/through", "THROUGH");
    ensure!(cluster.exec("small-masters-0", &["/bin/sh", "-c", &through]).is_err(), "it is written through");
    // What cannot be persisted is given up after the time that is set.
    kubectl("default", &["label", "nodes", "node2", &format!("{LABEL}-")])?;
    let one = |object: &Value| settled(object) && object["status"]["workers"]["desired"] == 1;
    let took = cluster.until("a worker leaves", ROLL, one).await?;
    println!("a worker that has what cannot be persisted leaves after {took:.0?}");
    // A worker that is ended with what only it has waits for a minute itself.
    ensure!(took >= TIMEOUT && took < TIMEOUT + patient(Duration::from_secs(120)), "after {took:.0?}");
    kubectl("default", &["label", "nodes", "node2", &format!("{LABEL}=yes")])?;
    let two = |object: &Value| settled(object) && object["status"]["workers"]["desired"] == 2;
    cluster.until("two workers again", ROLL, two).await?;
    // Taken out, what only workers have can be persisted, and workers that are replaced do not wait.
    cluster.edit(&json!({"spec": {"underStorage": {"root": {"readOnly": null}}}}))?;
    cluster.until("the root is for writing", ROLL, settled).await?;
    cluster.exec("small-masters-0", &["/bin/sh", "-c", &through]).map(drop)
}

async fn acts_and_goes(scenario: &Scenario) -> Result<()> {
    let spec = json!({
        "underStorage": {"root": {"claim": "files"}},
        "workers": [group(scenario)],
    });
    let cluster = Deployed::apply(scenario, "small", &small("small", &spec))?;
    cluster.until("all is as the spec says", LIMIT, settled).await?;
    let pods = workers(&cluster).await?;
    ensure!(ready_pods(&pods).len() == 2, "not two workers: {:?}", ready_pods(&pods));
    for pod in &pods {
        look(pod, &of_worker(scenario), true)?;
        let name = pod.metadata.name.as_deref().context("a pod without a name")?;
        of_site(
            &cluster,
            name,
            &[
                ("alluxio.worker.tieredstore.level0.dirs.mediumtype", "SSD"),
                ("alluxio.worker.tieredstore.level0.dirs.quota", "134217728"),
                ("alluxio.worker.data.server.domain.socket.as.uuid", "true"),
            ],
        )?;
    }
    the_root_is_read_only(&cluster).await?;
    let mut both = group(scenario);
    both["env"] = json!([{"name": "ROUND", "value": "1"}]);
    let fewest = fewest_in_a_roll(&cluster, &both).await?;
    ensure!(fewest == 0, "two may be away at a time, and {fewest} was always there");
    let mut one = both.clone();
    one["maxUnavailable"] = Value::Null;
    one["env"] = Value::Null;
    let fewest = fewest_in_a_roll(&cluster, &one).await?;
    ensure!(fewest == 1, "one may be away at a time, and {fewest} of two were there");

    cluster.edit(&json!({"spec": {"workers": null}}))?;
    let three = |object: &Value| settled(object) && object["status"]["workers"]["desired"] == 3;
    cluster.until("all is taken out", ROLL, three).await?;
    for pod in workers(&cluster).await? {
        look(&pod, &of_worker(scenario), false)?;
        let name = pod.metadata.name.as_deref().context("a pod without a name")?;
        of_site(
            &cluster,
            name,
            &[
                ("alluxio.worker.tieredstore.level0.dirs.mediumtype", "MEM"),
                ("alluxio.worker.tieredstore.level0.dirs.quota", "1073741824"),
                ("alluxio.worker.data.server.domain.socket.as.uuid", ""),
            ],
        )?;
    }
    let set = cluster.kubectl(&["get", "daemonset/small-worker-default", "--output=json"])?;
    let set: Value = serde_json::from_str(&set)?;
    let timeout = &set["metadata"]["annotations"]["alluxio.org/decommission-timeout-seconds"];
    ensure!(timeout == "300", "the default is {timeout}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_workers_and_of_the_root_act_and_go() -> Result<()> {
    let scenario = Scenario::begin("fields_of_workers_and_of_the_root_act_and_go").await?;
    let operator = Operator::install(&[])?;
    shared_claim(&scenario, "files")?;
    kubectl("default", &["label", "nodes", "node1", "node2", &format!("{LABEL}=yes"), "--overwrite"])?;
    let tested = acts_and_goes(&scenario).await;
    kubectl("default", &["label", "nodes", "node1", "node2", &format!("{LABEL}-")])?;
    tested?;
    operator.is_content()?;
    scenario.finish().await
}

/// `helm upgrade` with one value more: the masters' pods are replaced, the workers' are not.
async fn helm_edits_it(cluster: &Deployed<'_>) -> Result<()> {
    let (name, value) = ("alluxio.master.worker.timeout", "9min");
    let before = uids(cluster).await?;
    cluster.helm_upgrade(&format!("properties.{}={value}", name.replace('.', "\\.")))?;
    let took = cluster.until("the value is rolled", ROLL, settled).await?;
    println!("helm upgrade with one value more: rolled after {took:.0?}");
    of_site(cluster, "trial-masters-0", &[(name, value)])?;
    let after = uids(cluster).await?;
    for (pod, uid) in &before {
        let replaced = after.get(pod) != Some(uid);
        ensure!(replaced == pod.contains("-masters-"), "{pod} was replaced: {replaced}");
    }
    Ok(())
}

/// By its chart, as Helm's users have it.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_a_node_is_the_root_of_a_trial() -> Result<()> {
    let scenario = Scenario::begin("a_folder_of_a_node_is_the_root_of_a_trial").await?;
    let operator = Operator::install(&[])?;
    let files = folder(&scenario, "files");
    scenario.rig(&["in-node", "1", "install", "--directory", "--mode=777", &files])?;
    let there = json!({"nodeSelector": {"kubernetes.io/hostname": "node1"}});
    let values = json!({
        "masters": {"scheduling": there},
        "underStorage": {"root": {"hostFolder": {"path": files}}},
        "workers": [{"name": "default", "scheduling": there}],
    });
    let cluster = Deployed::helm_install(&scenario, "trial", &values)?;
    let took = cluster.until("all is as the spec says", LIMIT, settled).await?;
    println!("a cluster of Helm's is as its values say {took:.0?} after helm install");
    cluster.runs_the_tests()?;
    cluster.exec("trial-masters-0", &["/bin/sh", "-c", &write("/hello", "CACHE_THROUGH")])?;
    let content = scenario.rig(&["in-node", "1", "cat", &format!("{files}/hello")])?;
    ensure!(content.ends_with("hello\n"), "{content:?} is on the node");
    helm_edits_it(&cluster).await?;
    let took = cluster.helm_uninstall(LIMIT)?;
    println!("all pods are gone {took:.0?} after helm uninstall");
    operator.is_content()?;
    scenario.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zookeeper_that_knows_its_users_lets_masters_in() -> Result<()> {
    let scenario = Scenario::begin("a_zookeeper_that_knows_its_users_lets_masters_in").await?;
    let operator = Operator::install(&[])?;
    let closed = block_in_place(|| Ensemble::start_at_for(ADDRESS, 1, "alluxio", "se cret"))?;
    let open = block_in_place(|| Ensemble::start_at(ADDRESS, 1))?;
    shared_claim(&scenario, "files")?;
    let login = "Client {\n  org.apache.zookeeper.server.auth.DigestLoginModule required\n  \
                 username=\"alluxio\"\n  password=\"se cret\";\n};\n";
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": {"jaas": login}});
    kubectl_with(scenario.namespace(), &["apply", "--filename", "-"], &secret.to_string())?;
    let spec = json!({
        "zookeeper": {"addresses": [closed.address()], "auth": {"name": "login", "key": "jaas"}},
        "underStorage": {"root": {"claim": "files"}},
    });
    let cluster = Deployed::apply(&scenario, "small", &small("small", &spec))?;
    cluster.until("all is as the spec says", LIMIT, settled).await?;
    let with_login =
        [("zookeeper.auth", json!({"secret": {"secretName": "login", "items": [{"key": "jaas"}]}}))];
    look(&cluster.pod("small-masters-0").await?, &with_login, true)?;
    cluster.leader_is_known_everywhere("small-masters-0").await?;
    cluster.edit(&json!({"spec": {"zookeeper": {"addresses": [open.address()], "auth": null}}}))?;
    cluster.until("all is taken out", ROLL, settled).await?;
    for pod in cluster.pods("master").await?.iter().chain(&workers(&cluster).await?) {
        look(pod, &with_login, false)?;
    }
    cluster.leader_is_known_everywhere("small-masters-0").await?;
    operator.is_content()?;
    scenario.finish().await?;
    block_in_place(|| closed.finish().and_then(|()| open.finish()))
}
