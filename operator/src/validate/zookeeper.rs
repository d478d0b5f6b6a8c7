//! The ZooKeeper ensemble.

use super::{Facts, Identity, Reference, Refusals};
use crate::crd::{SecretKey, ZooKeeper};

/// Which ZooKeeper, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZooKeeperPlan {
    /// `host:port` of each server.
    pub addresses: Vec<String>,
    /// The cluster's own folder.
    pub chroot: String,
    pub session_timeout_seconds: i32,
    /// A JAAS file.
    pub auth: Option<SecretKey>,
}

impl ZooKeeperPlan {
    /// The servers as Alluxio's properties list them.
    #[must_use]
    pub fn address(&self) -> String {
        self.addresses.join(",")
    }
}

/// The folder of a cluster that names none.
pub(super) fn chroot(zookeeper: &ZooKeeper, namespace: &str, name: &str) -> String {
    zookeeper.chroot.clone().unwrap_or_else(|| format!("/alluxio/{namespace}/{name}"))
}

pub(super) fn plan(
    zookeeper: Option<&ZooKeeper>,
    identity: &Identity,
    facts: &Facts,
    refusals: &mut Refusals,
) -> Option<ZooKeeperPlan> {
    let zookeeper = zookeeper?;
    let addresses = match &zookeeper.addresses_from {
        None => zookeeper.addresses.clone(),
        Some(from) => {
            // What is missing is told with all references.
            let found = facts.found.get(&Reference::ConfigMap(from.name.clone()));
            let text = found.and_then(|found| found.values.get(&from.key)).cloned().unwrap_or_default();
            text.split(',').map(str::trim).filter(|address| !address.is_empty()).map(str::to_owned).collect()
        }
    };
    let field = field(zookeeper);
    for address in &addresses {
        if !is_address(address) {
            refusals.invalid(
                field,
                format!("holds {address:?}"),
                "write host:port,host:port; a folder in ZooKeeper belongs in spec.zookeeper.chroot",
            );
        }
    }
    if addresses.is_empty() && zookeeper.addresses_from.is_none() {
        refusals.invalid("spec.zookeeper.addresses", "is empty", "write host:port of each server");
    }
    let chroot = chroot(zookeeper, &identity.namespace, &identity.name);
    if chroot.split('/').any(|part| part == "." || part == "..") {
        refusals.invalid("spec.zookeeper.chroot", format!("is {chroot:?}"), "write a path without . and ..");
    }
    Some(ZooKeeperPlan {
        addresses,
        chroot,
        session_timeout_seconds: zookeeper.session_timeout_seconds,
        auth: zookeeper.auth.clone(),
    })
}

/// In a roll to servers of which masters know none, those of the old and of the new ensemble would elect a leader each. The API server
/// compares `addresses` with those before; what masters know tells the same of a ConfigMap's key, and of two edits in a row.
pub(super) fn check_move(
    zookeeper: Option<&ZooKeeper>,
    plan: Option<&ZooKeeperPlan>,
    ensembles: &[Vec<String>],
    refusals: &mut Refusals,
) {
    let (Some(zookeeper), Some(plan)) = (zookeeper, plan) else { return };
    let apart = |known: &&Vec<String>| !plan.addresses.iter().any(|address| known.contains(address));
    if let Some(known) = ensembles.iter().find(apart).filter(|_| !plan.addresses.is_empty()) {
        refusals.invalid(
            field(zookeeper),
            format!("holds {}, and masters run that know {}: none in common", plan.address(), known.join(",")),
            "set spec.upgradeStrategy to Recreate until all have moved, or go back to an ensemble that has one of those",
        );
    }
}

fn field(zookeeper: &ZooKeeper) -> &'static str {
    match zookeeper.addresses_from {
        Some(_) => "spec.zookeeper.addressesFrom",
        None => "spec.zookeeper.addresses",
    }
}

fn is_address(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let named = !bare.is_empty() && (bare.chars().all(of_host) || bare.parse::<std::net::Ipv6Addr>().is_ok());
    named && port.parse::<u16>().is_ok_and(|port| port > 0)
}
