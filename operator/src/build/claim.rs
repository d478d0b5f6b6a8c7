//! The journal's claim, where the operator makes it.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use super::{labels, metadata, names, volumes};
use crate::validate::{JournalPlan, ValidatedCluster};

/// It belongs to nobody, so that deleting the cluster leaves it; with the deletion policy Delete the operator removes it.
pub(super) fn journal(cluster: &ValidatedCluster) -> Option<PersistentVolumeClaim> {
    let JournalPlan::Claim(claim) = &cluster.journal else { return None };
    let identity = &cluster.identity;
    let labels = labels::of_component(identity, labels::MASTER);
    Some(PersistentVolumeClaim {
        metadata: metadata::outliving(identity, names::journal_claim(&identity.name), labels),
        spec: Some(volumes::claim(claim.access_mode.name(), &claim.size, claim.storage_class_name.clone())),
        status: None,
    })
}
