//! What masters and workers have in common as pods.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigMapKey, Quantity, Raw, SecretKey, schema};

/// Which addresses a pod has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
pub enum Network {
    #[default]
    Pod,
    Host,
}

/// Processors, memory and whatever else Kubernetes counts.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What a node must have free: `cpu` in processors, `memory` in bytes, each with a unit. At most 16.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::amounts")]
    pub requests: BTreeMap<String, Quantity>,

    /// What the pod may use at most, in the same units. At most 16.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::amounts")]
    pub limits: BTreeMap<String, Quantity>,
}

/// On which nodes pods run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scheduling {
    /// Labels that the nodes must have, at most 32.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::node_selector")]
    pub node_selector: BTreeMap<String, String>,

    /// Kubernetes' `affinity` of a pod. For masters it replaces the default, which is to prefer different nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Raw>,

    /// Taints of nodes that do not matter, at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub tolerations: Vec<Toleration>,

    /// The pods' priority class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,
}

/// A taint that does not matter, as Kubernetes writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Toleration {
    /// The taint's key; every taint when it is not set and the operator is Exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 316))]
    pub key: Option<String>,

    /// Whether the value counts: Equal (the default) or Exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<TolerationOperator>,

    /// The taint's value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub value: Option<String>,

    /// The taint's effect; all of them when it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<TaintEffect>,

    /// How many seconds a pod stays after a taint NoExecute appeared; for ever when it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

/// How a toleration compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum TolerationOperator {
    Exists,
    Equal,
}

/// What a taint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum TaintEffect {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
}

/// When Kubernetes thinks a process dead or not ready. All of it goes by the web port: `/livez` and `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Probes {
    /// How long a process may take until it answers at all, in seconds, 30 to 86400. Loading a journal or looking through blocks does not
    /// count: processes answer meanwhile, and are not ready.
    #[serde(default = "startup_seconds")]
    #[schemars(range(min = 30, max = 86_400))]
    pub startup_seconds: i32,

    /// Seconds between two questions, 1 to 300.
    #[serde(default = "period_seconds")]
    #[schemars(range(min = 1, max = 300))]
    pub period_seconds: i32,

    /// Seconds that an answer may take, 1 to 300.
    #[serde(default = "timeout_seconds")]
    #[schemars(range(min = 1, max = 300))]
    pub timeout_seconds: i32,

    /// After how many failures in a row a process is not ready, and after three times as many dead. 1 to 100.
    #[serde(default = "failure_threshold")]
    #[schemars(range(min = 1, max = 100))]
    pub failure_threshold: i32,
}

impl Default for Probes {
    fn default() -> Self {
        Self {
            startup_seconds: startup_seconds(),
            period_seconds: period_seconds(),
            timeout_seconds: timeout_seconds(),
            failure_threshold: failure_threshold(),
        }
    }
}

/// An environment variable: a value, or where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// The variable's name.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub name: String,

    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16_384))]
    pub value: Option<String>,

    /// Where its value comes from, instead of `value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_from: Option<EnvSource>,
}

/// Where the value of an environment variable comes from. Exactly one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvSource {
    /// A key of a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<SecretKey>,

    /// A key of a ConfigMap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<ConfigMapKey>,

    /// A field of the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_ref: Option<FieldRef>,
}

/// A field of the pod.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldRef {
    /// Its path: `spec.nodeName`, `status.podIP`, `metadata.labels['zone']`.
    #[schemars(length(min = 1, max = 253))]
    pub field_path: String,
}

fn startup_seconds() -> i32 {
    300
}

fn period_seconds() -> i32 {
    5
}

fn timeout_seconds() -> i32 {
    3
}

fn failure_threshold() -> i32 {
    3
}
