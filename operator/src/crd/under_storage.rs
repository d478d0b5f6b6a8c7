//! The under storages that the namespace shows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HadoopConfiguration, SecretKey, schema};

/// The root of the namespace and what is mounted below it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnderStorage {
    /// What the root `/` shows.
    pub root: RootMount,

    /// What folders below the root show, at most 64. The operator mounts what is added, changes what is edited, and unmounts what is taken out again
    /// if it had mounted it; mounts made by `alluxio fs mount` are left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["path"])
    )]
    pub mounts: Vec<Mount>,
}

/// What the root shows: an address (`uri`), a volume claim (`claim`), or a folder of the node (`hostFolder`). Exactly one of the
/// three; it cannot be changed once the cluster exists.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RootMount {
    /// The address: `s3://bucket/folder`, `hdfs://host:port/folder`, and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^[^\s]+$"))]
    pub uri: Option<String>,

    /// A claim that masters and workers mount; with more than one pod its access mode must be ReadWriteMany.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub claim: Option<String>,

    /// A folder of the node. Only for a single master and workers on one node, as a trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_folder: Option<HostFolder>,

    #[serde(flatten)]
    pub settings: MountSettings,
}

/// What the root and what is mounted below it have in common.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MountSettings {
    /// Whether it refuses writes.
    #[serde(default)]
    pub read_only: bool,

    /// Options for this under storage, at most 64: `alluxio.underfs.s3.endpoint: http://minio:9000`. Credentials belong in
    /// `credentials`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::options")]
    pub options: BTreeMap<String, String>,

    /// Options whose values are in Secrets, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["option"])
    )]
    pub credentials: Vec<Credential>,

    /// Hadoop's configuration for an address on HDFS, where it needs one. Masters and workers are restarted for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<HadoopConfiguration>,
}

/// A folder of the node.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostFolder {
    /// Its absolute path on the node. It must exist and be open to uid 1000.
    #[schemars(length(min = 2, max = 1024), regex(pattern = r"^/[^\s]+$"))]
    pub path: String,
}

/// An option of a mount whose value is in a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// The option: `s3a.accessKeyId`, `s3a.secretKey`, and so on.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[A-Za-z0-9._-]+$"))]
    pub option: String,

    /// Where its value is.
    pub secret_key: SecretKey,
}

/// What a folder below the root shows.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mount {
    /// The folder in Alluxio: `/warehouse`. The folder above it must exist.
    #[schemars(length(min = 2, max = 1024), regex(pattern = r"^(/[^/\s]+)+$"))]
    pub path: String,

    /// The address in the under storage: `s3://bucket/folder`, `hdfs://host:port/folder`, and so on. It cannot be changed.
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^[^\s]+$"))]
    pub uri: String,

    #[serde(flatten)]
    pub settings: MountSettings,
}
