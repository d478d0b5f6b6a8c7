//! Environment variables: what differs from pod to pod, and what only a Secret holds.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector, SecretKeySelector};

use super::names;
use crate::crd::{Credential, Network};
use crate::validate::owned::CREDENTIAL_VARIABLE;
use crate::validate::{EnvPlan, JournalPlan, ValidatedCluster, WorkerPlan};

/// Settings that this operator chooses and an older image does not know have no effect there. Those of users are checked before.
const IGNORES_UNKNOWN: &str = "ALLUXIO_IGNORE_UNKNOWN_PROPERTIES";
/// The user that masters are on HDFS when nothing else is said.
const HDFS_USER: &str = "alluxio";
const HDFS_USER_VARIABLE: &str = "HADOOP_USER_NAME";

/// A master's. `cluster_id`: whose journal it has to find.
pub(super) fn of_master(cluster: &ValidatedCluster, cluster_id: Option<&str>) -> Vec<EnvVar> {
    let identity = &cluster.identity;
    let mut all = vec![field("POD_NAME", "metadata.name"), field("HOST_IP", "status.hostIP")];
    let host = match cluster.masters.pod.network {
        Network::Pod => names::master_host(identity, "$(POD_NAME)"),
        Network::Host => "$(HOST_IP)".to_owned(),
    };
    all.push(value("ALLUXIO_MASTER_HOSTNAME", &host));
    all.push(value(IGNORES_UNKNOWN, "true"));
    let user = &cluster.masters.pod.env;
    all.extend(hdfs_user(&cluster.journal, user));
    let mut options = BTreeMap::new();
    let mut credentials: Vec<&Credential> = cluster.root.settings.credentials.iter().collect();
    credentials.sort_by(|one, other| one.option.cmp(&other.option));
    let mut own: Vec<_> =
        cluster_id.map(|id| format!("-Dalluxio.master.journal.cluster.id={id}")).into_iter().collect();
    for (at, credential) in credentials.into_iter().enumerate() {
        let variable = format!("{CREDENTIAL_VARIABLE}{at}");
        // Alluxio puts the variable in, and keeps what stands in quotes together.
        own.push(format!(
            "-Dalluxio.master.mount.table.root.option.{}=\"${{{variable}}}\"",
            credential.option
        ));
        all.push(of_secret(&variable, credential));
    }
    options.insert("ALLUXIO_MASTER_JAVA_OPTS", own);
    finish(all, &options, user)
}

/// That of the Jobs, which reach the journal as the masters do.
pub(super) fn of_job(cluster: &ValidatedCluster) -> Vec<EnvVar> {
    let user = &cluster.masters.pod.env;
    let all = hdfs_user(&cluster.journal, user).into_iter().chain([value(IGNORES_UNKNOWN, "true")]);
    finish(all.collect(), &BTreeMap::new(), user)
}

/// A worker's.
pub(super) fn of_worker(group: &WorkerPlan) -> Vec<EnvVar> {
    let all = vec![
        field("NODE_NAME", "spec.nodeName"),
        field("NODE_IP", "status.hostIP"),
        field("POD_IP", "status.podIP"),
        value(IGNORES_UNKNOWN, "true"),
    ];
    // The node's address is the same after the pod's end, and tells clients which worker is near.
    let mut own = vec!["-Dalluxio.worker.hostname=$(NODE_IP)".to_owned()];
    if group.pod.network == Network::Pod {
        own.push("-Dalluxio.worker.container.hostname=$(POD_IP)".to_owned());
    }
    let near = vec!["-Dalluxio.user.hostname=$(NODE_IP)".to_owned()];
    let options = BTreeMap::from([("ALLUXIO_WORKER_JAVA_OPTS", own), ("ALLUXIO_USER_JAVA_OPTS", near)]);
    finish(all, &options, &group.pod.env)
}

/// Adds the user's variables; of Java options the user's follow the operator's.
fn finish(mut all: Vec<EnvVar>, own: &BTreeMap<&str, Vec<String>>, user: &EnvPlan) -> Vec<EnvVar> {
    all.extend(user.others.iter().cloned());
    let names = own.keys().copied().chain(user.java_opts.keys().copied());
    let names: std::collections::BTreeSet<&str> = names.collect();
    for name in names {
        let mut words = own.get(name).cloned().unwrap_or_default();
        words.extend(user.java_opts.get(name).filter(|text| !text.is_empty()).cloned());
        if !words.is_empty() {
            all.push(value(name, &words.join(" ")));
        }
    }
    all
}

fn hdfs_user(journal: &JournalPlan, env: &EnvPlan) -> Option<EnvVar> {
    let JournalPlan::Hdfs { user, .. } = journal else { return None };
    let is_set = env.others.iter().any(|variable| variable.name == HDFS_USER_VARIABLE);
    match user {
        Some(user) => Some(value(HDFS_USER_VARIABLE, user)),
        None if is_set => None,
        None => Some(value(HDFS_USER_VARIABLE, HDFS_USER)),
    }
}

fn value(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.to_owned()), value_from: None }
}

fn field(name: &str, path: &str) -> EnvVar {
    let source = EnvVarSource {
        // As the API server fills it in, so that nothing seems to differ.
        field_ref: Some(ObjectFieldSelector {
            api_version: Some("v1".to_owned()),
            field_path: path.to_owned(),
        }),
        ..EnvVarSource::default()
    };
    EnvVar { name: name.to_owned(), value: None, value_from: Some(source) }
}

fn of_secret(name: &str, credential: &Credential) -> EnvVar {
    let source = EnvVarSource {
        secret_key_ref: Some(SecretKeySelector {
            name: credential.secret_key.name.clone(),
            key: credential.secret_key.key.clone(),
            optional: None,
        }),
        ..EnvVarSource::default()
    };
    EnvVar { name: name.to_owned(), value: None, value_from: Some(source) }
}
