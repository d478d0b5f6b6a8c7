//! The masters.

use super::pod::{self, PodPlan};
use super::{JournalPlan, PropertyPlan, Refusals, ZooKeeperPlan, grace, template};
use crate::build;
use crate::crd::{ClaimAccess, Masters, Resources};

/// The masters as they shall be.
#[derive(Clone, Debug, PartialEq)]
pub struct MasterPlan {
    pub count: u32,
    /// Bytes of the node's disk.
    pub storage_limit: crate::crd::Quantity,
    pub pod: PodPlan,
}

const OWNER: &str = "spec.masters";

pub(super) fn plan(
    masters: &Masters,
    zookeeper: Option<&ZooKeeperPlan>,
    journal: &JournalPlan,
    properties: &PropertyPlan,
    refusals: &mut Refusals,
) -> MasterPlan {
    let Masters {
        count,
        resources,
        storage,
        network,
        ports,
        probes,
        scheduling,
        env,
        termination_grace_period_seconds,
        pod_template,
    } = masters;
    if *count > 1 {
        several(*count, zookeeper, journal, refusals);
    }
    let env = pod::env(env, OWNER, refusals);
    pod::bytes(&storage.size_limit, "spec.masters.storage.sizeLimit", refusals);
    MasterPlan {
        count: u32::try_from(*count).unwrap_or(1),
        storage_limit: storage.size_limit.clone(),
        pod: PodPlan {
            resources: pod::resources(&resources.clone().unwrap_or_else(default_resources), OWNER, refusals),
            asked_resources: resources.clone(),
            network: *network,
            rpc_port: ports.rpc,
            web_port: ports.web,
            probes: probes.clone(),
            scheduling: pod::scheduling(scheduling, OWNER, refusals),
            grace_seconds: grace::of_master(*termination_grace_period_seconds, properties, &env),
            asked_grace_seconds: Some(*termination_grace_period_seconds),
            env,
            template: template::read(pod_template.as_ref(), OWNER, build::MASTER_CONTAINER, refusals),
        },
    }
}

/// What several masters need. The API server checks it too, where it knows CEL.
fn several(count: i32, zookeeper: Option<&ZooKeeperPlan>, journal: &JournalPlan, refusals: &mut Refusals) {
    let field = "spec.masters.count";
    if zookeeper.is_none() {
        refusals.invalid(
            field,
            format!("is {count}, and there is no election"),
            "set spec.zookeeper.addresses, or write 1",
        );
    }
    let alone =
        matches!(journal, JournalPlan::Claim(claim) if claim.access_mode == ClaimAccess::ReadWriteOnce);
    if alone {
        refusals.invalid(
            field,
            format!("is {count}, and the journal is on a claim that one node alone can mount"),
            "set spec.journal.uri, or a claim with accessMode ReadWriteMany, or write 1",
        );
    }
}

fn default_resources() -> Resources {
    Resources {
        requests: pod::amounts([("cpu", "500m"), ("memory", "1Gi")]),
        limits: pod::amounts([("memory", "2Gi")]),
    }
}
