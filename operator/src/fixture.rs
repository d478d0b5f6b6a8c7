//! Clusters and facts for tests.

use std::path::{Path, PathBuf};

use k8s_openapi::DeepMerge as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::crd::{AlluxioCluster, PinnedImage};
use crate::validate::{Facts, Found, NodeFacts, Reference, Refusals, ValidatedCluster, validate};

const BASE: &str = "
apiVersion: alluxio.org/v1alpha1
kind: AlluxioCluster
metadata: {name: demo, namespace: data, uid: uid-1}
spec:
  underStorage: {root: {uri: 's3://bucket/data'}}
";

/// The smallest cluster, with a patch over its spec (as `kubectl patch --type merge` understands it).
pub(crate) fn cluster(patch: &str) -> AlluxioCluster {
    cluster_like(BASE, patch)
}

pub(crate) fn cluster_like(base: &str, patch: &str) -> AlluxioCluster {
    let mut object: Value = crate::yaml::from_str(base).expect("YAML");
    let patch: Value = crate::yaml::from_str(patch).expect("YAML");
    object.merge_from(json!({ "spec": patch }));
    let mut cluster: AlluxioCluster = serde_json::from_value(object).expect("a cluster");
    let metadata = &mut cluster.metadata;
    metadata.namespace.get_or_insert_with(|| "data".to_owned());
    metadata.uid.get_or_insert_with(|| "uid-1".to_owned());
    metadata.creation_timestamp = Some(Time("2026-01-02T00:00:00Z".parse().expect("a time")));
    cluster
}

/// Everything that the tests' clusters refer to.
pub(crate) fn facts() -> Facts<'static> {
    let found = |pairs: &[(&str, &str)], values: bool| Found {
        digests: pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), crate::build::digest(value.as_bytes())))
            .collect(),
        values: pairs
            .iter()
            .filter(|_| values)
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
    };
    let map =
        |name: &str, pairs: &[(&str, &str)]| (Reference::ConfigMap(name.to_owned()), found(pairs, true));
    let secret =
        |name: &str, pairs: &[(&str, &str)]| (Reference::Secret(name.to_owned()), found(pairs, false));
    let node = |name: &str, disk: &str| NodeFacts {
        name: name.to_owned(),
        labels: [("kubernetes.io/hostname", name), ("disk", disk)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        taints: Vec::new(),
    };
    Facts {
        release: Some(PinnedImage { repository: "registry.example.com/alluxio".into(), tag: "0.1.0".into() }),
        found: [
            map("hadoop", &[("core-site.xml", "<core/>"), ("hdfs-site.xml", "<hdfs/>"), ("other", "1")]),
            map("zk", &[("ZOOKEEPER", "zk-0:2181, zk-1:2181"), ("WITH_FOLDER", "zk-0:2181/a")]),
            map("settings", &[("level", "debug")]),
            secret("s3", &[("access", "A"), ("secret", "S")]),
            secret("jaas", &[("jaas.conf", "Client {}")]),
            secret("hdfs", &[("core-site.xml", "<core/>")]),
        ]
        .into(),
        nodes: vec![node("n1", "ssd"), node("n2", "ssd"), node("n3", "hdd")],
        others: Vec::new(),
        ensembles: Vec::new(),
        worker_sets: Vec::new(),
    }
}

/// A cluster that can be built.
pub(crate) fn valid(patch: &str) -> ValidatedCluster {
    validate(&cluster(patch), &facts()).unwrap_or_else(|refusals| panic!("{patch}\n{refusals}"))
}

/// Why a cluster cannot be built.
pub(crate) fn refusals(patch: &str) -> Refusals {
    validate(&cluster(patch), &facts()).expect_err(patch)
}

/// The examples by name, with everything else that is in their files left out.
pub(crate) fn examples() -> Vec<(String, AlluxioCluster)> {
    let folder = root().join("deploy/examples");
    let mut examples = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a file");
        let documents = serde_yaml::Deserializer::from_str(&text);
        let of_kind = |value: &Value| value["kind"] == "AlluxioCluster";
        let found = documents.map(|document| Value::deserialize(document).expect("YAML")).find(of_kind);
        let yaml = crate::yaml::to_string(&found.expect("an AlluxioCluster")).expect("YAML");
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        examples.push((name, cluster_like(&yaml, "{}")));
    }
    examples.sort_by(|one, other| one.0.cmp(&other.0));
    examples
}

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
