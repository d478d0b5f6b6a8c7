//! Applying one object, and deleting what is left over.

use std::borrow::Cow;

use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions},
};
use serde_json::{Value, json};
use tracing::info;

use super::{
    claims,
    compare::difference,
    contests::{Contests, Object, manager},
    orphans::Existing,
    wanted::{APPLIED_HASH, Wanted},
};
use crate::build::{INSTANCE, MANAGED_BY};

/// Under which name our fields stand in `managedFields`.
pub const FIELD_MANAGER: &str = "alluxio-operator";

/// A kind of object that clusters own. Of rows, the label that names the row.
#[derive(Clone, Debug)]
pub struct ChildKind {
    pub resource: ApiResource,
    pub row_label: Option<&'static str>,
}

impl ChildKind {
    pub fn of<K: Resource<DynamicType = ()>>(row_label: Option<&'static str>) -> Self {
        Self { resource: ApiResource::erase::<K>(&()), row_label }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    Unchanged,
    Created,
    Changed {
        /// The edit, or the field that somebody else changed.
        why: Change,
        /// Whether its controller has to look at it anew. What an admission rule made what it was before is not.
        renewed: bool,
    },
    /// Somebody else has changed this field again and again; it is left so for a while.
    Contested(String),
    /// It could not be changed, and had to go; the next look makes it anew.
    Deleted,
}

impl Applied {
    /// Whether what was seen of the object before, and of what its controller made of it, holds no more.
    pub fn renewed(&self) -> bool {
        match self {
            Self::Unchanged | Self::Contested(_) => false,
            Self::Created | Self::Deleted => true,
            Self::Changed { renewed, .. } => *renewed,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Edit,
    Drift(String),
}

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("{kind} {name} exists and belongs to somebody else: rename the cluster, or delete the {kind}")]
    NotOurs { kind: String, name: String },
    #[error(
        "{kind} {name} is not accepted: {source}; change what refuses it (a quota, an admission rule), or take the last edit back"
    )]
    Refused { kind: String, name: String, source: Box<kube::Error> },
    #[error("{kind} {name} cannot be read or written: {source}; it is tried again")]
    Failed { kind: String, name: String, source: Box<kube::Error> },
}

impl ApplyError {
    fn of(kind: &str, name: &str, source: kube::Error) -> Self {
        let (kind, name) = (kind.to_owned(), name.to_owned());
        // 403: a quota, an admission rule, a class whose claims cannot grow. (401 is the operator's own trouble, and passes.)
        let refused = matches!(&source, kube::Error::Api(status) if matches!(status.code, 400 | 403 | 422));
        let source = Box::new(source);
        if refused { Self::Refused { kind, name, source } } else { Self::Failed { kind, name, source } }
    }

    /// Whether trying again cannot help: somebody has to change something.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Failed { .. })
    }
}

/// Writes the objects of one cluster.
#[derive(Clone)]
pub struct Applier {
    client: Client,
    namespace: String,
    /// The cluster's.
    owner_uid: String,
    contests: Contests,
}

impl Applier {
    /// `contests`: what is known of fields that others change.
    pub fn new(client: Client, namespace: &str, owner_uid: &str, contests: Contests) -> Self {
        Self { client, namespace: namespace.to_owned(), owner_uid: owner_uid.to_owned(), contests }
    }

    fn api(&self, resource: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, resource)
    }

    /// Makes the object what it shall be; sends nothing where it is so.
    pub async fn apply(&self, wanted: &Wanted) -> Result<Applied, ApplyError> {
        let kind = &wanted.resource.kind;
        let failed = |error| ApplyError::of(kind, &wanted.name, error);
        let api = self.api(&wanted.resource);
        let live = api.get_opt(&wanted.name).await.map_err(failed)?;
        let wanted = live.as_ref().map_or(Cow::Borrowed(wanted), |live| claims::no_smaller(wanted, live));
        let wanted = wanted.as_ref();
        let (object, now) = ((kind.clone(), wanted.name.clone()), Timestamp::now());
        let why = match &live {
            None => None,
            Some(live) if !self.owns(wanted, live) => {
                return Err(ApplyError::NotOurs { kind: kind.clone(), name: wanted.name.clone() });
            }
            Some(live) if claims::are_others(wanted, live) => {
                self.let_go(&api, live).await.map_err(failed)?;
                return Ok(Applied::Deleted);
            }
            Some(live) => match self.change(&object, wanted, live) {
                None => {
                    self.contests.settled(&object, now);
                    return Ok(Applied::Unchanged);
                }
                Some(Change::Drift(field)) => {
                    let who = manager(live.metadata.managed_fields.as_deref().unwrap_or_default(), &field);
                    if !self.contests.drifted(object.clone(), &field, who, now) {
                        return Ok(Applied::Contested(field));
                    }
                    Some(Change::Drift(field))
                }
                Some(Change::Edit) => {
                    self.contests.begun_anew(&object);
                    Some(Change::Edit)
                }
            },
        };
        let force = PatchParams::apply(FIELD_MANAGER).force();
        let made = api.patch(&wanted.name, &force, &Patch::Apply(&wanted.object)).await.map_err(failed)?;
        self.contests.wrote(&object, &wanted.hash);
        if let Some(Change::Drift(field)) = self.change(&object, wanted, &made) {
            self.contests.overruled(object, &field, now);
        }
        let before = live.as_ref().and_then(|live| live.metadata.generation);
        let applied = match why {
            None => Applied::Created,
            Some(why) => Applied::Changed { why, renewed: made.metadata.generation != before },
        };
        info!(namespace = self.namespace, kind, name = wanted.name, ?applied, "applied");
        Ok(applied)
    }

    /// What makes an apply necessary. Where just this was written before, another hash is none of an edit: somebody takes it off, or puts
    /// back what was.
    fn change(&self, object: &Object, wanted: &Wanted, live: &DynamicObject) -> Option<Change> {
        match change(wanted, live)? {
            Change::Edit if self.contests.has_written(object, &wanted.hash) => {
                Some(Change::Drift(format!("metadata.annotations.{APPLIED_HASH}")))
            }
            change => Some(change),
        }
    }

    /// Deletes the object and leaves what it owns: the next one of its name takes the pods up.
    async fn let_go(&self, api: &Api<DynamicObject>, object: &DynamicObject) -> Result<(), kube::Error> {
        let preconditions = Some(Preconditions { uid: object.uid(), resource_version: None });
        match api.delete(&object.name_any(), &DeleteParams { preconditions, ..DeleteParams::orphan() }).await
        {
            Ok(_) => {
                let name = object.name_any();
                info!(
                    namespace = self.namespace,
                    name, "deleted: its claims cannot be changed, it is made anew"
                );
                Ok(())
            }
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The objects of a kind with these labels.
    pub async fn existing(&self, kind: &ChildKind, selector: &str) -> Result<Vec<Existing>, ApplyError> {
        let failed = |error| ApplyError::of(&kind.resource.kind, selector, error);
        let listed = self.api(&kind.resource).list_metadata(&ListParams::default().labels(selector)).await;
        let listed = listed.map_err(failed)?;
        let existing = listed.items.iter().map(|object| Existing {
            kind: kind.resource.kind.clone(),
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            created: object.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
            row: kind.row_label.and_then(|label| object.labels().get(label).cloned()),
            ours: owned_by(object.owner_references(), &self.owner_uid),
        });
        Ok(existing.collect())
    }

    /// Deletes just that object, not one of the same name.
    pub async fn delete(&self, resource: &ApiResource, object: &Existing) -> Result<(), ApplyError> {
        let preconditions = Some(Preconditions { uid: Some(object.uid.clone()), resource_version: None });
        let only = DeleteParams { preconditions, ..DeleteParams::background() };
        match self.api(resource).delete(&object.name, &only).await {
            Ok(_) => {
                info!(
                    namespace = self.namespace,
                    kind = object.kind,
                    name = object.name,
                    "deleted: not wanted any more"
                );
                Ok(())
            }
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(error) => Err(ApplyError::of(&object.kind, &object.name, error)),
        }
    }

    /// What outlives the cluster has no owner, and is taken up by the next cluster of the name.
    fn owns(&self, wanted: &Wanted, live: &DynamicObject) -> bool {
        match wanted.owned {
            true => owned_by(live.owner_references(), &self.owner_uid),
            false => [INSTANCE, MANAGED_BY].iter().all(|name| {
                let label = &wanted.object["metadata"]["labels"][*name];
                label.is_string() && label.as_str() == live.labels().get(*name).map(String::as_str)
            }),
        }
    }
}

fn owned_by(owners: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference], uid: &str) -> bool {
    owners.iter().any(|owner| owner.controller == Some(true) && owner.uid == uid)
}

/// As far as the two tell.
fn change(wanted: &Wanted, live: &DynamicObject) -> Option<Change> {
    if live.annotations().get(APPLIED_HASH) != Some(&wanted.hash) {
        return Some(Change::Edit);
    }
    let mut shown: Value = json!({ "metadata": &live.metadata });
    if let (Some(shown), Some(data)) = (shown.as_object_mut(), live.data.as_object()) {
        shown.extend(data.clone());
    }
    let mut fields = wanted.object.clone();
    if let Some(fields) = fields.as_object_mut() {
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    difference(&fields, &shown).map(Change::Drift)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Service;

    use super::*;

    fn service(port: i32) -> Service {
        serde_json::from_value(json!({
            "metadata": { "name": "a", "namespace": "n" },
            "spec": { "ports": [{ "name": "rpc", "port": port }] },
        }))
        .unwrap()
    }

    fn live(wanted: &Wanted) -> DynamicObject {
        serde_json::from_value(wanted.object.clone()).unwrap()
    }

    #[test]
    fn an_edit_and_a_drift_are_told_apart() {
        let wanted = Wanted::new(&service(1)).unwrap();
        let mut there = live(&wanted);
        assert_eq!(change(&wanted, &there), None);
        there.data["spec"]["ports"][0]["port"] = json!(2);
        assert_eq!(change(&wanted, &there), Some(Change::Drift("spec.ports.1".to_owned())));
        let other = Wanted::new(&service(3)).unwrap();
        assert_eq!(change(&other, &there), Some(Change::Edit));
        // The annotation taken off: it is written again.
        there.metadata.annotations = None;
        assert_eq!(change(&wanted, &there), Some(Change::Edit));
    }

    /// A field that is not wanted any more is seen by the hash only.
    #[test]
    fn a_field_less_is_an_edit() {
        let with = Wanted::new(&service(1)).unwrap();
        let mut without = service(1);
        without.spec = None;
        assert_eq!(change(&Wanted::new(&without).unwrap(), &live(&with)), Some(Change::Edit));
    }

    #[test]
    fn only_the_controller_owns() {
        let owner = |controller| json!([{ "apiVersion": "a/v1", "kind": "K", "name": "n", "uid": "u", "controller": controller }]);
        for (controller, uid, owns) in [(true, "u", true), (false, "u", false), (true, "other", false)] {
            let owners: Vec<_> = serde_json::from_value(owner(controller)).unwrap();
            assert_eq!(owned_by(&owners, uid), owns);
        }
    }
}
