//! What the API server and `kubectl` need of the definition.

use std::path::PathBuf;

use super::*;

fn schema() -> Value {
    let definition = serde_json::to_value(definition().expect("is made")).expect("is JSON");
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// Calls `check` with every field of the schema and its path.
fn each(schema: &Value, path: &str, check: &mut impl FnMut(&str, &Map<String, Value>)) {
    let Some(fields) = schema.as_object() else { return };
    check(path, fields);
    for (name, field) in fields.get("properties").and_then(Value::as_object).into_iter().flatten() {
        each(field, &format!("{path}.{name}"), check);
    }
    for below in ["items", "additionalProperties"] {
        if let Some(schema) = fields.get(below) {
            each(schema, &format!("{path}[]"), check);
        }
    }
}

fn wrong(mut is_wrong: impl FnMut(&str, &Map<String, Value>) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    each(&schema(), "", &mut |path, fields| {
        if is_wrong(path, fields) {
            found.push(path.to_owned());
        }
    });
    found
}

#[test]
fn the_file_in_crds_is_not_stale() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crds/alluxioclusters.yaml");
    let made = yaml().expect("is made");
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("has a folder")).expect("writable");
        std::fs::write(&path, &made).expect("writable");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(made == kept, "crds/alluxioclusters.yaml is stale: run `make crds` and look at what changed");
}

#[test]
fn plain_apply_can_keep_it() {
    // kubectl writes the whole object into an annotation, and those may have 256 KiB.
    let json = serde_json::to_string(&definition().expect("is made")).expect("is JSON");
    assert!(json.len() <= 200_000, "{} bytes", json.len());
}

#[test]
fn everything_has_a_description() {
    let silent = |path: &str, fields: &Map<String, Value>| {
        let is_field = !path.is_empty() && !path.ends_with("[]");
        is_field && fields.get("description").and_then(Value::as_str).is_none_or(|text| text.len() < 8)
    };
    assert_eq!(wrong(silent), Vec::<String>::new());
}

#[test]
fn every_list_map_and_text_has_a_bound() {
    let unbound = |_: &str, fields: &Map<String, Value>| {
        let kept_raw = fields.contains_key("x-kubernetes-preserve-unknown-fields");
        match fields.get("type").and_then(Value::as_str) {
            Some("array") => !fields.contains_key("maxItems"),
            Some("object") if !kept_raw && !fields.contains_key("properties") => {
                !fields.contains_key("maxProperties")
            }
            Some("string") => !fields.contains_key("maxLength") && !fields.contains_key("enum"),
            _ => false,
        }
    };
    // The metadata is the API server's own.
    let found: Vec<String> = wrong(unbound).into_iter().filter(|path| path != ".metadata").collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn every_number_of_the_spec_has_a_range() {
    let endless = |path: &str, fields: &Map<String, Value>| {
        let number = fields.get("type").and_then(Value::as_str) == Some("integer");
        number
            && path.starts_with(".spec")
            && !(fields.contains_key("minimum") && fields.contains_key("maximum"))
    };
    // A toleration's seconds may be anything, as Kubernetes has it.
    let found: Vec<String> =
        wrong(endless).into_iter().filter(|path| !path.ends_with("tolerationSeconds")).collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn nothing_is_left_that_the_api_server_refuses() {
    let refused = |_: &str, fields: &Map<String, Value>| {
        let format = fields.get("format").and_then(Value::as_str);
        let has_type = ["type", "x-kubernetes-int-or-string"].iter().any(|key| fields.contains_key(*key));
        ["nullable", "oneOf", "anyOf", "$ref", "const", "title"].iter().any(|key| fields.contains_key(*key))
            || format.is_some_and(|format| !["int32", "int64"].contains(&format))
            || !has_type
    };
    let found: Vec<String> = wrong(refused).into_iter().filter(|path| !path.is_empty()).collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn defaults_reach_below_what_is_left_out() {
    let spec = &schema()["properties"]["spec"];
    assert_eq!(spec["properties"]["masters"]["default"]["count"], 1);
    assert_eq!(spec["properties"]["masters"]["properties"]["count"]["default"], 1);
    assert_eq!(spec["properties"]["workers"]["default"][0]["name"], "default");
    assert_eq!(spec["properties"]["deletionPolicy"]["default"], "Retain");
    assert_eq!(spec["required"], json!(["underStorage"]));
}

#[test]
fn a_rule_is_attached_where_it_says() {
    let workers = &schema()["properties"]["spec"]["properties"]["workers"]["items"];
    let rules = workers["x-kubernetes-validations"].as_array().expect("has rules");
    assert!(rules.iter().any(|rule| rule["rule"] == "self.kind == oldSelf.kind"), "{rules:?}");
    let mut nowhere = schema();
    let rule = Rule { at: "spec.nothing", rule: "true", message: "never" };
    assert!(matches!(attach(&mut nowhere, &rule), Err(DefinitionError::NoSuchField("spec.nothing"))));
}

#[test]
fn the_columns_and_the_scale_subresource_read_fields_that_exist() {
    let definition = definition().expect("is made");
    let version = &definition.spec.versions[0];
    let mut paths: Vec<&str> = version
        .additional_printer_columns
        .iter()
        .flatten()
        .map(|column| column.json_path.as_str())
        .filter(|path| !path.starts_with(".metadata"))
        .collect();
    let scale = version.subresources.as_ref().and_then(|sub| sub.scale.as_ref()).expect("scales");
    paths.extend([scale.spec_replicas_path.as_str(), scale.status_replicas_path.as_str()]);
    paths.extend(scale.label_selector_path.as_deref());
    assert_eq!(paths.len(), 8);
    let mut schema = schema();
    for path in paths {
        assert!(field(&mut schema, path).is_some(), "{path}");
    }
    assert_eq!(definition.spec.names.short_names, Some(vec!["alx".to_owned()]));
}
