//! The masters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EnvVar, MasterPorts, Network, Probes, Quantity, Raw, Resources, Scheduling};

/// How many masters, and what each of them gets.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Masters {
    /// How many, 1 to 9. More than one needs `zookeeper`, and a journal that all of them reach.
    #[serde(default = "count")]
    #[schemars(range(min = 1, max = 9))]
    pub count: i32,

    /// Processors and memory of each master. Without: 500m and 1Gi asked for, 2Gi as the limit. Memory is about 200 bytes
    /// per file, and 1 GiB besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,

    /// Space on the node's disk.
    #[serde(default)]
    pub storage: MasterStorage,

    /// Pod: an address of the pod network; clients outside of it cannot connect. Host: the node's address and ports, for
    /// clients outside of Kubernetes too.
    #[serde(default)]
    pub network: Network,

    /// The ports. With network Host, two clusters on the same nodes need different ones.
    #[serde(default)]
    pub ports: MasterPorts,

    /// When Kubernetes thinks a master dead or not ready.
    #[serde(default)]
    pub probes: Probes,

    /// On which nodes.
    #[serde(default)]
    pub scheduling: Scheduling,

    /// More environment variables, at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub env: Vec<EnvVar>,

    /// How long a master may take to end, in seconds, 1 to 3600: it hands its leadership over, and lets calls end. Less than
    /// `alluxio.network.connection.server.shutdown.timeout` and 15 seconds counts as these.
    #[serde(default = "termination_grace_period_seconds")]
    #[schemars(range(min = 1, max = 3600))]
    pub termination_grace_period_seconds: i32,

    /// A pod template (`metadata`, `spec`) that is laid over the operator's: labels, annotations, volumes, more containers. The
    /// container is `alluxio-master`. What the operator needs cannot be changed by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<Raw>,
}

impl Default for Masters {
    fn default() -> Self {
        Self {
            count: count(),
            resources: None,
            storage: MasterStorage::default(),
            network: Network::default(),
            ports: MasterPorts::default(),
            probes: Probes::default(),
            scheduling: Scheduling::default(),
            env: Vec::new(),
            termination_grace_period_seconds: termination_grace_period_seconds(),
            pod_template: None,
        }
    }
}

/// A master's own space on the node's disk: logs, a backup on its way, the names of a new checkpoint. Nothing in it is needed after the pod's end.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MasterStorage {
    /// How much it may be, in bytes with a unit; a pod that uses more is ended. A backup needs room for all of it.
    #[serde(default = "size_limit")]
    pub size_limit: Quantity,
}

impl Default for MasterStorage {
    fn default() -> Self {
        Self { size_limit: size_limit() }
    }
}

fn count() -> i32 {
    1
}

fn size_limit() -> Quantity {
    Quantity("2Gi".to_owned())
}

fn termination_grace_period_seconds() -> i32 {
    75
}
