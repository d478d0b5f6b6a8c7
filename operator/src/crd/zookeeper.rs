//! The ZooKeeper ensemble that elects the leader.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigMapKey, SecretKey};

/// Which ZooKeeper, and where in it. One of `addresses` and `addressesFrom` is needed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ZooKeeper {
    /// The servers as `host:port`, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        inner(length(min = 3, max = 259), regex(pattern = r"^[A-Za-z0-9._\[\]:-]+:[0-9]{1,5}$"))
    )]
    pub addresses: Vec<String>,

    /// A ConfigMap's key with the servers as `host:port,host:port`, as operators of ZooKeeper publish it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses_from: Option<ConfigMapKey>,

    /// The folder in ZooKeeper that is this cluster's own, `/alluxio/<namespace>/<name>` when it is not set. It cannot be
    /// changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 255), regex(pattern = r"^(/[A-Za-z0-9._-]+)+$"))]
    pub chroot: Option<String>,

    /// After how many seconds of silence ZooKeeper gives a master up and another one is elected. 4 to 300.
    #[serde(default = "session_timeout_seconds")]
    #[schemars(range(min = 4, max = 300))]
    pub session_timeout_seconds: i32,

    /// A Secret's key with a JAAS file whose section `Client` says how to log in at ZooKeeper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<SecretKey>,
}

fn session_timeout_seconds() -> i32 {
    10
}
