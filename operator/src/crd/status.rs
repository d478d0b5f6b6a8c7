//! What the operator tells of a cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Condition;

/// What the operator sees of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlluxioClusterStatus {
    /// The generation of the spec that all of this is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// All conditions in one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,

    /// What is true of the cluster, one entry for each kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,

    /// The repository and tag that stand in for what `spec.image` leaves out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<PinnedImage>,

    /// The version that the leader runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub version: Option<String>,

    /// The master that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<Leader>,

    /// The masters by number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masters: Option<MastersStatus>,

    /// The workers by number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkersStatus>,

    /// The journal's identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal: Option<JournalStatus>,

    /// Where clients connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Endpoints>,

    /// What the operator mounted for `spec.underStorage.mounts`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["path"])
    )]
    pub mounts: Vec<MountStatus>,
}

/// A mount that the operator made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MountStatus {
    /// The folder.
    #[schemars(length(max = 1024))]
    pub path: String,

    /// A digest of the address, the options and the credentials that it has: where the spec's is another one, the mount is changed.
    #[schemars(length(max = 64))]
    pub digest: String,
}

/// All conditions in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Phase {
    /// Not all objects are there yet.
    Creating,
    /// A master serves, and everything is as the spec says.
    Available,
    /// A change is on its way.
    Updating,
    /// Something is wrong; the condition Degraded says what.
    Degraded,
    /// No master serves.
    Unavailable,
    /// The operator leaves the cluster alone.
    Paused,
}

/// What stands in for what `spec.image` leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PinnedImage {
    /// Registry and folder.
    #[schemars(length(max = 253))]
    pub repository: String,

    /// The tag.
    #[schemars(length(max = 128))]
    pub tag: String,
}

/// The master that serves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Leader {
    /// Its pod.
    #[schemars(length(max = 253))]
    pub pod: String,

    /// Its address for clients, `host:port`.
    #[schemars(length(max = 512))]
    pub address: String,

    /// The term it leads in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term: Option<i64>,
}

/// The masters by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MastersStatus {
    /// `<ready>/<desired>`.
    #[schemars(length(max = 32))]
    pub summary: String,

    /// How many there shall be.
    pub desired: i32,

    /// How many pods there are.
    pub replicas: i32,

    /// How many are ready.
    pub ready: i32,

    /// How many are as the spec says.
    pub updated: i32,

    /// The versions that they say they run: more than one while they are being replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub versions: Vec<String>,

    /// The pods' labels as a selector, for the scale subresource.
    #[schemars(length(max = 1024))]
    pub selector: String,
}

/// The workers by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkersStatus {
    /// `<ready>/<desired>` over all groups.
    #[schemars(length(max = 32))]
    pub summary: String,

    /// How many there shall be.
    pub desired: i32,

    /// How many are ready.
    pub ready: i32,

    /// How many are as the spec says.
    pub updated: i32,

    /// Each group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub groups: Vec<GroupStatus>,
}

/// A group of workers by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupStatus {
    /// The group.
    #[schemars(length(max = 63))]
    pub name: String,

    /// How many there shall be.
    pub desired: i32,

    /// How many are ready.
    pub ready: i32,

    /// How many are as the spec says.
    pub updated: i32,

    /// Whether its pods are being replaced; so until the last one is ready.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rolling: bool,

    /// Nodes whose worker is on its way out, at most 1000 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(max = 253)))]
    pub leaving: Vec<String>,
}

/// The journal's identity.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JournalStatus {
    /// What the marker in the journal's folder says. Once this is set, no journal is ever formatted for this object again.
    #[schemars(length(max = 64))]
    pub cluster_id: String,

    /// Where the journal lies.
    #[schemars(length(max = 2048))]
    pub location: String,

    /// The format that the journal is written in. An image whose release cannot read it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<i32>,
}

/// Where clients connect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoints {
    /// What clients type: `alluxio://...`.
    #[schemars(length(max = 4096))]
    pub uri: String,

    /// With ZooKeeper, where the leader stands there: clients need it beside the address, as `alluxio.zookeeper.leader.path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub zookeeper_leader_path: Option<String>,

    /// The Service that leads to the serving master, `host:port`.
    #[schemars(length(max = 512))]
    pub rpc: String,

    /// Its web pages.
    #[schemars(length(max = 512))]
    pub web: String,
}
