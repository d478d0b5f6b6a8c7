//! What a cluster must not share: ports of nodes and folders of nodes, within itself and with other clusters; a journal and a folder
//! in ZooKeeper with other clusters. Of two clusters the younger one is refused.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, PodTemplateSpec};

use super::nodes::NodeRules;
use super::{Facts, Identity, NodeFacts, Refusals, ValidatedCluster, apart, claims, journal, zookeeper};
use crate::build;
use crate::crd::{AlluxioCluster, AlluxioClusterSpec, Network, Raw, Reason, Scheduling};

const APART: &str = "or a node selector or affinity that keeps them apart";

/// Pods that can meet others on a node.
struct Pods<'a> {
    cluster: &'a AlluxioCluster,
    /// `None`: masters.
    group: Option<&'a str>,
    template: Option<&'a Raw>,
    owner: String,
    scheduling: &'a Scheduling,
    network: Network,
    /// Field and port.
    ports: [(&'static str, i32); 2],
    /// Folders of the node.
    folders: Vec<&'a str>,
}

fn pods(cluster: &AlluxioCluster) -> Vec<Pods<'_>> {
    let spec = &cluster.spec;
    let masters = &spec.masters;
    let mut pods = vec![Pods {
        cluster,
        group: None,
        template: masters.pod_template.as_ref(),
        owner: "spec.masters".to_owned(),
        scheduling: &masters.scheduling,
        network: masters.network,
        ports: [("rpc", masters.ports.rpc), ("web", masters.ports.web)],
        folders: Vec::new(),
    }];
    pods.extend(spec.workers.iter().map(|group| {
        Pods {
            cluster,
            group: Some(&group.name),
            template: group.pod_template.as_ref(),
            owner: format!("spec.workers[{}]", group.name),
            scheduling: &group.scheduling,
            network: group.network,
            ports: [("rpc", group.ports.rpc), ("web", group.ports.web)],
            folders: group
                .tiers
                .iter()
                .filter_map(|tier| tier.volume.host_path.as_ref().map(|host| host.path.as_str()))
                .collect(),
        }
    }));
    pods
}

impl Pods<'_> {
    fn meets(&self, other: &Self, nodes: &[NodeFacts]) -> bool {
        !self.keeps_off(other)
            && !other.keeps_off(self)
            && NodeRules::of(self.scheduling).meets(&NodeRules::of(other.scheduling), nodes)
    }

    /// Whether an anti-affinity of these leaves the scheduler no choice.
    fn keeps_off(&self, other: &Self) -> bool {
        let affinity = self.scheduling.affinity.as_ref().and_then(|raw| raw.read::<Affinity>().ok());
        let apart = affinity.and_then(|affinity| affinity.pod_anti_affinity);
        let terms = apart.and_then(|apart| apart.required_during_scheduling_ignored_during_execution);
        let labels = other.labels();
        let (own, theirs) = (namespace(self.cluster), namespace(other.cluster));
        terms.iter().flatten().any(|term| apart::covers(term, own, theirs, &labels))
    }

    /// The user's cannot take the place of the operator's.
    fn labels(&self) -> BTreeMap<String, String> {
        let template = self.template.and_then(|raw| raw.read::<PodTemplateSpec>().ok());
        let mut labels = template.and_then(|template| template.metadata?.labels).unwrap_or_default();
        let identity = Identity {
            namespace: namespace(self.cluster).to_owned(),
            name: name(self.cluster).to_owned(),
            uid: String::new(),
        };
        labels.extend(match self.group {
            Some(group) => build::of_group(&identity, group),
            None => build::of_component(&identity, build::MASTER),
        });
        labels
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
pub(super) fn within(cluster: &AlluxioCluster, nodes: &[NodeFacts], refusals: &mut Refusals) {
    let pods = pods(cluster);
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
        for first in &pods[..at] {
            let folder = second.shared_folder(first);
            let both_host = first.network == Network::Host && second.network == Network::Host;
            // Masters know a worker by its node's address and its port, in whatever network its pod is.
            let port = second
                .shared_port(first)
                .filter(|_| both_host || (first.group.is_some() && second.group.is_some()));
            // Nodes are many: they are looked at where there is something to share.
            if (folder.is_none() && port.is_none()) || !first.meets(second, nodes) {
                continue;
            }
            if let Some(folder) = folder {
                refusals.invalid(
                    format!("{}.tiers[].volume.hostPath", second.owner),
                    format!("is {folder}, as in {}, and both may run on one node", first.owner),
                    format!("choose another folder, {APART}"),
                );
            }
            if let Some((name, port)) = port {
                refusals.invalid(
                    format!("{}.ports.{name}", second.owner),
                    format!("is {port}, as in {}, and both may run on one node", first.owner),
                    format!("choose another port, {APART}"),
                );
            }
        }
    }
}

/// Other clusters.
pub(super) fn others(
    cluster: &AlluxioCluster,
    validated: &ValidatedCluster,
    facts: &Facts,
    refusals: &mut Refusals,
) {
    let mine = pods(cluster);
    for other in facts.others.iter().filter(|other| is_older(other, cluster)) {
        let who = format!("{}/{}", namespace(other), name(other));
        let mut conflict = |field: String, seen: String, advice: &str| {
            refusals.add(Reason::ConflictsWithCluster, field, seen, advice);
        };
        if shares_journal(cluster, other) {
            conflict("spec.journal".into(), format!("is the journal of {who}"), "choose a folder of its own");
        }
        claims::with_other(cluster, other, &who, &mut conflict);
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
        for theirs in pods(other) {
            for mine in &mine {
                let both_host = mine.network == Network::Host && theirs.network == Network::Host;
                let port = mine.shared_port(&theirs).filter(|_| both_host);
                let folder = mine.shared_folder(&theirs);
                if (folder.is_none() && port.is_none()) || !mine.meets(&theirs, &facts.nodes) {
                    continue;
                }
                if let Some((name, port)) = port {
                    conflict(
                        format!("{}.ports.{name}", mine.owner),
                        format!("is {port}, which {} of {who} has on the same nodes", theirs.owner),
                        &format!("choose another port, {APART}"),
                    );
                }
                if let Some(folder) = folder {
                    conflict(
                        format!("{}.tiers[].volume.hostPath", mine.owner),
                        format!("is {folder}, which {} of {who} has on the same nodes", theirs.owner),
                        &format!("choose another folder, {APART}"),
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

pub(super) fn namespace(cluster: &AlluxioCluster) -> &str {
    cluster.metadata.namespace.as_deref().unwrap_or_default()
}

pub(super) fn name(cluster: &AlluxioCluster) -> &str {
    cluster.metadata.name.as_deref().unwrap_or_default()
}

/// Where the pods of each kind may run, for [`super::nodes`].
pub(super) fn scheduling(spec: &AlluxioClusterSpec) -> Vec<&Scheduling> {
    let groups = spec.workers.iter().map(|group| &group.scheduling);
    std::iter::once(&spec.masters.scheduling).chain(groups).collect()
}
