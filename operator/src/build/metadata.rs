//! The metadata of objects.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use kube::Resource;

use super::labels::Labels;
use crate::crd::AlluxioCluster;
use crate::validate::Identity;

/// An object that vanishes with the cluster.
pub(super) fn owned(identity: &Identity, name: String, labels: Labels) -> ObjectMeta {
    ObjectMeta { owner_references: Some(vec![owner(identity)]), ..outliving(identity, name, labels) }
}

/// An object that stays when the cluster goes.
pub(super) fn outliving(identity: &Identity, name: String, labels: Labels) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(identity.namespace.clone()),
        labels: Some(labels),
        ..ObjectMeta::default()
    }
}

fn owner(identity: &Identity) -> OwnerReference {
    OwnerReference {
        api_version: AlluxioCluster::api_version(&()).into_owned(),
        kind: AlluxioCluster::kind(&()).into_owned(),
        name: identity.name.clone(),
        uid: identity.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

pub(super) fn selector(labels: Labels) -> LabelSelector {
    LabelSelector { match_labels: Some(labels), match_expressions: None }
}
