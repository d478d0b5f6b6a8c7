//! `spec.properties`, and properties in environment variables with Java options: which are the operator's, which are
//! credentials, and whether Alluxio takes the rest.

use std::collections::BTreeMap;

use alluxio_conf::{ConfError, Configuration, Role, Scope};

use super::{Refusals, owned};

/// The properties of each role: a change of one that only workers read restarts no master.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropertyPlan {
    pub master: BTreeMap<String, String>,
    pub worker: BTreeMap<String, String>,
}

/// What the operator sets where it depends on the pod; a value may refer to it.
const SET_IN_PODS: [(&str, &str); 2] =
    [("alluxio.master.hostname", "master"), ("alluxio.worker.hostname", "worker")];

const FIELD: &str = "spec.properties";

pub(super) fn check(properties: &BTreeMap<String, String>, refusals: &mut Refusals) -> PropertyPlan {
    let mut plan = PropertyPlan::default();
    let mut taken: Vec<(&str, &str)> = Vec::new();
    for (name, value) in properties {
        if !is_users(&format!("{FIELD}[{name}]"), name, refusals) {
            continue;
        }
        taken.push((name, value));
        let scope = alluxio_conf::describe(name).map_or(Scope::All, |row| row.scope);
        // Masters tell clients what has a client's scope.
        if scope.includes(Role::Master) || scope == Scope::Client || scope == Scope::None {
            plan.master.insert(name.clone(), value.clone());
        }
        if scope.includes(Role::Worker) {
            plan.worker.insert(name.clone(), value.clone());
        }
    }
    values(&taken, |name| format!("{FIELD}[{name}]"), refusals);
    plan
}

/// The text of an environment variable with Java options.
pub(super) fn check_java_opts(field: &str, text: &str, refusals: &mut Refusals) {
    let properties = alluxio_conf::properties_of(text);
    let users: Vec<&(String, String)> = properties
        .iter()
        .filter(|(name, _)| is_users(&format!("{field} (-D{name})"), name, refusals))
        .collect();
    // What a variable stands for is known in the pod only.
    let known: Vec<(&str, &str)> = users
        .iter()
        .filter(|(name, value)| {
            !value.is_empty() && (alluxio_conf::describe(name).is_some() || name.starts_with("alluxio."))
        })
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    values(&known, |name| format!("{field} (-D{name})"), refusals);
}

/// Whether the user may set this: neither the operator's own nor a credential.
fn is_users(field: &str, name: &str, refusals: &mut Refusals) -> bool {
    if let Some(advice) = owned::instead_of_property(name) {
        refusals.invalid(field, "is set by the operator", advice);
        return false;
    }
    if is_credential(name) {
        refusals.invalid(
            field,
            "is a credential, and everybody who may read this object could read it",
            "put it into a Secret and name that in spec.underStorage.root.credentials or \
             spec.underStorage.mounts[].credentials",
        );
        return false;
    }
    true
}

/// Whether a name is that of a credential, by Alluxio's table or by how it sounds.
pub(super) fn is_credential(name: &str) -> bool {
    alluxio_conf::is_secret(name) || alluxio_conf::shown_option(name, "value") == alluxio_conf::MASKED
}

fn values(properties: &[(&str, &str)], field: impl Fn(&str) -> String, refusals: &mut Refusals) {
    let all: Vec<(&str, &str)> = SET_IN_PODS.into_iter().chain(properties.iter().copied()).collect();
    if let Err(error) = Configuration::defaults().with(&all) {
        explain(error, &field, refusals);
    }
}

/// Turns what the configuration says into refusals.
pub(super) fn explain(error: ConfError, field: &impl Fn(&str) -> String, refusals: &mut Refusals) {
    match error {
        ConfError::Several(errors) => errors.into_iter().for_each(|error| explain(error, field, refusals)),
        ConfError::UnknownKey { key, nearest, .. } => refusals.invalid(
            field(&key),
            "is no property of Alluxio",
            nearest.map_or("take it out".to_owned(), |nearest| format!("write {nearest}, if that is meant")),
        ),
        ConfError::RemovedKey { key, since, use_instead, .. } => refusals.invalid(
            field(&key),
            format!("was removed in Alluxio {since}"),
            if use_instead.is_empty() { "take it out".to_owned() } else { format!("use {use_instead}") },
        ),
        ConfError::BadValue { key, value, expected, .. } => {
            refusals.invalid(field(&key), format!("is {value:?}"), expected);
        }
        ConfError::UnsetReference { key, value, reference, .. } => refusals.invalid(
            field(&key),
            format!("is {value:?}, and {reference} has no value"),
            "set that, or write the value out",
        ),
        ConfError::UnknownReference { key, value, reference, nearest, .. } => refusals.invalid(
            field(&key),
            format!("is {value:?}, and {reference} is no property"),
            nearest.map_or("write the value out".to_owned(), |nearest| {
                format!("write {nearest}, if that is meant")
            }),
        ),
        other => refusals.invalid(FIELD, other.to_string(), "correct it"),
    }
}
