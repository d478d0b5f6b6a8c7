//! Where the journal lies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HadoopConfiguration, Quantity};

/// Where the journal lies: on HDFS (`uri`), on a claim that the operator makes (`claim`), or on one that exists
/// (`existingClaim`). At most one of the three; without any: a claim of 10 GiB for a single master. It cannot be moved.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Journal {
    /// A folder on HDFS: `hdfs://host:port/alluxio/journal`, or with the name of a name service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 9, max = 1024), regex(pattern = r"^hdfs://[^/\s]+/[^\s]+$"))]
    pub uri: Option<String>,

    /// Hadoop's configuration for `uri`, where HDFS needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<HadoopConfiguration>,

    /// The user that the masters are on HDFS, where HDFS takes their word for it; `alluxio` when it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9._-]+$"))]
    pub user: Option<String>,

    /// A claim that the operator makes, named `<cluster>-journal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<JournalClaim>,

    /// A claim that exists already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing_claim: Option<ExistingClaim>,
}

/// A claim that the operator makes for the journal.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JournalClaim {
    /// How large it is at least, in bytes with a unit: `10Gi`. It can only grow.
    #[serde(default = "claim_size")]
    pub size: Quantity,

    /// Its storage class; that of the Kubernetes cluster by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,

    /// Who may mount it. ReadWriteOnce: one node, for a single master. ReadWriteMany: several masters.
    #[serde(default)]
    pub access_mode: ClaimAccess,
}

impl Default for JournalClaim {
    fn default() -> Self {
        Self { size: claim_size(), storage_class_name: None, access_mode: ClaimAccess::default() }
    }
}

/// Who may mount a claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ClaimAccess {
    #[default]
    ReadWriteOnce,
    ReadWriteMany,
}

impl ClaimAccess {
    /// As Kubernetes writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadWriteOnce => "ReadWriteOnce",
            Self::ReadWriteMany => "ReadWriteMany",
        }
    }
}

/// A claim that exists already. For several masters its access mode must be ReadWriteMany.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExistingClaim {
    /// The claim's name.
    #[schemars(length(min = 1, max = 253))]
    pub claim_name: String,

    /// The folder in it, without a slash in front; `<namespace>/<name>` of the cluster when it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 255),
        regex(pattern = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$")
    )]
    pub path: Option<String>,
}

fn claim_size() -> Quantity {
    Quantity("10Gi".to_owned())
}
