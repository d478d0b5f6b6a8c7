//! The custom resource `AlluxioCluster`, as users write it and as the API server checks it: types, defaults and bounds
//! here, rules over several fields in `rules.rs`, the whole definition by [`definition::definition`]. What needs more than
//! the object itself is checked in `validate`.

// Each column of the definition says its type, and most are texts.
#![allow(clippy::duplicated_attributes)]

pub mod conditions;
#[cfg(test)]
mod coverage;
pub mod definition;
pub mod image;
pub mod journal;
pub mod masters;
pub mod pod;
pub mod policies;
pub mod ports;
pub mod quantity;
pub mod raw;
pub mod references;
pub mod rules;
mod schema;
pub mod status;
pub mod tiers;
pub mod under_storage;
pub mod workers;
pub mod zookeeper;

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use conditions::{Condition, ConditionType, Reason};
pub use image::Image;
pub use journal::{ClaimAccess, ExistingClaim, Journal, JournalClaim};
pub use masters::{MasterStorage, Masters};
pub use pod::{EnvSource, EnvVar, FieldRef, Network, Probes, Resources, Scheduling, Toleration};
pub use policies::{DeletionPolicy, ImagePolicy, UpgradeStrategy};
pub use ports::{MasterPorts, WorkerPorts};
pub use quantity::Quantity;
pub use raw::Raw;
pub use references::{ConfigMapKey, HadoopConfiguration, SecretKey, SecretName};
pub use status::{
    AlluxioClusterStatus, Endpoints, GroupStatus, JournalStatus, Leader, MountStatus, Phase, PinnedImage,
};
pub use tiers::{ClaimTemplate, EmptyDirVolume, HostPathVolume, MediumType, NamedClaim, Tier, TierVolume};
pub use under_storage::{Credential, HostFolder, Mount, MountSettings, RootMount, UnderStorage};
pub use workers::{ShortCircuit, ShortCircuitMode, WorkerGroup, WorkerKind};
pub use zookeeper::ZooKeeper;

/// What a cluster shall be.
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "alluxio.org",
    version = "v1alpha1",
    kind = "AlluxioCluster",
    plural = "alluxioclusters",
    shortname = "alx",
    category = "all",
    namespaced,
    status = "AlluxioClusterStatus",
    derive = "PartialEq",
    doc = "A cluster of Alluxio: masters that hold one namespace over under storages, and workers that cache their files.",
    scale(
        spec_replicas_path = ".spec.masters.count",
        status_replicas_path = ".status.masters.replicas",
        label_selector_path = ".status.masters.selector"
    ),
    printcolumn(
        name = "Masters",
        type_ = "string",
        json_path = ".status.masters.summary",
        description = "Masters that are ready, of those wanted"
    ),
    printcolumn(
        name = "Workers",
        type_ = "string",
        json_path = ".status.workers.summary",
        description = "Workers that are ready, of those wanted"
    ),
    printcolumn(
        name = "Leader",
        type_ = "string",
        json_path = ".status.leader.pod",
        description = "The pod of the master that serves"
    ),
    printcolumn(
        name = "Version",
        type_ = "string",
        json_path = ".status.version",
        description = "The version that the leader runs"
    ),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = ".status.phase",
        description = "All conditions in one word"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct AlluxioClusterSpec {
    /// The programs' images. Everything has a default: the operator's own release.
    #[serde(default)]
    pub image: Image,

    /// What sets the parts of the image that `image` leaves out. Pinned: the operator's release when the cluster was
    /// created, as `status.image` tells; an upgrade of the operator restarts nothing. FollowOperator: the operator's
    /// present release; an upgrade of the operator rolls this cluster.
    #[serde(default)]
    pub image_policy: ImagePolicy,

    /// The masters.
    #[serde(default)]
    pub masters: Masters,

    /// The ZooKeeper ensemble that elects the leader. Needed for more than one master; cannot be taken away again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zookeeper: Option<ZooKeeper>,

    /// Where the journal lies: every change of the namespace. It cannot be moved once the cluster exists.
    #[serde(default)]
    pub journal: Journal,

    /// The under storages: where the files themselves are.
    pub under_storage: UnderStorage,

    /// Groups of workers, at most 16. Without any: one group `default` with 1 GiB of memory on every node.
    #[serde(default = "workers::default_groups")]
    #[schemars(
        length(min = 1, max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub workers: Vec<WorkerGroup>,

    /// Properties of Alluxio for all processes of the cluster, at most 512: `alluxio.user.file.writetype.default:
    /// CACHE_THROUGH`. Properties that a field of this resource stands for, and credentials, are refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::properties")]
    pub properties: BTreeMap<String, String>,

    /// What becomes of the journal when this object is deleted. Retain: the journal and its claim stay, and a cluster
    /// of the same name takes them up again. Delete: both are removed, within 120 seconds. The files in the under storages are
    /// never removed.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// How pods are replaced when a change needs it. Rolling: one after the other, the leader last. Recreate: all masters
    /// at once, then the workers; the cluster does not answer meanwhile.
    #[serde(default)]
    pub upgrade_strategy: UpgradeStrategy,

    /// How long one step of a change may take, in seconds, until it is given up and nothing more is replaced. 60 to 86400.
    #[serde(default = "policies::progress_deadline_seconds")]
    #[schemars(range(min = 60, max = 86_400))]
    pub progress_deadline_seconds: i32,

    /// While true the operator changes nothing of this cluster; it goes on telling its status.
    #[serde(default)]
    pub paused: bool,
}
