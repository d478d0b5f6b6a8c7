//! The Jobs that touch the journal in the operator's stead: one marks and formats it before the first master starts, one removes it; and
//! one that touches nothing, and tells which journals an image reads. All report one line of JSON as the container's termination message.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{config, container, env, labels, masters, metadata, names, overlay, placement, volumes};
use crate::validate::{Refusals, ValidatedCluster};

/// Where the kubelet reads the message from.
const REPORT: &str = "/dev/termination-log";
/// A Job that has not ended by then has failed.
const FORMAT_SECONDS: i64 = 600;
const DELETION_SECONDS: i64 = 110;
/// With the time that the image takes to be pulled.
const READS_SECONDS: i64 = 600;
/// How long masters of an earlier object of the name may take to end: their grace, and a session of ZooKeeper.
const USERS_END_SECONDS: &str = "90";

/// What the format Job is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormatRequest {
    /// The id in `status.journal.clusterId`: the journal must have it, and nothing is formatted.
    pub known: Option<String>,
    /// The id in the annotation `alluxio.org/adopt-journal`: a journal with it becomes this cluster's.
    pub adopt: Option<String>,
}

/// The Job that makes the journal this cluster's.
#[must_use]
pub fn format_job(cluster: &ValidatedCluster, request: &FormatRequest) -> Job {
    let identity = &cluster.identity;
    let mut words = vec!["claim".to_owned()];
    let mut option = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
    option("--owner", &identity.path());
    option("--uid", &identity.uid);
    option("--wait", USERS_END_SECONDS);
    if let Some(known) = &request.known {
        option("--known", known);
    }
    if let Some(adopt) = &request.adopt {
        option("--adopt", adopt);
    }
    job(cluster, names::format_job(&identity.name), "format", words, FORMAT_SECONDS, Reach::Journal)
}

/// The Job that tells which journals the masters' image reads.
#[must_use]
pub fn reads_job(cluster: &ValidatedCluster) -> Job {
    let name = names::reads_job(&cluster.identity.name);
    job(cluster, name, "reads", vec!["reads".to_owned()], READS_SECONDS, Reach::Nothing)
}

/// The Job that removes the journal, if it is this cluster's, and the cluster's folder in ZooKeeper.
#[must_use]
pub fn deletion_job(cluster: &ValidatedCluster, cluster_id: &str) -> Job {
    let identity = &cluster.identity;
    let words = ["remove", "--owner", &identity.path(), "--cluster", cluster_id].map(str::to_owned);
    job(
        cluster,
        names::deletion_job(&identity.name),
        "delete",
        words.to_vec(),
        DELETION_SECONDS,
        Reach::Journal,
    )
}

/// What a Job needs beside its image.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Journal,
    /// It may run before the settings and claims of the present spec are there.
    Nothing,
}

fn job(
    cluster: &ValidatedCluster,
    name: String,
    component: &str,
    words: Vec<String>,
    seconds: i64,
    reach: Reach,
) -> Job {
    let identity = &cluster.identity;
    let labels = labels::of_component(identity, component);
    let (volumes, env) = match reach {
        Reach::Journal => {
            let settings = config::master(cluster).metadata.name.unwrap_or_default();
            (volumes::of_job(cluster, &settings), env::of_job(cluster))
        }
        Reach::Nothing => (volumes::of_folders(), Vec::new()),
    };
    let command = ["alluxio", "clusterMarker"].map(str::to_owned).into_iter();
    let report = ["--report", REPORT].map(str::to_owned);
    let mut program = Container {
        name: component.to_owned(),
        image: Some(cluster.images.master.clone()),
        image_pull_policy: cluster.images.pull_policy.map(str::to_owned),
        args: Some(command.chain(words).chain(report).collect()),
        resources: Some(container::small()),
        security_context: Some(container::restricted()),
        termination_message_path: Some(REPORT.to_owned()),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    };
    container::equip(&mut program, &volumes, env);
    let plan = &cluster.masters.pod;
    let mut pod = container::pod(plan, &cluster.images, names::masters(&identity.name), &volumes);
    pod.restart_policy = Some("Never".to_owned());
    pod.termination_grace_period_seconds = None;
    pod.containers = vec![program];
    placement::job(&mut pod, &plan.scheduling);
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels.clone()), ..ObjectMeta::default() }),
        spec: Some(pod),
    };
    let users = plan.template.as_ref().map(|users| match reach {
        Reach::Journal => of_masters(users, component, &template),
        Reach::Nothing => PodTemplateSpec { metadata: None, spec: Some(placement::of_masters(users)) },
    });
    // What contradicts the operator's does so in the masters' pods too, and is refused there.
    let template = overlay::lay_over(template, users.as_ref(), "spec.masters", &mut Refusals::default());
    let mut metadata = metadata::owned(identity, name, labels);
    // Where the cluster is deleted in the foreground Kubernetes deletes what holds that up: one that removes the journal in the middle of its work, and with
    // one that makes it what it has said.
    for owner in metadata.owner_references.iter_mut().flatten() {
        owner.block_owner_deletion = Some(false);
    }
    Job {
        metadata,
        spec: Some(JobSpec {
            backoff_limit: Some(3),
            active_deadline_seconds: Some(seconds),
            template,
            ..JobSpec::default()
        }),
        status: None,
    }
}

/// Of the masters' pod template what a Job may need to reach the journal as they do: keytabs, authorities, names of hosts. Other containers are left
/// out: with them the Job would never end.
fn of_masters(users: &PodTemplateSpec, component: &str, jobs: &PodTemplateSpec) -> PodTemplateSpec {
    let empty = PodSpec::default();
    let spec = users.spec.as_ref().unwrap_or(&empty);
    let master = spec.containers.iter().find(|container| container.name == masters::CONTAINER).cloned();
    let Container { env, env_from, volume_mounts, .. } = master.unwrap_or_default();
    let volumes = |spec: &PodSpec| spec.volumes.iter().flatten().cloned().collect::<Vec<_>>();
    let theirs = volumes(spec);
    let known = [theirs.clone(), jobs.spec.as_ref().map(volumes).unwrap_or_default()].concat();
    // A volume of the masters' that the Job has not got is none that the journal needs.
    let mounts: Vec<_> = volume_mounts
        .into_iter()
        .flatten()
        .filter(|mount| known.iter().any(|volume| volume.name == mount.name))
        .collect();
    let volumes: Vec<_> =
        theirs.into_iter().filter(|volume| mounts.iter().any(|mount| mount.name == volume.name)).collect();
    let program = Container {
        name: component.to_owned(),
        env,
        env_from,
        volume_mounts: (!mounts.is_empty()).then_some(mounts),
        ..Container::default()
    };
    PodTemplateSpec {
        metadata: users.metadata.clone(),
        spec: Some(PodSpec {
            containers: vec![program],
            volumes: (!volumes.is_empty()).then_some(volumes),
            host_aliases: spec.host_aliases.clone(),
            dns_policy: spec.dns_policy.clone(),
            dns_config: spec.dns_config.clone(),
            ..placement::of_masters(users)
        }),
    }
}
