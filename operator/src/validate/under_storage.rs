//! The under storages.

use std::collections::BTreeMap;

use alluxio_conf::Configuration;

use super::{Facts, HadoopPlan, Refusals, hadoop, properties};
use crate::crd::{Credential, Mount, MountSettings, RootMount};

/// What the root shows.
#[derive(Clone, Debug, PartialEq)]
pub struct RootPlan {
    pub source: RootSource,
    pub settings: SettingsPlan,
}

/// Where the root's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootSource {
    Uri(String),
    Claim(String),
    HostFolder(String),
}

/// What a folder below the root shows.
#[derive(Clone, Debug, PartialEq)]
pub struct MountPlan {
    pub path: String,
    pub uri: String,
    pub settings: SettingsPlan,
}

/// What the root and a folder below it have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingsPlan {
    pub read_only: bool,
    pub options: BTreeMap<String, String>,
    pub credentials: Vec<Credential>,
    pub configuration: Option<HadoopPlan>,
}

const HADOOP_FILES_OPTION: &str = "alluxio.underfs.hdfs.configuration";

pub(super) fn root(root: &RootMount, facts: &Facts, refusals: &mut Refusals) -> RootPlan {
    let field = "spec.underStorage.root";
    let RootMount { uri, claim, host_folder, settings } = root;
    let source = match (uri, claim, host_folder) {
        (Some(uri), None, None) => {
            check_uri(
                uri,
                &format!("{field}.uri"),
                "use spec.underStorage.root.claim or hostFolder",
                refusals,
            );
            RootSource::Uri(uri.clone())
        }
        (None, Some(claim), None) => RootSource::Claim(claim.clone()),
        (None, None, Some(folder)) => RootSource::HostFolder(folder.path.clone()),
        _ => {
            refusals.invalid(field, "has not exactly one of uri, claim and hostFolder", "set one of them");
            RootSource::Uri(uri.clone().unwrap_or_default())
        }
    };
    RootPlan { source, settings: plan(field, settings, uri.as_deref(), facts, refusals) }
}

pub(super) fn mounts(mounts: &[Mount], facts: &Facts, refusals: &mut Refusals) -> Vec<MountPlan> {
    let one = |mount: &Mount, refusals: &mut Refusals| {
        let field = format!("spec.underStorage.mounts[{}]", mount.path);
        if mount.path.split('/').any(|part| part == "." || part == "..") {
            refusals.invalid(
                format!("{field}.path"),
                format!("is {}", mount.path),
                "write a path without . and ..",
            );
        }
        check_uri(&mount.uri, &format!("{field}.uri"), "mount something that all pods reach", refusals);
        let settings = plan(&field, &mount.settings, Some(&mount.uri), facts, refusals);
        MountPlan { path: mount.path.clone(), uri: mount.uri.clone(), settings }
    };
    mounts.iter().map(|mount| one(mount, refusals)).collect()
}

fn plan(
    field: &str,
    settings: &MountSettings,
    uri: Option<&str>,
    facts: &Facts,
    refusals: &mut Refusals,
) -> SettingsPlan {
    if settings.configuration.is_some() && !uri.is_some_and(is_hdfs) {
        refusals.invalid(format!("{field}.configuration"), "is set, but uri is not on HDFS", "take it out");
    }
    check_options(field, settings, refusals);
    let MountSettings { read_only, options, credentials, configuration } = settings.clone();
    SettingsPlan {
        read_only,
        options,
        credentials,
        configuration: hadoop::plan(configuration.as_ref(), facts),
    }
}

fn is_hdfs(uri: &str) -> bool {
    uri.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("hdfs://"))
}

fn check_uri(uri: &str, field: &str, instead: &str, refusals: &mut Refusals) {
    let lower = uri.to_ascii_lowercase();
    if lower.starts_with('/') || lower.starts_with("file:") {
        refusals.invalid(
            field,
            format!("is {uri}, a path in each pod's own file system"),
            format!("{instead}: there each pod sees the same files"),
        );
    } else if !uri.contains("://") {
        refusals.invalid(
            field,
            format!("is {uri}"),
            "write scheme://host/folder, such as s3://bucket/folder",
        );
    }
    let authority = uri.split_once("://").and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default();
    if authority.rsplit_once('@').is_some_and(|(login, _)| login.contains(':')) {
        refusals.invalid(field, "has a password in it", "take it out and use credentials");
    }
}

fn check_options(field: &str, settings: &MountSettings, refusals: &mut Refusals) {
    let MountSettings { options, credentials, configuration, .. } = settings;
    let mut known: Vec<(&str, &str)> = Vec::new();
    for (name, value) in options {
        let option = format!("{field}.options[{name}]");
        if properties::is_credential(name) {
            refusals.invalid(
                option,
                "is a credential, and everybody who may read this object could read it",
                format!("put it into a Secret and name that in {field}.credentials"),
            );
        } else if name == HADOOP_FILES_OPTION && configuration.is_some() {
            refusals.invalid(option, "is set beside configuration", "take one of them out");
        } else {
            known.push((name, value));
        }
    }
    for credential in credentials {
        if options.contains_key(&credential.option) {
            let option = format!("{field}.credentials[{}]", credential.option);
            refusals.invalid(option, "is set in options too", "take it out there");
        }
    }
    if let Err(error) = Configuration::defaults().for_mount(&known) {
        properties::explain(error, &|name| format!("{field}.options[{name}]"), refusals);
    }
}
