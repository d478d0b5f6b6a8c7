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
    merged.merge_from(operators);
    let (wanted, got) = (serde_json::to_value(users), serde_json::to_value(&merged));
    if let (Ok(wanted), Ok(got)) = (wanted, got) {
        for path in overruled(&wanted, &got) {
            refusals.invalid(
                format!("{owner}.podTemplate.{path}"),
                "is set by the operator",
                "take it out; what can be chosen has a field of its own",
            );
        }
    }
    merged
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
    let named = ["name", "mountPath", "containerPort", "ip"].iter().find_map(|key| Some((*key, item.get(*key)?)));
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
