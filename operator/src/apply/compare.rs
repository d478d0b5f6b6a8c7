//! Whether an object still has all that we want of it. Fields that we do not set are others' business.

use serde_json::{Map, Value};

use super::quantity;

/// The path of the first field of `wanted` that is another one in `live`; `None` when all are as wanted.
pub fn difference(wanted: &Value, live: &Value) -> Option<String> {
    let mut path = Vec::new();
    differs(wanted, live, &mut path).then(|| path.join("."))
}

/// Fields whose values are quantities, or maps of them.
const QUANTITIES: [&str; 7] = ["limits", "requests", "capacity", "hard", "sizeLimit", "divisor", "storage"];

/// What entries of a list are told apart by, where others may add their own; the first that all entries have.
const KEYS: [&[&str]; 8] = [
    &["containerPort", "protocol"],
    &["port", "protocol"],
    &["mountPath"],
    &["devicePath"],
    &["uid"],
    &["name"],
    &["topologyKey", "whenUnsatisfiable"],
    &["ip"],
];

/// On `true`, `path` leads to what differs.
fn differs(wanted: &Value, live: &Value, path: &mut Vec<String>) -> bool {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => object_differs(wanted, live, path),
        (Value::Array(wanted), Value::Array(live)) => list_differs(wanted, live, path),
        // The API server leaves out what is empty.
        (wanted, Value::Null) if is_empty(wanted) => false,
        (wanted, live) => {
            let quantity = path.iter().rev().take(2).any(|name| QUANTITIES.contains(&name.as_str()));
            wanted != live && !(quantity && quantity::same(wanted, live) == Some(true))
        }
    }
}

fn object_differs(wanted: &Map<String, Value>, live: &Map<String, Value>, path: &mut Vec<String>) -> bool {
    wanted.iter().any(|(name, value)| {
        path.push(name.clone());
        let found = differs(value, live.get(name).unwrap_or(&Value::Null), path);
        if !found {
            path.pop();
        }
        found
    })
}

fn list_differs(wanted: &[Value], live: &[Value], path: &mut Vec<String>) -> bool {
    if path.last().is_some_and(|name| name == "finalizers") {
        return wanted.iter().any(|value| !live.contains(value));
    }
    let Some(keys) = keys_of(wanted) else {
        return wanted.len() != live.len()
            || wanted
                .iter()
                .zip(live)
                .enumerate()
                .any(|(at, (wanted, live))| entry_differs(at.to_string(), wanted, Some(live), path));
    };
    // A wanted entry may leave a key to its default (`protocol`), which then tells nothing apart.
    wanted.iter().any(|entry| {
        let told = |other: &&Value| {
            keys.iter().all(|key| entry.get(key).is_none_or(|value| other.get(key) == Some(value)))
        };
        entry_differs(label(entry, keys), entry, live.iter().find(told), path)
    })
}

fn entry_differs(label: String, wanted: &Value, live: Option<&Value>, path: &mut Vec<String>) -> bool {
    path.push(label);
    let found = live.is_none_or(|live| differs(wanted, live, path));
    if !found {
        path.pop();
    }
    found
}

fn keys_of(list: &[Value]) -> Option<&'static [&'static str]> {
    if list.is_empty() {
        return None;
    }
    KEYS.into_iter().find(|keys| list.iter().all(|entry| entry.get(keys[0]).is_some()))
}

fn label(entry: &Value, keys: &[&str]) -> String {
    match entry.get(keys[0]) {
        Some(Value::String(text)) => text.clone(),
        other => other.map(Value::to_string).unwrap_or_default(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As the API server gives it back: with defaults, other words for quantities, others' fields.
    fn live() -> Value {
        json!({
            "metadata": {
                "name": "a-master", "uid": "u", "resourceVersion": "7",
                "labels": { "app": "a", "theirs": "x" },
                "ownerReferences": [{ "uid": "other", "kind": "X" }, { "uid": "u1", "kind": "AlluxioCluster" }],
                "finalizers": ["theirs", "ours"],
            },
            "spec": {
                "replicas": 3,
                "template": { "spec": {
                    "containers": [
                        { "name": "injected", "image": "sidecar" },
                        {
                            "name": "master", "image": "i:1", "args": ["a", "b"], "imagePullPolicy": "IfNotPresent",
                            "ports": [{ "containerPort": 19998, "protocol": "TCP" }, { "containerPort": 1, "protocol": "UDP" }],
                            "resources": { "limits": { "memory": "1Gi", "cpu": "1" } },
                            "env": [{ "name": "SIZE", "value": "1Gi" }],
                        },
                    ],
                    "volumes": [{ "name": "v", "emptyDir": { "sizeLimit": "1Gi" } }],
                    "tolerations": [{ "key": "k", "operator": "Exists", "effect": "NoExecute" }],
                } },
            },
        })
    }

    fn wanted() -> Value {
        json!({
            "metadata": {
                "name": "a-master", "labels": { "app": "a" }, "annotations": {},
                "ownerReferences": [{ "uid": "u1", "kind": "AlluxioCluster" }], "finalizers": ["ours"],
            },
            "spec": {
                "replicas": 3,
                "template": { "spec": {
                    "containers": [{
                        "name": "master", "image": "i:1", "args": ["a", "b"],
                        "ports": [{ "containerPort": 19998 }],
                        "resources": { "limits": { "memory": "1024Mi", "cpu": "1000m" } },
                        "env": [{ "name": "SIZE", "value": "1Gi" }],
                        "securityContext": {},
                    }],
                    "initContainers": [],
                    "volumes": [{ "name": "v", "emptyDir": { "sizeLimit": "1024Mi" } }],
                    "tolerations": [{ "key": "k", "operator": "Exists" }],
                } },
            },
        })
    }

    #[test]
    fn defaults_quantities_and_others_fields_are_no_difference() {
        assert_eq!(difference(&wanted(), &live()), None);
    }

    #[test]
    fn what_somebody_changed_is_named() {
        for (at, value, expected) in [
            ("/spec/replicas", json!(2), "spec.replicas"),
            ("/metadata/labels/app", json!("b"), "metadata.labels.app"),
            ("/metadata/labels", json!({}), "metadata.labels.app"),
            ("/metadata/finalizers", json!(["theirs"]), "metadata.finalizers"),
            ("/metadata/ownerReferences", json!([]), "metadata.ownerReferences.u1"),
            (
                "/spec/template/spec/containers/1/image",
                json!("i:2"),
                "spec.template.spec.containers.master.image",
            ),
            (
                "/spec/template/spec/containers/1/args",
                json!(["a"]),
                "spec.template.spec.containers.master.args",
            ),
            (
                "/spec/template/spec/containers/1/ports/0/containerPort",
                json!(5),
                "spec.template.spec.containers.master.ports.19998",
            ),
            (
                "/spec/template/spec/containers/1/resources/limits/memory",
                json!("2Gi"),
                "spec.template.spec.containers.master.resources.limits.memory",
            ),
            (
                "/spec/template/spec/containers/1/env/0/value",
                json!("1024Mi"),
                "spec.template.spec.containers.master.env.SIZE.value",
            ),
            ("/spec/template/spec/tolerations", json!([]), "spec.template.spec.tolerations"),
            (
                "/spec/template/spec/tolerations/0/operator",
                json!("Equal"),
                "spec.template.spec.tolerations.0.operator",
            ),
        ] {
            let mut changed = live();
            *changed.pointer_mut(at).unwrap() = value;
            assert_eq!(difference(&wanted(), &changed).as_deref(), Some(expected), "{at}");
        }
    }

    #[test]
    fn a_false_or_zero_that_is_gone_is_a_difference() {
        assert_eq!(difference(&json!({ "a": false }), &json!({})).as_deref(), Some("a"));
        assert_eq!(difference(&json!({ "a": { "b": 0 } }), &json!({})).as_deref(), Some("a"));
        assert_eq!(difference(&json!({ "a": { "b": {} } }), &json!({})), None);
    }
}
