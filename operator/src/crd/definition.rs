//! The whole definition, as `alluxio-operator crd` prints it: what the types say, tidied, with the rules.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Value, json};

use super::AlluxioCluster;
use super::rules::{RULES, Rule};

/// Why there is no definition. Only a mistake in this crate makes one; `the_definition_is_made` would show it.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    #[error("the definition is no JSON of a CustomResourceDefinition: {0}")]
    Json(#[from] serde_json::Error),
    #[error("a rule is attached to {0}, which is no field")]
    NoSuchField(&'static str),
}

/// The definition of the resource.
///
/// # Errors
/// When a rule names a field that the types do not have.
pub fn definition() -> Result<CustomResourceDefinition, DefinitionError> {
    let mut definition = serde_json::to_value(AlluxioCluster::crd())?;
    let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    tidy(schema);
    for rule in RULES {
        attach(schema, rule)?;
    }
    Ok(serde_json::from_value(definition)?)
}

/// The definition as YAML.
///
/// # Errors
/// As [`definition`].
pub fn yaml() -> anyhow::Result<String> {
    crate::yaml::to_string(&definition()?)
}

/// Takes out what only schemars needs. Without `nullable` the API server drops a null as if the field was not there. Empty lists and maps are
/// no defaults worth storing; empty objects are: defaults reach what is below them, and rules can look into them.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.remove("nullable");
            let is_object = fields.contains_key("properties");
            if fields
                .get("default")
                .is_some_and(|default| is_empty(default) && !(is_object && default.is_object()))
            {
                fields.remove("default");
            }
            fields.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn attach(schema: &mut Value, rule: &Rule) -> Result<(), DefinitionError> {
    let field = field(schema, rule.at).ok_or(DefinitionError::NoSuchField(rule.at))?;
    let entry = json!({ "rule": rule.rule, "message": rule.message });
    match field.entry("x-kubernetes-validations").or_insert_with(|| json!([])) {
        Value::Array(rules) => rules.push(entry),
        _ => return Err(DefinitionError::NoSuchField(rule.at)),
    }
    Ok(())
}

fn field<'a>(schema: &'a mut Value, path: &str) -> Option<&'a mut Map<String, Value>> {
    let mut at = schema;
    for name in path.split('.').filter(|name| !name.is_empty()) {
        at = at.get_mut("properties")?.get_mut(name.trim_end_matches("[]"))?;
        if name.ends_with("[]") {
            at = at.get_mut("items")?;
        }
    }
    at.as_object_mut()
}

#[cfg(test)]
#[path = "definition_tests.rs"]
mod tests;
