//! What is known besides the object itself: the operator looks it up before it checks and builds.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Taint;

use crate::crd::{AlluxioCluster, AlluxioClusterSpec, EnvVar, HadoopConfiguration, PinnedImage, WorkerKind};

/// The files of a Hadoop configuration that are looked for.
pub const HADOOP_FILES: [&str; 2] = ["core-site.xml", "hdfs-site.xml"];

/// What is known besides the object itself.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// The operator's own release.
    pub release: Option<PinnedImage>,
    /// What the object's references led to; those that do not exist are not in it.
    pub found: BTreeMap<Reference, Found>,
    /// The nodes.
    pub nodes: Vec<NodeFacts>,
    /// All other clusters.
    pub others: Vec<&'a AlluxioCluster>,
    /// The servers of ZooKeeper that each master was started with, of those that are there.
    pub ensembles: Vec<Vec<String>>,
    /// The sets of workers that are there, by group. Of a group that was taken out the set stays until its workers have left.
    pub worker_sets: Vec<(String, WorkerKind)>,
}

/// Something in the cluster's namespace that the spec names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    ConfigMap(String),
    Secret(String),
}

impl Reference {
    /// `ConfigMap a`, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::ConfigMap(name) => format!("ConfigMap {name}"),
            Self::Secret(name) => format!("Secret {name}"),
        }
    }
}

/// What a ConfigMap or Secret holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// A digest of each key's value: when it changes, pods that have read the value are outdated.
    pub digests: BTreeMap<String, String>,
    /// The values themselves. Only of ConfigMaps: a Secret's are the pods' alone.
    pub values: BTreeMap<String, String>,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeFacts {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub taints: Vec<Taint>,
}

/// A use of a reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The field that names it.
    pub field: String,
    /// What it names.
    pub reference: Reference,
    /// The keys it wants.
    pub keys: Keys,
}

/// Which keys are wanted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keys {
    /// This one.
    One(String),
    /// At least one of these.
    SomeOf(&'static [&'static str]),
}

/// All references of a spec: what must be looked up.
#[must_use]
pub fn references(spec: &AlluxioClusterSpec) -> Vec<Use> {
    let mut uses = Vec::new();
    let mut one = |field: String, reference: Reference, key: &str| {
        uses.push(Use { field, reference, keys: Keys::One(key.to_owned()) });
    };
    if let Some(zookeeper) = &spec.zookeeper {
        if let Some(from) = &zookeeper.addresses_from {
            one("spec.zookeeper.addressesFrom".into(), Reference::ConfigMap(from.name.clone()), &from.key);
        }
        if let Some(auth) = &zookeeper.auth {
            one("spec.zookeeper.auth".into(), Reference::Secret(auth.name.clone()), &auth.key);
        }
    }
    let root = &spec.under_storage.root;
    let mounts = &spec.under_storage.mounts;
    for credential in &root.settings.credentials {
        let field = format!("spec.underStorage.root.credentials[{}]", credential.option);
        one(field, Reference::Secret(credential.secret_key.name.clone()), &credential.secret_key.key);
    }
    for mount in mounts {
        for credential in &mount.settings.credentials {
            let field =
                format!("spec.underStorage.mounts[{}].credentials[{}]", mount.path, credential.option);
            one(field, Reference::Secret(credential.secret_key.name.clone()), &credential.secret_key.key);
        }
    }
    uses.extend(of_env("spec.masters", &spec.masters.env));
    for group in &spec.workers {
        uses.extend(of_env(&format!("spec.workers[{}]", group.name), &group.env));
    }
    uses.extend(of_hadoop("spec.journal", spec.journal.configuration.as_ref()));
    uses.extend(of_hadoop("spec.underStorage.root", root.settings.configuration.as_ref()));
    for mount in mounts {
        let field = format!("spec.underStorage.mounts[{}]", mount.path);
        uses.extend(of_hadoop(&field, mount.settings.configuration.as_ref()));
    }
    uses
}

/// What a Hadoop configuration refers to.
pub(super) fn hadoop(configuration: &HadoopConfiguration) -> Option<Reference> {
    let map = configuration.config_map.clone().map(Reference::ConfigMap);
    map.or_else(|| configuration.secret.clone().map(Reference::Secret))
}

fn of_hadoop(owner: &str, configuration: Option<&HadoopConfiguration>) -> Option<Use> {
    let reference = hadoop(configuration?)?;
    Some(Use { field: format!("{owner}.configuration"), reference, keys: Keys::SomeOf(&HADOOP_FILES) })
}

fn of_env(owner: &str, env: &[EnvVar]) -> Vec<Use> {
    let used = |variable: &EnvVar| {
        let source = variable.value_from.as_ref()?;
        let field = format!("{owner}.env[{}].valueFrom", variable.name);
        if let Some(key) = &source.secret_key_ref {
            let reference = Reference::Secret(key.name.clone());
            return Some(Use { field, reference, keys: Keys::One(key.key.clone()) });
        }
        let key = source.config_map_key_ref.as_ref()?;
        let reference = Reference::ConfigMap(key.name.clone());
        Some(Use { field, reference, keys: Keys::One(key.key.clone()) })
    };
    env.iter().filter_map(used).collect()
}
