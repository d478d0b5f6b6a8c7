//! Which images the pods run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretName;

/// The images of masters and workers: `<repository>/alluxio-master:<tag>` and `<repository>/alluxio-worker:<tag>`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Registry and folder of the images, without a slash at the end: `registry.example.com/alluxio`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-zA-Z0-9]([a-zA-Z0-9._/:-]*[a-zA-Z0-9])?$"))]
    pub repository: Option<String>,

    /// The images' tag, which is the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[a-zA-Z0-9_][a-zA-Z0-9._-]*$"))]
    pub tag: Option<String>,

    /// The masters' image in full, with tag or digest, instead of repository and tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub master: Option<String>,

    /// The workers' image in full, with tag or digest, instead of repository and tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub worker: Option<String>,

    /// When nodes pull the images. Kubernetes' own rule when it is not set: always for the tag `latest`, else when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<PullPolicy>,

    /// Secrets with the registry's credentials, at most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub pull_secrets: Vec<SecretName>,
}

/// When nodes pull an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum PullPolicy {
    Always,
    IfNotPresent,
    Never,
}

impl PullPolicy {
    /// As Kubernetes writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}
