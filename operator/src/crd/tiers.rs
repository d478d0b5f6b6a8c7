//! Where workers keep blocks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Quantity;

/// A folder that holds blocks. Folders with the same medium form one tier; the tiers are MEM, SSD, HDD, from the fastest to the slowest.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tier {
    /// The medium. MEM is memory and counts into the pod's memory limit.
    pub medium_type: MediumType,

    /// How many bytes of blocks it may hold, with a unit: `100Gi`.
    pub quota: Quantity,

    /// Where it is in the container; `/mnt/alluxio/<number>` when it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 255), regex(pattern = r"^(/[A-Za-z0-9._-]+)+$"))]
    pub path: Option<String>,

    /// What it lies on; an `emptyDir` when it is not set.
    #[serde(default)]
    pub volume: TierVolume,
}

/// A medium, from the fastest to the slowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum MediumType {
    Mem,
    Ssd,
    Hdd,
}

impl MediumType {
    /// As the properties write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mem => "MEM",
            Self::Ssd => "SSD",
            Self::Hdd => "HDD",
        }
    }
}

/// What a folder lies on. At most one of the four; `emptyDir` without any.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TierVolume {
    /// Space that lives as long as the pod. For MEM it is in memory, else on the node's disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty_dir: Option<EmptyDirVolume>,

    /// A folder of the node, which outlives the pod: a new worker finds its blocks again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_path: Option<HostPathVolume>,

    /// A claim for each worker. For a StatefulSet it outlives the pod; for a DaemonSet it lives as long as the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_template: Option<ClaimTemplate>,

    /// A claim that exists already. Only for a StatefulSet with one worker: workers cannot share a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<NamedClaim>,
}

/// Space that lives as long as the pod.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmptyDirVolume {
    /// How much it may be, in bytes with a unit; one tenth more than the quota when it is not set. Not less than the quota.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_limit: Option<Quantity>,
}

/// A folder of the node.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostPathVolume {
    /// Its absolute path on the node. It is made when it is not there. Not shared with other groups or clusters.
    #[schemars(length(min = 2, max = 1024), regex(pattern = r"^(/[A-Za-z0-9._-]+)+$"))]
    pub path: String,

    /// Whether a container with the right to change owners, and no other, hands the folder to uid 1000 before the worker starts. Needed
    /// where the folder belongs to root; a namespace that enforces the pod security level `baseline` or `restricted` refuses any
    /// folder of the node.
    #[serde(default)]
    pub prepare: bool,
}

/// A claim for each worker.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimTemplate {
    /// How large it is, in bytes with a unit; one tenth more than the quota when it is not set. Not less than the quota.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Quantity>,

    /// Its storage class; that of the Kubernetes cluster by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
}

/// A claim that exists already.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamedClaim {
    /// The claim's name.
    #[schemars(length(min = 1, max = 253))]
    pub claim_name: String,
}
