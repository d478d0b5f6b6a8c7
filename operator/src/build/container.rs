//! Containers and the pods around them: rights, probes, ports.

use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EnvVar, HTTPGetAction, LocalObjectReference, PodSecurityContext,
    PodSpec, Probe, ResourceRequirements, SeccompProfile, SecurityContext, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::volumes::Mounted;
use crate::crd::{Network, Probes};
use crate::validate::{ImagePlan, PodPlan};

/// The user and group of the images.
pub(super) const UID: i64 = 1000;

/// The annotation that has `kubectl exec` and `kubectl logs` choose the right container.
pub(super) const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// The name of the port for clients.
pub const RPC: &str = "rpc";
/// The name of the port with the web pages.
pub const WEB: &str = "web";

/// The container of a server.
pub(super) fn server(name: &str, image: &str, role: &str, plan: &PodPlan, pull: Option<&str>) -> Container {
    Container {
        name: name.to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: pull.map(str::to_owned),
        args: Some(vec![role.to_owned(), "--no-format".to_owned()]),
        ports: Some(ports(plan)),
        resources: Some(plan.resources.clone()),
        startup_probe: Some(startup(&plan.probes)),
        liveness_probe: Some(liveness(&plan.probes)),
        readiness_probe: Some(readiness(&plan.probes)),
        security_context: Some(restricted()),
        // Why it ended is then in the pod's status, and so in the cluster's.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    }
}

/// A pod around containers, as the pod security level `restricted` wants it.
pub(super) fn pod(
    plan: &PodPlan,
    images: &ImagePlan,
    service_account: String,
    volumes: &[Mounted],
) -> PodSpec {
    let secrets = images.pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() });
    let secrets: Vec<_> = secrets.collect();
    let host = plan.network == Network::Host;
    PodSpec {
        service_account_name: Some(service_account),
        automount_service_account_token: Some(false),
        // Names of all services as variables are of no use, and many.
        enable_service_links: Some(false),
        host_network: host.then_some(true),
        dns_policy: host.then(|| "ClusterFirstWithHostNet".to_owned()),
        image_pull_secrets: (!secrets.is_empty()).then_some(secrets),
        termination_grace_period_seconds: Some(plan.grace_seconds),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(UID),
            run_as_group: Some(UID),
            fs_group: Some(UID),
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            seccomp_profile: Some(runtime_default()),
            ..PodSecurityContext::default()
        }),
        priority_class_name: plan.scheduling.priority_class_name.clone(),
        tolerations: (!plan.scheduling.tolerations.is_empty()).then(|| plan.scheduling.tolerations.clone()),
        volumes: Some(volumes.iter().map(|mounted| mounted.volume.clone()).collect()),
        ..PodSpec::default()
    }
}

/// Where a container has its volumes and what it reads from its environment.
pub(super) fn equip(container: &mut Container, volumes: &[Mounted], mut env: Vec<EnvVar>) {
    if cfg!(feature = "next-template") {
        env.push(EnvVar { name: "NEXT_TEMPLATE".to_owned(), value: Some("1".to_owned()), value_from: None });
    }
    let mounts: Vec<VolumeMount> = volumes.iter().map(|mounted| mounted.mount.clone()).collect();
    container.volume_mounts = Some(mounts);
    container.env = (!env.is_empty()).then_some(env);
}

/// For what runs for a moment. Namespaces with a quota take no pod that says nothing.
pub(super) fn small() -> ResourceRequirements {
    let amounts = |cpu: &str, memory: &str| {
        let amounts = [("cpu", cpu), ("memory", memory)];
        Some(amounts.map(|(name, amount)| (name.to_owned(), Quantity(amount.to_owned()))).into())
    };
    ResourceRequirements { requests: amounts("100m", "128Mi"), limits: amounts("1", "256Mi"), claims: None }
}

fn runtime_default() -> SeccompProfile {
    SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }
}

/// No rights at all.
pub(super) fn restricted() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        ..SecurityContext::default()
    }
}

/// Root, who may change owners and nothing else.
pub(super) fn may_change_owners() -> SecurityContext {
    SecurityContext {
        run_as_non_root: Some(false),
        run_as_user: Some(0),
        run_as_group: Some(0),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            add: Some(vec!["CHOWN".to_owned()]),
        }),
        ..restricted()
    }
}

fn ports(plan: &PodPlan) -> Vec<ContainerPort> {
    [(RPC, plan.rpc_port), (WEB, plan.web_port)]
        .into_iter()
        .map(|(name, port)| ContainerPort {
            name: Some(name.to_owned()),
            container_port: port,
            // The API server sets it for pods on the node's network; said here, the two never differ.
            host_port: (plan.network == Network::Host).then_some(port),
            protocol: Some("TCP".to_owned()),
            host_ip: None,
        })
        .collect()
}

fn get(path: &str) -> HTTPGetAction {
    HTTPGetAction {
        path: Some(path.to_owned()),
        port: IntOrString::String(WEB.to_owned()),
        scheme: Some("HTTP".to_owned()),
        ..HTTPGetAction::default()
    }
}

fn probe(path: &str, probes: &Probes, failure_threshold: i32) -> Probe {
    Probe {
        http_get: Some(get(path)),
        period_seconds: Some(probes.period_seconds),
        timeout_seconds: Some(probes.timeout_seconds),
        failure_threshold: Some(failure_threshold),
        success_threshold: Some(1),
        ..Probe::default()
    }
}

/// `/livez` answers as soon as the process runs, also while a journal is loaded: no load is cut short.
fn startup(probes: &Probes) -> Probe {
    let period = probes.period_seconds.max(1);
    probe("/livez", probes, probes.startup_seconds.max(1).div_euclid(period).max(1))
}

/// It looks at the process alone, so that no outage elsewhere has everything restarted; and it is patient.
fn liveness(probes: &Probes) -> Probe {
    probe("/livez", probes, probes.failure_threshold.saturating_mul(3))
}

/// A standby that is close behind the leader is ready, too.
fn readiness(probes: &Probes) -> Probe {
    probe("/readyz", probes, probes.failure_threshold)
}
