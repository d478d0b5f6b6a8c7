//! What a cluster must not share: ports of nodes and folders of nodes, within itself and with other clusters; a journal and a folder
//! in ZooKeeper with other clusters. Of two clusters the younger one is refused.

use std::collections::BTreeMap;

use super::{Refusals, ValidatedCluster, journal, zookeeper};
use crate::crd::{AlluxioCluster, AlluxioClusterSpec, Network, Reason, Scheduling};

/// Pods that can meet others on a node.
struct Pods<'a> {
    owner: String,
    scheduling: &'a Scheduling,
    network: Network,
    /// Field and port.
    ports: [(&'static str, i32); 2],
    /// Folders of the node.
    folders: Vec<&'a str>,
    is_worker: bool,
}

fn pods(spec: &AlluxioClusterSpec) -> Vec<Pods<'_>> {
    let masters = &spec.masters;
    let mut pods = vec![Pods {
        owner: "spec.masters".to_owned(),
        scheduling: &masters.scheduling,
        network: masters.network,
        ports: [("rpc", masters.ports.rpc), ("web", masters.ports.web)],
        folders: Vec::new(),
        is_worker: false,
    }];
    pods.extend(spec.workers.iter().map(|group| {
        Pods {
            owner: format!("spec.workers[{}]", group.name),
            scheduling: &group.scheduling,
            network: group.network,
            ports: [("rpc", group.ports.rpc), ("web", group.ports.web)],
            folders: group
                .tiers
                .iter()
                .filter_map(|tier| tier.volume.host_path.as_ref().map(|host| host.path.as_str()))
                .collect(),
            is_worker: true,
        }
    }));
    pods
}

impl Pods<'_> {
    /// Whether both may run on one node, as far as labels tell. Affinity may keep them apart in ways that are not looked into.
    fn meets(&self, other: &Self) -> bool {
        let apart = |key: &String, value: &String| {
            other.scheduling.node_selector.get(key).is_some_and(|theirs| theirs != value)
        };
        let has_affinity = self.scheduling.affinity.is_some() || other.scheduling.affinity.is_some();
        !has_affinity && !self.scheduling.node_selector.iter().any(|(key, value)| apart(key, value))
    }

    fn shared_port(&self, other: &Self) -> Option<(&'static str, i32)> {
        let theirs = other.ports.map(|(_, port)| port);
        self.ports.into_iter().find(|(_, port)| theirs.contains(port))
    }

    fn shared_folder(&self, other: &Self) -> Option<&str> {
        self.folders.iter().find(|folder| other.folders.contains(folder)).copied()
    }
}

/// Pods of one cluster that can meet.
pub(super) fn within(spec: &AlluxioClusterSpec, refusals: &mut Refusals) {
    let pods = pods(spec);
    for (at, second) in pods.iter().enumerate() {
        if let Some(folder) = second
            .folders
            .iter()
            .enumerate()
            .find_map(|(at, folder)| second.folders[..at].contains(folder).then_some(folder))
        {
            refusals.invalid(
                format!("{}.tiers", second.owner),
                format!("have the node's folder {folder} twice"),
                "give each its own folder",
            );
        }
        for first in pods[..at].iter().filter(|first| first.meets(second)) {
            if let Some(folder) = second.shared_folder(first) {
                refusals.invalid(
                    format!("{}.tiers[].volume.hostPath", second.owner),
                    format!("is {folder}, as in {}, and both may run on one node", first.owner),
                    "choose another folder, or node selectors that exclude each other",
                );
            }
            let both_host = first.network == Network::Host && second.network == Network::Host;
            // Masters know a worker by its node's address and its port, in whatever network its pod is.
            if let Some((name, port)) =
                second.shared_port(first).filter(|_| both_host || (first.is_worker && second.is_worker))
            {
                refusals.invalid(
                    format!("{}.ports.{name}", second.owner),
                    format!("is {port}, as in {}, and both may run on one node", first.owner),
                    "choose another port, or node selectors that exclude each other",
                );
            }
        }
    }
}

/// Other clusters.
pub(super) fn others(
    cluster: &AlluxioCluster,
    validated: &ValidatedCluster,
    others: &[&AlluxioCluster],
    refusals: &mut Refusals,
) {
    let mine = pods(&cluster.spec);
    for other in others.iter().filter(|other| is_older(other, cluster)) {
        let who = format!("{}/{}", namespace(other), name(other));
        let mut conflict = |field: String, seen: String, advice: &str| {
            refusals.add(Reason::ConflictsWithCluster, field, seen, advice);
        };
        if shares_journal(cluster, other) {
            conflict("spec.journal".into(), format!("is the journal of {who}"), "choose a folder of its own");
        }
        if let Some((chroot, plan)) = other_chroot(other).zip(validated.zookeeper.as_ref()) {
            let theirs = other
                .spec
                .zookeeper
                .as_ref()
                .map(|zookeeper| zookeeper.addresses.as_slice())
                .unwrap_or_default();
            let same_servers =
                theirs.is_empty() || plan.addresses.iter().any(|address| theirs.contains(address));
            if chroot == plan.chroot && same_servers {
                conflict(
                    "spec.zookeeper.chroot".into(),
                    format!("is {chroot}, the folder of {who}"),
                    "choose a folder of its own",
                );
            }
        }
        for theirs in pods(&other.spec) {
            for mine in mine.iter().filter(|mine| mine.meets(&theirs)) {
                let both_host = mine.network == Network::Host && theirs.network == Network::Host;
                if let Some((name, port)) = mine.shared_port(&theirs).filter(|_| both_host) {
                    conflict(
                        format!("{}.ports.{name}", mine.owner),
                        format!("is {port}, which {} of {who} has on the same nodes", theirs.owner),
                        "choose another port, or node selectors that exclude each other",
                    );
                }
                if let Some(folder) = mine.shared_folder(&theirs) {
                    conflict(
                        format!("{}.tiers[].volume.hostPath", mine.owner),
                        format!("is {folder}, which {} of {who} has on the same nodes", theirs.owner),
                        "choose another folder, or node selectors that exclude each other",
                    );
                }
            }
        }
    }
}

fn shares_journal(mine: &AlluxioCluster, other: &AlluxioCluster) -> bool {
    let place = |cluster: &AlluxioCluster| journal::place(&cluster.spec, namespace(cluster), name(cluster));
    let (my_place, their_place) = (place(mine), place(other));
    let on_claim = my_place.claim(name(mine)).is_some();
    // Claims of two namespaces are two claims, even under one name.
    my_place.location(name(mine)) == their_place.location(name(other))
        && (!on_claim || namespace(mine) == namespace(other))
}

fn other_chroot(other: &AlluxioCluster) -> Option<String> {
    let zookeeper = other.spec.zookeeper.as_ref()?;
    Some(zookeeper::chroot(zookeeper, namespace(other), name(other)))
}

/// Created before, or at the same second and of a smaller uid.
fn is_older(other: &AlluxioCluster, cluster: &AlluxioCluster) -> bool {
    let age = |cluster: &AlluxioCluster| {
        let created = cluster.metadata.creation_timestamp.as_ref().map(|time| time.0);
        (created, cluster.metadata.uid.clone())
    };
    other.metadata.uid != cluster.metadata.uid && age(other) < age(cluster)
}

fn namespace(cluster: &AlluxioCluster) -> &str {
    cluster.metadata.namespace.as_deref().unwrap_or_default()
}

fn name(cluster: &AlluxioCluster) -> &str {
    cluster.metadata.name.as_deref().unwrap_or_default()
}

/// Labels that a node must have, for [`super::nodes`].
pub(super) fn selectors(spec: &AlluxioClusterSpec) -> Vec<&BTreeMap<String, String>> {
    pods(spec).into_iter().map(|pods| &pods.scheduling.node_selector).collect()
}
