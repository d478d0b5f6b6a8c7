//! An object as it shall be.

use k8s_openapi::NamespaceResourceScope;
use kube::{Resource, api::ApiResource};
use serde::Serialize;
use serde_json::{Value, json};

use crate::build::digest;

/// The annotation with the hash of what was applied last.
pub const APPLIED_HASH: &str = "alluxio.org/applied-hash";

/// Knows its kind, and carries the hash of itself.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub resource: ApiResource,
    pub name: String,
    pub hash: String,
    /// With the annotation.
    pub object: Value,
    /// Whether it goes with the cluster. One that stays is known by its labels.
    pub owned: bool,
}

impl Wanted {
    /// # Errors
    /// The object cannot be written as JSON: a fault of the program.
    pub fn new<K>(object: &K) -> Result<Self, serde_json::Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Serialize,
    {
        let resource = ApiResource::erase::<K>(&());
        let name = object.meta().name.clone().unwrap_or_default();
        let owned = object.meta().owner_references.as_ref().is_some_and(|owners| !owners.is_empty());
        let mut object = without_nulls(serde_json::to_value(object)?);
        object["apiVersion"] = json!(resource.api_version);
        object["kind"] = json!(resource.kind);
        let hash = hash_of(&object);
        object["metadata"]["annotations"][APPLIED_HASH] = json!(hash);
        Ok(Self { resource, name, hash, object, owned })
    }
}

/// Tells values apart. In which order the keys of an object stand does not matter.
pub fn hash_of(value: &Value) -> String {
    digest(sorted(value).to_string().as_bytes())
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            entries.sort_by(|left, right| left.0.cmp(&right.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, without_nulls(value)))
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::ObjectMeta;

    use super::*;

    fn config_map(value: &str) -> ConfigMap {
        ConfigMap {
            metadata: ObjectMeta { name: Some("a".to_owned()), ..ObjectMeta::default() },
            data: Some([("k".to_owned(), value.to_owned())].into()),
            ..ConfigMap::default()
        }
    }

    #[test]
    fn carries_its_kind_and_the_hash_of_itself() {
        let wanted = Wanted::new(&config_map("v")).unwrap();
        assert_eq!((wanted.resource.kind.as_str(), wanted.name.as_str()), ("ConfigMap", "a"));
        assert_eq!(wanted.object["metadata"]["annotations"][APPLIED_HASH], json!(wanted.hash));
        assert_eq!(wanted.hash, Wanted::new(&config_map("v")).unwrap().hash);
        assert_ne!(wanted.hash, Wanted::new(&config_map("w")).unwrap().hash);
    }

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let left: Value = serde_json::from_str(r#"{"a":{"x":1,"y":2},"b":[1,2]}"#).unwrap();
        let right: Value = serde_json::from_str(r#"{"b":[1,2],"a":{"y":2,"x":1}}"#).unwrap();
        assert_eq!(hash_of(&left), hash_of(&right));
        assert_ne!(hash_of(&left), hash_of(&json!({ "a": { "x": 1, "y": 2 }, "b": [2, 1] })));
    }
}
