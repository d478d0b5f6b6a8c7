//! From the object as the user wrote it to a cluster that can be built. Pure: what must be looked up is in [`Facts`]. All mistakes are told at
//! once, each with its field, what was seen and what to type; what is in a [`ValidatedCluster`] needs no more checks.

mod apart;
mod claims;
pub mod facts;
mod grace;
pub mod hadoop;
pub mod image;
pub mod journal;
pub mod masters;
mod names;
mod neighbours;
mod nodes;
pub mod owned;
pub mod pod;
mod properties;
mod raw;
mod references;
mod refusal;
mod template;
pub mod tiers;
pub mod under_storage;
pub mod workers;
pub mod zookeeper;

use std::collections::BTreeMap;

use crate::crd::{AlluxioCluster, AlluxioClusterSpec, DeletionPolicy, UpgradeStrategy};

pub use facts::{Facts, Found, Keys, NodeFacts, Reference, Use, references};
pub use hadoop::HadoopPlan;
pub use image::ImagePlan;
pub use journal::JournalPlan;
pub use masters::MasterPlan;
pub use names::{Identity, LONGEST_NAME};
pub use pod::{EnvPlan, PodPlan, SchedulingPlan};
pub use properties::PropertyPlan;
pub use refusal::{Refusal, Refusals};
pub use tiers::{TierPlan, VolumePlan};
pub use under_storage::{MountPlan, RootPlan, RootSource, SettingsPlan};
pub use workers::{KindPlan, ShortCircuitPlan, WorkerPlan};
pub use zookeeper::ZooKeeperPlan;

/// A cluster that can be built.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidatedCluster {
    pub identity: Identity,
    pub images: ImagePlan,
    pub masters: MasterPlan,
    pub zookeeper: Option<ZooKeeperPlan>,
    pub journal: JournalPlan,
    pub root: RootPlan,
    pub mounts: Vec<MountPlan>,
    pub workers: Vec<WorkerPlan>,
    pub properties: PropertyPlan,
    pub deletion_policy: DeletionPolicy,
    pub upgrade_strategy: UpgradeStrategy,
    pub progress_deadline_seconds: u32,
    /// A digest of each value in ConfigMaps and Secrets that pods read.
    pub digests: BTreeMap<(Reference, String), String>,
}

/// Checks a cluster.
///
/// # Errors
/// Everything that keeps it from being built.
pub fn validate(cluster: &AlluxioCluster, facts: &Facts) -> Result<ValidatedCluster, Refusals> {
    let mut refusals = Refusals::default();
    let validated = plan(cluster, facts, &mut refusals);
    refusals.into_result()?;
    Ok(validated)
}

/// The fields that the Job needs which removes the journal.
const OF_DELETION: [&str; 5] =
    ["metadata.", "spec.image", "spec.journal", "spec.zookeeper", "spec.masters.env"];

/// Checks only what the Job needs that removes the journal.
///
/// # Errors
/// Everything that keeps it from being built.
pub fn validate_for_deletion(cluster: &AlluxioCluster, facts: &Facts) -> Result<ValidatedCluster, Refusals> {
    let mut refusals = Refusals::default();
    let validated = plan(cluster, facts, &mut refusals);
    refusals.0.retain(|refusal| OF_DELETION.iter().any(|field| refusal.field.starts_with(field)));
    refusals.into_result()?;
    Ok(validated)
}

fn plan(cluster: &AlluxioCluster, facts: &Facts, refusals: &mut Refusals) -> ValidatedCluster {
    let AlluxioClusterSpec {
        image: _,
        image_policy: _,
        masters,
        zookeeper,
        journal: _,
        under_storage,
        workers,
        properties,
        deletion_policy,
        upgrade_strategy,
        progress_deadline_seconds,
        paused: _,
    } = &cluster.spec;
    let identity = Identity::of(cluster, refusals);
    references::check(&cluster.spec, facts, refusals);
    let images = image::plan(cluster, facts, refusals);
    let zookeeper = zookeeper::plan(zookeeper.as_ref(), &identity, facts, refusals);
    if *upgrade_strategy == UpgradeStrategy::Rolling && (masters.count > 1 || facts.ensembles.len() > 1) {
        zookeeper::check_move(
            cluster.spec.zookeeper.as_ref(),
            zookeeper.as_ref(),
            &facts.ensembles,
            refusals,
        );
    }
    let journal = journal::plan(&cluster.spec, &identity, facts, refusals);
    let properties = properties::check(properties, refusals);
    let root = under_storage::root(&under_storage.root, facts, refusals);
    nodes::check(&cluster.spec, &root.source, facts, refusals);
    claims::within(cluster, refusals);
    neighbours::within(cluster, &facts.nodes, refusals);
    let validated = ValidatedCluster {
        masters: masters::plan(masters, zookeeper.as_ref(), &journal, &properties, refusals),
        mounts: under_storage::mounts(&under_storage.mounts, facts, refusals),
        workers: workers::plan(workers, &identity, &properties, facts, refusals),
        identity,
        images,
        zookeeper,
        journal,
        root,
        properties,
        deletion_policy: *deletion_policy,
        upgrade_strategy: *upgrade_strategy,
        progress_deadline_seconds: u32::try_from(*progress_deadline_seconds).unwrap_or(600),
        digests: digests(&cluster.spec, facts),
    };
    neighbours::others(cluster, &validated, facts, refusals);
    validated
}

fn digests(spec: &AlluxioClusterSpec, facts: &Facts) -> BTreeMap<(Reference, String), String> {
    let mut digests = BTreeMap::new();
    for used in references(spec) {
        let Some(found) = facts.found.get(&used.reference) else { continue };
        for (key, digest) in &found.digests {
            let wanted = match &used.keys {
                Keys::One(one) => one == key,
                Keys::SomeOf(some) => some.contains(&key.as_str()),
            };
            if wanted {
                digests.insert((used.reference.clone(), key.clone()), digest.clone());
            }
        }
    }
    digests
}

#[cfg(test)]
#[path = "tests/mod.rs"]
mod tests;
