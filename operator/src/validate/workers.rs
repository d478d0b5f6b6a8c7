//! Groups of workers.

use super::pod::{self, PodPlan};
use super::tiers::{self, TierPlan, VolumePlan};
use super::{Facts, Identity, PropertyPlan, Refusals, grace, template};
use crate::build;
use crate::crd::{MediumType, Quantity, Resources, ShortCircuit, ShortCircuitMode, WorkerGroup, WorkerKind};

/// Workers that are alike.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerPlan {
    pub name: String,
    pub kind: KindPlan,
    /// From the fastest to the slowest.
    pub tiers: Vec<TierPlan>,
    pub short_circuit: ShortCircuitPlan,
    pub max_unavailable: u32,
    pub decommission_timeout_seconds: u32,
    pub pod: PodPlan,
}

/// What runs a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindPlan {
    DaemonSet,
    StatefulSet { count: u32 },
}

/// How clients on the same node read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShortCircuitPlan {
    Disabled,
    /// The node's folder for the sockets.
    Uuid {
        host_path: String,
    },
    Local,
}

/// What a worker needs besides its blocks in memory.
const OWN_MEMORY: u64 = 1 << 30;

/// Names of a StatefulSet's pods carry a hash in a label of 63 characters.
const LONGEST_STATEFUL_SET: usize = 52;

/// `<cluster>-worker-<group>` would be the name of something of the cluster `<cluster>-worker`.
const OTHERS_NAMES: [&str; 6] = ["delete", "format", "journal", "leader", "masters", "workers"];

pub(super) fn plan(
    groups: &[WorkerGroup],
    identity: &Identity,
    properties: &PropertyPlan,
    facts: &Facts,
    refusals: &mut Refusals,
) -> Vec<WorkerPlan> {
    let mut names: Vec<&str> = Vec::new();
    let mut plans = Vec::with_capacity(groups.len());
    for group in groups {
        if names.contains(&group.name.as_str()) {
            refusals.invalid(
                format!("spec.workers[{}].name", group.name),
                "is there twice",
                "rename one of them",
            );
            continue;
        }
        names.push(&group.name);
        if OTHERS_NAMES.contains(&group.name.as_str()) {
            refusals.invalid(
                format!("spec.workers[{}].name", group.name),
                "is one that another cluster's objects may have",
                "choose another",
            );
        }
        check_former(group, identity, facts, refusals);
        plans.push(one(group, identity, properties, refusals));
    }
    plans
}

/// A group that was taken out and added again: the API server sees no change of its kind. Beside its former set it would have two workers of one
/// address on a node, and pods that are replaced would come back as they were.
fn check_former(group: &WorkerGroup, identity: &Identity, facts: &Facts, refusals: &mut Refusals) {
    let former = facts.worker_sets.iter().find(|(name, kind)| *name == group.name && *kind != group.kind);
    if let Some((name, kind)) = former {
        let set = build::names::worker_group(&identity.name, name);
        refusals.invalid(
            format!("spec.workers[{name}].kind"),
            format!("the {kind:?} {set}, which the group had before, is still there"),
            "take the group out until that is gone (its workers leave first), or give the new one another name",
        );
    }
}

fn one(
    group: &WorkerGroup,
    identity: &Identity,
    properties: &PropertyPlan,
    refusals: &mut Refusals,
) -> WorkerPlan {
    let owner = format!("spec.workers[{}]", group.name);
    let WorkerGroup {
        name,
        kind: _,
        count: _,
        tiers,
        resources,
        network,
        ports,
        short_circuit,
        probes,
        scheduling,
        max_unavailable,
        decommission_timeout_seconds,
        env,
        pod_template,
    } = group;
    let kind = kind(group, &owner, identity, refusals);
    let env = pod::env(env, &owner, refusals);
    let mut tiers = tiers::plan(tiers, &owner, refusals);
    tiers.sort_by_key(|tier| tier.medium);
    check_claims(&tiers, kind, &owner, refusals);
    let asked_resources = resources.clone();
    let resources = with_memory(resources.as_ref(), &tiers, &owner, refusals);
    let template = template::read(pod_template.as_ref(), &owner, build::WORKER_CONTAINER, refusals);
    template::check_placement(template.as_ref(), &owner, refusals);
    WorkerPlan {
        name: name.clone(),
        kind,
        short_circuit: short_circuit_of(short_circuit, identity),
        max_unavailable: u32::try_from(*max_unavailable).unwrap_or(1),
        decommission_timeout_seconds: u32::try_from(*decommission_timeout_seconds).unwrap_or(0),
        pod: PodPlan {
            resources: pod::resources(&resources, &owner, refusals),
            asked_resources,
            network: *network,
            rpc_port: ports.rpc,
            web_port: ports.web,
            probes: probes.clone(),
            scheduling: pod::scheduling(scheduling, &owner, refusals),
            grace_seconds: grace::of_worker(properties, &env),
            asked_grace_seconds: None,
            env,
            template,
        },
        tiers,
    }
}

fn kind(group: &WorkerGroup, owner: &str, identity: &Identity, refusals: &mut Refusals) -> KindPlan {
    match (group.kind, group.count) {
        (WorkerKind::DaemonSet, None) => KindPlan::DaemonSet,
        (WorkerKind::DaemonSet, Some(count)) => {
            refusals.invalid(
                format!("{owner}.count"),
                format!("is {count}, but a DaemonSet has a worker on each node that scheduling admits"),
                "take it out, or write kind: StatefulSet",
            );
            KindPlan::DaemonSet
        }
        (WorkerKind::StatefulSet, count) => {
            let set = format!("{}-worker-{}", identity.name, group.name);
            if set.len() > LONGEST_STATEFUL_SET {
                refusals.invalid(
                    format!("{owner}.name"),
                    format!("makes the StatefulSet's name {set}, of {} characters", set.len()),
                    format!("shorten it, or the cluster's: {LONGEST_STATEFUL_SET} are possible"),
                );
            }
            KindPlan::StatefulSet { count: count.map_or(1, |count| u32::try_from(count).unwrap_or(0)) }
        }
    }
}

/// Two workers must never write into one folder.
fn check_claims(tiers: &[TierPlan], kind: KindPlan, owner: &str, refusals: &mut Refusals) {
    let named: Vec<&str> = tiers
        .iter()
        .filter_map(|tier| match &tier.volume {
            VolumePlan::Claim { name } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let Some(first) = named.first() else { return };
    if !matches!(kind, KindPlan::StatefulSet { count: 0 | 1 }) {
        refusals.invalid(
            format!("{owner}.tiers[].volume.claim"),
            format!("names {first}, which several workers would share"),
            "use claimTemplate, which gives each worker a claim of its own, or a StatefulSet with count: 1",
        );
    }
    if let Some((at, twice)) = named.iter().enumerate().find(|(at, name)| named[..*at].contains(name)) {
        refusals.invalid(
            format!("{owner}.tiers[{at}].volume.claim"),
            format!("names {twice} again"),
            "use another claim",
        );
    }
}

fn short_circuit_of(short_circuit: &ShortCircuit, identity: &Identity) -> ShortCircuitPlan {
    match short_circuit.mode {
        ShortCircuitMode::Disabled => ShortCircuitPlan::Disabled,
        ShortCircuitMode::Local => ShortCircuitPlan::Local,
        ShortCircuitMode::Uuid => {
            let default = || format!("/tmp/alluxio/{}/{}", identity.namespace, identity.name);
            ShortCircuitPlan::Uuid { host_path: short_circuit.host_path.clone().unwrap_or_else(default) }
        }
    }
}

/// Blocks in memory count into the pod's limit, whatever the volume is.
fn with_memory(
    resources: Option<&Resources>,
    tiers: &[TierPlan],
    owner: &str,
    refusals: &mut Refusals,
) -> Resources {
    let in_memory = tiers.iter().filter(|tier| tier.medium == MediumType::Mem);
    let quotas = in_memory.fold(0u64, |sum, tier| sum.saturating_add(tier.quota));
    let needed = quotas.saturating_add(OWN_MEMORY);
    let least = Quantity::of_bytes(needed);
    let Some(resources) = resources else {
        return Resources {
            requests: [("cpu", Quantity("500m".to_owned())), ("memory", least.clone())]
                .map(|(name, amount)| (name.to_owned(), amount))
                .into(),
            limits: [("memory".to_owned(), least)].into(),
        };
    };
    let mut resources = resources.clone();
    match resources.limits.get("memory") {
        None => drop(resources.limits.insert("memory".to_owned(), least)),
        Some(limit) if limit.whole().is_ok_and(|limit| limit < needed) => refusals.invalid(
            format!("{owner}.resources.limits.memory"),
            format!("is {limit}, and the quotas of MEM with 1Gi for the worker itself are {least}"),
            format!("write at least {least}, or lower the quotas"),
        ),
        Some(_) => {}
    }
    resources
}
