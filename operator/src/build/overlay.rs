//! The user's pod template, laid over the operator's. Where both say something, the operator's holds; and since that would be a
//! surprise, it is refused.

use k8s_openapi::DeepMerge;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::Value;

use crate::validate::Refusals;

/// Merges both; `owner` is the field that holds the user's.
pub(super) fn lay_over(
    operators: PodTemplateSpec,
    users: Option<&PodTemplateSpec>,
    owner: &str,
    refusals: &mut Refusals,
) -> PodTemplateSpec {
    let Some(users) = users else { return operators };
    let mut merged = operators.clone();
    merged.merge_from(users.clone());
    // Again, so that the operator's holds; the first time gave the order of lists.
    merged.merge_from(operators.clone());
    // All three are objects of Kubernetes, which are text and numbers.
    let json = |template: &PodTemplateSpec| serde_json::to_value(template).unwrap_or(Value::Null);
    let (operators, users, got) = (json(&operators), json(users), json(&merged));
    let mut paths = overruled(&users, &got);
    paths.extend(mixed(&operators["spec"], &got["spec"]).into_iter().map(|path| join("spec", &path)));
    for path in paths {
        refusals.invalid(
            format!("{owner}.podTemplate.{path}"),
            "is set by the operator",
            "take it out; what can be chosen has a field of its own",
        );
    }
    merged
}

/// Volumes and variables of the operator that the user's have got mixed up with: both have one kind of source of many.
fn mixed(operators: &Value, got: &Value) -> Vec<String> {
    let mut paths = changed("volumes", operators, got);
    for container in operators["containers"].as_array().into_iter().flatten() {
        let Some(merged) = named(&got["containers"], &container["name"]) else { continue };
        let owner = format!("containers[{}]", container["name"].as_str().unwrap_or_default());
        paths.extend(changed("env", container, merged).into_iter().map(|path| join(&owner, &path)));
    }
    paths
}

fn changed(list: &str, operators: &Value, got: &Value) -> Vec<String> {
    let items = operators[list].as_array().into_iter().flatten();
    let changed = items.filter(|item| named(&got[list], &item["name"]).is_some_and(|got| got != *item));
    changed.map(|item| format!("{list}[{}]", item["name"].as_str().unwrap_or_default())).collect()
}

fn named<'a>(list: &'a Value, name: &Value) -> Option<&'a Value> {
    list.as_array()?.iter().find(|item| item["name"] == *name)
}

/// The paths of what was wanted and not got.
fn overruled(wanted: &Value, got: &Value) -> Vec<String> {
    match (wanted, got) {
        (Value::Object(wanted), Value::Object(got)) => {
            let below = |(name, value): (&String, &Value)| {
                let paths = got.get(name).map_or_else(|| vec![String::new()], |got| overruled(value, got));
                paths.into_iter().map(|path| join(name, &path)).collect::<Vec<_>>()
            };
            wanted.iter().flat_map(below).collect()
        }
        (Value::Array(wanted), Value::Array(got)) => {
            wanted.iter().enumerate().flat_map(|(at, item)| in_list(at, item, got)).collect()
        }
        _ if wanted == got => Vec::new(),
        _ => vec![String::new()],
    }
}

/// An item of a list is found by what names it, else by its contents.
fn in_list(at: usize, item: &Value, list: &[Value]) -> Vec<String> {
    if list.iter().any(|got| overruled(item, got).is_empty()) {
        return Vec::new();
    }
    let named =
        ["mountPath", "containerPort", "ip", "name"].iter().find_map(|key| Some((*key, item.get(*key)?)));
    let same = named.and_then(|(key, name)| list.iter().find(|got| got.get(key) == Some(name)));
    match (same, named) {
        (Some(got), Some((_, name))) => {
            let shown = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
            overruled(item, got).into_iter().map(|path| join(&format!("[{shown}]"), &path)).collect()
        }
        _ => vec![format!("[{at}]")],
    }
}

fn join(name: &str, path: &str) -> String {
    match path {
        "" => name.to_owned(),
        path if path.starts_with('[') => format!("{name}{path}"),
        path => format!("{name}.{path}"),
    }
}
