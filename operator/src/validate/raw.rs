//! Reads the parts that the API server keeps as they are: what is wrong in them is told with its path, and so is what would be lost
//! because Kubernetes has no such field.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Refusals;
use crate::crd::Raw;

/// Reads an object of Kubernetes.
pub(super) fn read<T: DeserializeOwned + Serialize>(
    raw: Option<&Raw>,
    field: &str,
    refusals: &mut Refusals,
) -> Option<T> {
    let raw = raw?;
    let read: Result<T, _> = serde_path_to_error::deserialize(&raw.0);
    let object = match read {
        Ok(object) => object,
        Err(error) => {
            let path = join(field, &error.path().to_string());
            refusals.invalid(path, error.inner().to_string(), "write it as in a Pod");
            return None;
        }
    };
    let kept = serde_json::to_value(&object).unwrap_or(Value::Null);
    for path in lost(&raw.0, &kept) {
        refusals.invalid(join(field, &path), "is no field of Kubernetes", "correct its name, or take it out");
    }
    Some(object)
}

fn join(field: &str, path: &str) -> String {
    match path {
        "" | "." => field.to_owned(),
        path if path.starts_with('[') => format!("{field}{path}"),
        path => format!("{field}.{path}"),
    }
}

/// The paths of what is in `written` and not in `kept`.
fn lost(written: &Value, kept: &Value) -> Vec<String> {
    match (written, kept) {
        (Value::Object(written), kept) => {
            let below = |(name, value): (&String, &Value)| match kept.get(name) {
                None if is_nothing(value) => Vec::new(),
                None => vec![name.clone()],
                Some(kept) => lost(value, kept).into_iter().map(|path| join(name, &path)).collect(),
            };
            written.iter().flat_map(below).collect()
        }
        (Value::Array(written), Value::Array(kept)) => {
            let pairs = written.iter().zip(kept).enumerate();
            pairs
                .flat_map(|(at, (written, kept))| {
                    lost(written, kept).into_iter().map(move |path| join(&format!("[{at}]"), &path))
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// What Kubernetes leaves out itself.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Affinity, PodTemplateSpec};
    use serde_json::json;

    use super::*;

    fn told<T: DeserializeOwned + Serialize>(raw: Value) -> String {
        let mut refusals = Refusals::default();
        read::<T>(Some(&Raw(raw)), "spec.x", &mut refusals);
        refusals.to_string()
    }

    #[test]
    fn what_is_right_is_read() {
        let raw = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "x", "resources": {"limits": {"cpu": 2}}}],
            "tolerations": [], "hostAliases": null}});
        assert_eq!(told::<PodTemplateSpec>(raw), "");
        assert!(read::<Affinity>(None, "spec.x", &mut Refusals::default()).is_none());
    }

    #[test]
    fn a_mistake_is_told_with_its_path() {
        let raw = json!({"spec": {"containers": [{"name": "x"}, {"name": "y", "args": "one"}]}});
        let told = told::<PodTemplateSpec>(raw);
        assert!(told.starts_with("spec.x.spec.containers[1].args: invalid type: string \"one\""), "{told}");
    }

    #[test]
    fn a_field_that_does_not_exist_is_told_with_its_path() {
        let raw = json!({"spec": {"containers": [{"name": "x", "imagePulPolicy": "Always"}]}});
        let seen = told::<PodTemplateSpec>(raw);
        assert!(seen.starts_with("spec.x.spec.containers[0].imagePulPolicy: is no field"), "{seen}");
        let seen = told::<Affinity>(json!({"nodeAfinity": {"a": 1}}));
        assert!(seen.starts_with("spec.x.nodeAfinity: is no field"), "{seen}");
    }
}
