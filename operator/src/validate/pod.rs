//! What masters and workers have in common as pods.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;

use super::{Refusals, owned, properties, raw};
use crate::crd::{EnvVar, Network, Probes, Quantity, Resources, Scheduling};

/// A pod as it shall be, apart from its role.
#[derive(Clone, Debug, PartialEq)]
pub struct PodPlan {
    pub resources: core::ResourceRequirements,
    /// As the user wrote them; what is missing there is the operator's choice, and a new release may choose otherwise.
    pub asked_resources: Option<Resources>,
    pub network: Network,
    pub rpc_port: i32,
    pub web_port: i32,
    pub probes: Probes,
    pub scheduling: SchedulingPlan,
    pub env: EnvPlan,
    pub grace_seconds: i64,
    /// As the user wrote it.
    pub asked_grace_seconds: Option<i32>,
    /// What the user lays over the operator's template.
    pub template: Option<core::PodTemplateSpec>,
}

/// On which nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SchedulingPlan {
    pub node_selector: BTreeMap<String, String>,
    pub affinity: Option<core::Affinity>,
    pub tolerations: Vec<core::Toleration>,
    pub priority_class_name: Option<String>,
}

/// The user's environment variables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnvPlan {
    /// The text of variables with Java options, by name: the operator has options of its own.
    pub java_opts: BTreeMap<&'static str, String>,
    /// The others.
    pub others: Vec<core::EnvVar>,
}

pub(super) fn scheduling(scheduling: &Scheduling, owner: &str, refusals: &mut Refusals) -> SchedulingPlan {
    let Scheduling { node_selector, affinity, tolerations, priority_class_name } = scheduling;
    let tolerations = tolerations.iter().map(|toleration| core::Toleration {
        key: toleration.key.clone(),
        operator: toleration.operator.map(|operator| format!("{operator:?}")),
        value: toleration.value.clone(),
        effect: toleration.effect.map(|effect| format!("{effect:?}")),
        toleration_seconds: toleration.toleration_seconds,
    });
    SchedulingPlan {
        node_selector: node_selector.clone(),
        affinity: raw::read(affinity.as_ref(), &format!("{owner}.scheduling.affinity"), refusals),
        tolerations: tolerations.collect(),
        priority_class_name: priority_class_name.clone(),
    }
}

pub(super) fn env(env: &[EnvVar], owner: &str, refusals: &mut Refusals) -> EnvPlan {
    let mut plan = EnvPlan::default();
    for variable in env {
        let field = format!("{owner}.env[{}]", variable.name);
        if let Some(advice) = owned::instead_of_variable(&variable.name) {
            refusals.invalid(field, "is set by the operator", advice);
            continue;
        }
        let java_opts = owned::JAVA_OPTS.into_iter().find(|name| *name == variable.name);
        match (java_opts, &variable.value_from) {
            (Some(name), None) => {
                let text = variable.value.clone().unwrap_or_default();
                properties::check_java_opts(&field, &text, refusals);
                plan.java_opts.insert(name, text);
            }
            (Some(_), Some(_)) => refusals.invalid(
                format!("{field}.valueFrom"),
                "cannot be checked for properties that the operator sets",
                "write the options out in value",
            ),
            (None, _) => {
                if reads_as_credential(&variable.name, variable.value.as_deref()) {
                    refusals.invalid(format!("{field}.value"), CREDENTIAL, INTO_A_SECRET);
                }
                plan.others.push(variable_of(variable));
            }
        }
    }
    plan
}

pub(super) const CREDENTIAL: &str =
    "reads like a credential, and everybody who may read this object could read it";
pub(super) const INTO_A_SECRET: &str = "put it into a Secret and use valueFrom.secretKeyRef";

/// Whether a variable's name says that its value is a secret. Not by every word: PASSWORD_FILE is a path.
pub(super) fn reads_as_credential(name: &str, value: Option<&str>) -> bool {
    let name = name.to_ascii_uppercase();
    let mut ends = ["PASSWORD", "SECRET", "SECRET_KEY", "SECRET_ACCESS_KEY", "TOKEN"].iter();
    value.is_some_and(|value| !value.is_empty()) && ends.any(|end| name.ends_with(end))
}

fn variable_of(variable: &EnvVar) -> core::EnvVar {
    let source = variable.value_from.as_ref().map(|source| core::EnvVarSource {
        secret_key_ref: source.secret_key_ref.as_ref().map(|key| core::SecretKeySelector {
            name: key.name.clone(),
            key: key.key.clone(),
            optional: None,
        }),
        config_map_key_ref: source.config_map_key_ref.as_ref().map(|key| core::ConfigMapKeySelector {
            name: key.name.clone(),
            key: key.key.clone(),
            optional: None,
        }),
        field_ref: source.field_ref.as_ref().map(|field| core::ObjectFieldSelector {
            api_version: None,
            field_path: field.field_path.clone(),
        }),
        ..core::EnvVarSource::default()
    });
    core::EnvVar { name: variable.name.clone(), value: variable.value.clone(), value_from: source }
}

/// Reads all amounts, and holds requests against limits.
pub(super) fn resources(
    resources: &Resources,
    owner: &str,
    refusals: &mut Refusals,
) -> core::ResourceRequirements {
    let field = format!("{owner}.resources");
    for (name, request) in &resources.requests {
        let Some(asked) = amount(request, &format!("{field}.requests.{name}"), refusals) else { continue };
        let Some(limit) = resources.limits.get(name) else { continue };
        if limit.thousandths().is_ok_and(|limit| limit < asked) {
            refusals.invalid(
                format!("{field}.requests.{name}"),
                format!("is {request}, more than the limit {limit}"),
                format!("write at most {limit}, or raise resources.limits.{name}"),
            );
        }
    }
    for (name, limit) in &resources.limits {
        amount(limit, &format!("{field}.limits.{name}"), refusals);
    }
    let amounts = |amounts: &BTreeMap<String, Quantity>| {
        let amounts: BTreeMap<String, _> =
            amounts.iter().map(|(name, amount)| (name.clone(), amount.to_kubernetes())).collect();
        (!amounts.is_empty()).then_some(amounts)
    };
    core::ResourceRequirements {
        claims: None,
        limits: amounts(&resources.limits),
        requests: amounts(&resources.requests),
    }
}

/// Amounts by name.
pub(super) fn amounts<const N: usize>(amounts: [(&str, &str); N]) -> BTreeMap<String, Quantity> {
    amounts.into_iter().map(|(name, amount)| (name.to_owned(), Quantity(amount.to_owned()))).collect()
}

fn amount(quantity: &Quantity, field: &str, refusals: &mut Refusals) -> Option<u64> {
    match quantity.thousandths() {
        Ok(amount) => Some(amount),
        Err(error) => {
            refusals.invalid(field, format!("is {:?}", quantity.0), error.to_string());
            None
        }
    }
}

/// Bytes, more than none.
pub(super) fn bytes(quantity: &Quantity, field: &str, refusals: &mut Refusals) -> Option<u64> {
    match quantity.whole() {
        Ok(0) => {
            refusals.invalid(field, "is 0", "write a number of bytes, such as 1Gi");
            None
        }
        Ok(bytes) => Some(bytes),
        Err(error) => {
            refusals.invalid(field, format!("is {:?}", quantity.0), error.to_string());
            None
        }
    }
}
