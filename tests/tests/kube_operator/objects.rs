//! Clusters as users write them, and what tests ask of them.

use alluxio_operator::crd::{AlluxioCluster, Condition, ConditionType, Reason};
use serde_json::{Value, json};

use crate::world::World;

/// The shortest that there is.
pub fn shortest(name: &str) -> Value {
    json!({
        "apiVersion": "alluxio.org/v1alpha1",
        "kind": "AlluxioCluster",
        "metadata": { "name": name },
        "spec": { "underStorage": { "root": { "claim": "files" } } },
    })
}

/// One master, which answers where masters are played.
pub fn single(world: &World<'_>, name: &str) -> Value {
    let mut cluster = shortest(name);
    cluster["spec"]["masters"] = json!({ "ports": { "web": world.fake.web_port() } });
    cluster
}

/// Three masters that elect a leader.
pub fn available(world: &World<'_>, name: &str) -> Value {
    let mut cluster = shortest(name);
    cluster["spec"]["masters"] = json!({ "count": 3, "ports": { "web": world.fake.web_port() } });
    cluster["spec"]["zookeeper"] = json!({ "addresses": [world.fake.zookeeper()] });
    cluster["spec"]["journal"] = json!({ "uri": format!("hdfs://namenode:8020/journals/{name}") });
    cluster
}

/// An edit that needs new masters, and no new workers.
pub fn restarts_masters(value: &str) -> Value {
    json!({ "spec": { "properties": { "alluxio.master.ttl.checker.interval": value } } })
}

pub fn condition(cluster: &AlluxioCluster, type_: ConditionType) -> Option<&Condition> {
    cluster.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == type_)
}

pub fn has_reason(cluster: &AlluxioCluster, reason: Reason) -> bool {
    condition(cluster, reason.condition()).is_some_and(|condition| condition.reason == reason)
}

/// What is told with the reason.
pub fn told(cluster: &AlluxioCluster, reason: Reason) -> String {
    let told = condition(cluster, reason.condition()).filter(|condition| condition.reason == reason);
    told.map(|condition| condition.message.clone()).unwrap_or_default()
}

/// Serves, everything is as the spec of that generation says, and ZooKeeper was asked, where there is one.
pub fn settled(cluster: &AlluxioCluster) -> bool {
    let now = |reason: Reason| {
        let told = condition(cluster, reason.condition()).filter(|condition| condition.reason == reason);
        told.is_some_and(|condition| condition.observed_generation == cluster.metadata.generation)
    };
    let asked =
        cluster.spec.zookeeper.is_none() || condition(cluster, ConditionType::ZooKeeperReachable).is_some();
    now(Reason::LeaderServing) && now(Reason::Settled) && asked
}

pub fn leader(cluster: &AlluxioCluster) -> Option<&str> {
    Some(&cluster.status.as_ref()?.leader.as_ref()?.pod)
}

/// `<ready>/<desired>`.
pub fn masters(cluster: &AlluxioCluster) -> &str {
    cluster.status.as_ref().and_then(|status| status.masters.as_ref()).map_or("", |masters| &masters.summary)
}
