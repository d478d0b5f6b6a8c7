//! Groups of workers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    EnvVar, MediumType, Network, Probes, Quantity, Raw, Resources, Scheduling, Tier, TierVolume, WorkerPorts,
};

/// Workers that are alike.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerGroup {
    /// The group's name: small letters and digits, at most 12. Its objects are named `<cluster>-worker-<name>`.
    #[schemars(length(min = 1, max = 12), regex(pattern = r"^[a-z][a-z0-9]*$"))]
    pub name: String,

    /// DaemonSet: one worker on each node that `scheduling` admits. StatefulSet: `count` workers, whose claims outlive their pods. It
    /// cannot be changed.
    #[serde(default)]
    pub kind: WorkerKind,

    /// How many workers a StatefulSet has, 0 to 1000; 1 when it is not set. Not for a DaemonSet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub count: Option<i32>,

    /// Where the workers keep blocks, at most 16 folders. Without any: 1 GiB of memory.
    #[serde(default = "default_tiers")]
    #[schemars(length(min = 1, max = 16))]
    pub tiers: Vec<Tier>,

    /// Processors and memory of each worker. Without: 500m asked for, and as much memory as the MEM quotas and 1 GiB, asked
    /// for and as the limit. A lower limit is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,

    /// Pod: an address of the pod network; clients outside of it cannot connect. Host: the node's address and ports, for
    /// clients outside of Kubernetes too.
    #[serde(default)]
    pub network: Network,

    /// The ports. With network Host, two clusters on the same nodes need different ones.
    #[serde(default)]
    pub ports: WorkerPorts,

    /// How clients on the same node read without the network.
    #[serde(default)]
    pub short_circuit: ShortCircuit,

    /// When Kubernetes thinks a worker dead or not ready.
    #[serde(default)]
    pub probes: Probes,

    /// On which nodes.
    #[serde(default)]
    pub scheduling: Scheduling,

    /// How many workers of the group may be away at a time while they are replaced, 1 to 1000.
    #[serde(default = "max_unavailable")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_unavailable: i32,

    /// How long a worker that leaves may take to persist what only it holds, in seconds, 0 to 86400; then it is removed all the same.
    #[serde(default = "decommission_timeout_seconds")]
    #[schemars(range(min = 0, max = 86_400))]
    pub decommission_timeout_seconds: i32,

    /// More environment variables, at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub env: Vec<EnvVar>,

    /// A pod template (`metadata`, `spec`) that is laid over the operator's: labels, annotations, volumes, more containers. The
    /// container is `alluxio-worker`. What the operator needs cannot be changed by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<Raw>,
}

impl Default for WorkerGroup {
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            kind: WorkerKind::default(),
            count: None,
            tiers: default_tiers(),
            resources: None,
            network: Network::default(),
            ports: WorkerPorts::default(),
            short_circuit: ShortCircuit::default(),
            probes: Probes::default(),
            scheduling: Scheduling::default(),
            max_unavailable: max_unavailable(),
            decommission_timeout_seconds: decommission_timeout_seconds(),
            env: Vec::new(),
            pod_template: None,
        }
    }
}

/// What runs a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum WorkerKind {
    #[default]
    DaemonSet,
    StatefulSet,
}

/// How clients on the same node read without the network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShortCircuit {
    /// Disabled: not at all. UUID: through a socket with the worker's id as its name, in a folder of the node that client pods mount
    /// too. Local: through the worker's own folders of blocks, by clients that see them under the same paths and are on a host
    /// with the worker's name.
    #[serde(default)]
    pub mode: ShortCircuitMode,

    /// The folder of the node for the sockets of mode UUID; `/tmp/alluxio/<namespace>/<name>` when it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 80), regex(pattern = r"^(/[A-Za-z0-9._-]+)+$"))]
    pub host_path: Option<String>,
}

/// How clients on the same node read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ShortCircuitMode {
    #[default]
    Disabled,
    #[serde(rename = "UUID")]
    Uuid,
    Local,
}

/// The groups of a cluster that names none.
pub(super) fn default_groups() -> Vec<WorkerGroup> {
    vec![WorkerGroup::default()]
}

fn default_tiers() -> Vec<Tier> {
    vec![Tier {
        medium_type: MediumType::Mem,
        quota: Quantity("1Gi".to_owned()),
        path: None,
        volume: TierVolume::default(),
    }]
}

fn max_unavailable() -> i32 {
    1
}

fn decommission_timeout_seconds() -> i32 {
    300
}
