//! The user's pod template: what its variables may say of Alluxio's own container, and that it chooses no nodes for workers. Variables would count
//! more there than the operator's settings, so the rules of `env` hold for them too.

use k8s_openapi::api::core::v1::{EnvVar, PodTemplateSpec};

use super::{Refusals, owned, pod, raw};

pub(super) fn read(
    template: Option<&crate::crd::Raw>,
    owner: &str,
    container: &str,
    refusals: &mut Refusals,
) -> Option<PodTemplateSpec> {
    let field = format!("{owner}.podTemplate");
    let template: PodTemplateSpec = raw::read(template, &field, refusals)?;
    let containers = template.spec.iter().flat_map(|spec| &spec.containers);
    for ours in containers.filter(|of_template| of_template.name == container) {
        let field = format!("{field}.spec.containers[{container}]");
        if ours.env_from.as_ref().is_some_and(|sources| !sources.is_empty()) {
            refusals.invalid(
                format!("{field}.envFrom"),
                "may set what the operator sets, and cannot be looked into",
                format!("name each variable in {owner}.env, with valueFrom"),
            );
        }
        for variable in ours.env.iter().flatten() {
            check(variable, &format!("{field}.env[{}]", variable.name), owner, refusals);
        }
    }
    Some(template)
}

/// What limits a group's workers to nodes has to be known where it is decided which workers stay, and the operator adds terms of its own.
pub(super) fn check_placement(template: Option<&PodTemplateSpec>, owner: &str, refusals: &mut Refusals) {
    let Some(pod) = template.and_then(|template| template.spec.as_ref()) else { return };
    for (there, field) in
        [(pod.node_selector.is_some(), "nodeSelector"), (pod.affinity.is_some(), "affinity")]
    {
        if there {
            refusals.invalid(
                format!("{owner}.podTemplate.spec.{field}"),
                "is not looked at when it is decided where workers stay",
                format!("use {owner}.scheduling.{field}"),
            );
        }
    }
}

fn check(variable: &EnvVar, field: &str, owner: &str, refusals: &mut Refusals) {
    if let Some(advice) = owned::instead_of_variable(&variable.name) {
        refusals.invalid(field, "is set by the operator", advice);
    } else if owned::JAVA_OPTS.contains(&variable.name.as_str()) {
        refusals.invalid(
            field,
            "has properties, which the operator must know",
            format!("use {owner}.env, or spec.properties"),
        );
    } else if pod::reads_as_credential(&variable.name, variable.value.as_deref()) {
        refusals.invalid(format!("{field}.value"), pod::CREDENTIAL, pod::INTO_A_SECRET);
    }
}
