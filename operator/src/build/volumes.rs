//! Volumes, each with the place where it is mounted.

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, EphemeralVolumeSource, HostPathVolumeSource, KeyToPath,
    PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate,
    PersistentVolumeClaimVolumeSource, SecretVolumeSource, Volume, VolumeMount, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{hash, site};
use crate::crd::{MediumType, Quantity};
use crate::validate::{
    HadoopPlan, JournalPlan, MountPlan, Reference, RootSource, ShortCircuitPlan, TierPlan, ValidatedCluster,
    VolumePlan, WorkerPlan,
};

/// Where the settings are, as in the original's images.
const CONF_FOLDER: &str = "/opt/alluxio/conf";
/// Where the journal's claim is.
pub(super) const JOURNAL_FOLDER: &str = "/journal";
/// Where the root's claim or folder is.
pub(super) const ROOT_FOLDER: &str = "/underfs";
const LOGIN_FOLDER: &str = "/etc/alluxio-zookeeper";
const HADOOP_FOLDER: &str = "/etc/hadoop";
const TEMPORARY_SIZE: &str = "1Gi";
/// Readable by the pod's group only.
const SECRET_MODE: i32 = 0o440;

/// Whose Hadoop configuration it is.
pub(super) const JOURNAL: &str = "journal";
pub(super) const ROOT: &str = "root";

/// A volume and where it is mounted.
pub(super) struct Mounted {
    pub volume: Volume,
    pub mount: VolumeMount,
}

fn mounted(volume: Volume, path: &str, read_only: bool) -> Mounted {
    let mount = VolumeMount {
        name: volume.name.clone(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    };
    Mounted { volume, mount }
}

/// What a volume shows, if that is a ConfigMap or a Secret.
pub(super) fn reference(volume: &Volume) -> Option<Reference> {
    let secret = volume.secret.as_ref().and_then(|secret| secret.secret_name.clone());
    let config_map = volume.config_map.as_ref().map(|config_map| config_map.name.clone());
    secret.map(Reference::Secret).or_else(|| config_map.map(Reference::ConfigMap))
}

/// What a master mounts.
pub(super) fn of_master(cluster: &ValidatedCluster, config_map: &str) -> Vec<Mounted> {
    let mut all = vec![
        settings(config_map),
        mounted(empty("work", None, Some(cluster.masters.storage_limit.clone())), site::WORK_FOLDER, false),
        temporary(),
    ];
    all.extend(journal(cluster));
    all.extend(root(cluster));
    all.extend(login(cluster));
    all.extend(hadoop_of_storages(cluster));
    all
}

/// What any program needs, where the root of its files cannot be written.
pub(super) fn of_folders() -> Vec<Mounted> {
    vec![mounted(empty("work", None, None), site::WORK_FOLDER, false), temporary()]
}

/// What the Jobs mount: what is needed to reach the journal and ZooKeeper.
pub(super) fn of_job(cluster: &ValidatedCluster, config_map: &str) -> Vec<Mounted> {
    let mut all = vec![settings(config_map)];
    all.extend(of_folders());
    all.extend(journal(cluster));
    all.extend(login(cluster));
    all
}

/// What a worker mounts.
pub(super) fn of_worker(cluster: &ValidatedCluster, group: &WorkerPlan, config_map: &str) -> Vec<Mounted> {
    let mut all =
        vec![settings(config_map), mounted(empty("work", None, None), site::WORK_FOLDER, false), temporary()];
    all.extend(root(cluster));
    all.extend(login(cluster));
    all.extend(hadoop_of_storages(cluster));
    for (at, tier) in group.tiers.iter().enumerate() {
        all.push(mounted(tier_volume(at, tier), &tier.path, false));
    }
    if let ShortCircuitPlan::Uuid { host_path } = &group.short_circuit {
        all.push(mounted(host("sockets", host_path, "DirectoryOrCreate"), site::SOCKET_FOLDER, false));
    }
    all
}

/// The volume of a tier's folder. Of a StatefulSet's claim the claim template makes it.
pub(super) fn tier_name(at: usize) -> String {
    format!("tier-{at}")
}

fn tier_volume(at: usize, tier: &TierPlan) -> Volume {
    let name = tier_name(at);
    match &tier.volume {
        VolumePlan::EmptyDir { size_limit } => {
            let medium = (tier.medium == MediumType::Mem).then_some("Memory");
            empty(&name, medium, Some(Quantity::of_bytes(*size_limit)))
        }
        VolumePlan::HostPath { path, .. } => host(&name, path, "DirectoryOrCreate"),
        VolumePlan::Claim { name: claim } => claimed(&name, claim),
        VolumePlan::ClaimTemplate { .. } => Volume {
            name,
            ephemeral: Some(EphemeralVolumeSource {
                volume_claim_template: claim_spec(tier)
                    .map(|spec| PersistentVolumeClaimTemplate { metadata: None, spec }),
            }),
            ..Volume::default()
        },
    }
}

/// The claim template of a StatefulSet for a tier's folder, if it has one.
pub(super) fn claim_template(at: usize, tier: &TierPlan) -> Option<PersistentVolumeClaim> {
    Some(PersistentVolumeClaim {
        metadata: ObjectMeta { name: Some(tier_name(at)), ..ObjectMeta::default() },
        spec: Some(claim_spec(tier)?),
        status: None,
    })
}

fn claim_spec(tier: &TierPlan) -> Option<PersistentVolumeClaimSpec> {
    match &tier.volume {
        VolumePlan::ClaimTemplate { size, storage_class_name } => {
            Some(claim("ReadWriteOnce", &Quantity::of_bytes(*size), storage_class_name.clone()))
        }
        _ => None,
    }
}

pub(super) fn claim(access_mode: &str, size: &Quantity, class: Option<String>) -> PersistentVolumeClaimSpec {
    PersistentVolumeClaimSpec {
        access_modes: Some(vec![access_mode.to_owned()]),
        storage_class_name: class,
        resources: Some(VolumeResourceRequirements {
            requests: Some([("storage".to_owned(), size.to_kubernetes())].into()),
            limits: None,
        }),
        ..PersistentVolumeClaimSpec::default()
    }
}

fn settings(config_map: &str) -> Mounted {
    let source = ConfigMapVolumeSource { name: config_map.to_owned(), ..ConfigMapVolumeSource::default() };
    let volume = Volume { name: "conf".to_owned(), config_map: Some(source), ..Volume::default() };
    mounted(volume, CONF_FOLDER, true)
}

fn temporary() -> Mounted {
    mounted(empty("tmp", None, Some(Quantity(TEMPORARY_SIZE.to_owned()))), "/tmp", false)
}

fn journal(cluster: &ValidatedCluster) -> Vec<Mounted> {
    let mut all = Vec::new();
    if let Some((claim, _)) = cluster.journal.claim(&cluster.identity.name) {
        all.push(mounted(claimed("journal", &claim), JOURNAL_FOLDER, false));
    }
    if let JournalPlan::Hdfs { configuration: Some(configuration), .. } = &cluster.journal {
        all.push(hadoop(JOURNAL, configuration));
    }
    all
}

fn root(cluster: &ValidatedCluster) -> Option<Mounted> {
    match &cluster.root.source {
        RootSource::Uri(_) => None,
        RootSource::Claim(claim) => Some(mounted(claimed("underfs", claim), ROOT_FOLDER, false)),
        RootSource::HostFolder(path) => Some(mounted(host("underfs", path, "Directory"), ROOT_FOLDER, false)),
    }
}

fn login(cluster: &ValidatedCluster) -> Option<Mounted> {
    let auth = cluster.zookeeper.as_ref()?.auth.as_ref()?;
    let file = KeyToPath { key: auth.key.clone(), path: LOGIN_FILE.to_owned(), mode: None };
    let volume = Volume {
        secret: Some(secret(&auth.name, vec![file])),
        name: "zookeeper-login".to_owned(),
        ..Volume::default()
    };
    Some(mounted(volume, LOGIN_FOLDER, true))
}

const LOGIN_FILE: &str = "jaas.conf";

/// The JAAS file in the pod.
pub(super) fn login_file() -> String {
    format!("{LOGIN_FOLDER}/{LOGIN_FILE}")
}

fn hadoop_of_storages(cluster: &ValidatedCluster) -> Vec<Mounted> {
    let root = cluster.root.settings.configuration.as_ref().map(|plan| hadoop(ROOT, plan));
    let mounts = cluster
        .mounts
        .iter()
        .filter_map(|mount| mount.settings.configuration.as_ref().map(|plan| hadoop(&mount_id(mount), plan)));
    root.into_iter().chain(mounts).collect()
}

/// A name for a mount that does not change when others come and go.
pub(super) fn mount_id(mount: &MountPlan) -> String {
    format!("mount-{}", hash::short(mount.path.as_bytes()))
}

fn hadoop(id: &str, plan: &HadoopPlan) -> Mounted {
    let items: Vec<KeyToPath> = plan
        .files
        .iter()
        .map(|file| KeyToPath { key: (*file).to_owned(), path: (*file).to_owned(), mode: None })
        .collect();
    let mut volume = Volume { name: format!("hadoop-{id}"), ..Volume::default() };
    match &plan.reference {
        Reference::ConfigMap(name) => {
            volume.config_map = Some(ConfigMapVolumeSource {
                name: name.clone(),
                items: Some(items),
                ..ConfigMapVolumeSource::default()
            });
        }
        Reference::Secret(name) => volume.secret = Some(secret(name, items)),
    }
    mounted(volume, &format!("{HADOOP_FOLDER}/{id}"), true)
}

/// The files in the pod, as Alluxio lists them.
pub(super) fn hadoop_files(id: &str, plan: &HadoopPlan) -> String {
    plan.files.iter().map(|file| format!("{HADOOP_FOLDER}/{id}/{file}")).collect::<Vec<_>>().join(":")
}

fn empty(name: &str, medium: Option<&str>, size_limit: Option<Quantity>) -> Volume {
    let source = EmptyDirVolumeSource {
        medium: medium.map(str::to_owned),
        size_limit: size_limit.map(|limit| limit.to_kubernetes()),
    };
    Volume { name: name.to_owned(), empty_dir: Some(source), ..Volume::default() }
}

fn host(name: &str, path: &str, kind: &str) -> Volume {
    let source = HostPathVolumeSource { path: path.to_owned(), type_: Some(kind.to_owned()) };
    Volume { name: name.to_owned(), host_path: Some(source), ..Volume::default() }
}

fn claimed(name: &str, claim: &str) -> Volume {
    let source = PersistentVolumeClaimVolumeSource { claim_name: claim.to_owned(), read_only: None };
    Volume { name: name.to_owned(), persistent_volume_claim: Some(source), ..Volume::default() }
}

fn secret(name: &str, items: Vec<KeyToPath>) -> SecretVolumeSource {
    SecretVolumeSource {
        secret_name: Some(name.to_owned()),
        items: Some(items),
        default_mode: Some(SECRET_MODE),
        optional: None,
    }
}
