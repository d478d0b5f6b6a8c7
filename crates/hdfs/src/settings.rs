//! What a client of HDFS is made from: Hadoop's own files, who we are, and how long to wait.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use alluxio_conf::{Configuration, Key, KeyName, Role, Source, Str, UnsetKey, key};

use crate::error::ConnectError;
use crate::site;

/// Our identity to a HDFS that wants Kerberos.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kerberos {
    /// `name@REALM` or `name/host@REALM`.
    pub principal: String,
    /// The file with its key.
    pub keytab: String,
}

/// How long a call may take. The library itself waits for ever for a NameNode that is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A call to the NameNode.
    pub call: Duration,
    /// A transfer from or to DataNodes: opening a file, writing what is handed over at a time, a sync.
    pub transfer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { call: Duration::from_secs(15), transfer: Duration::from_secs(30) }
    }
}

/// The settings of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Hadoop's properties.
    pub properties: HashMap<String, String>,
    /// Who we say we are, where HDFS takes our word; None: the environment's `HADOOP_USER_NAME`, or the user of this process.
    pub user: Option<String>,
    /// Who we prove to be, where it wants Kerberos.
    pub kerberos: Option<Kerberos>,
    /// How long to wait.
    pub limits: Limits,
}

impl Settings {
    /// What the configuration says. `options` hold for one place only and come first; of these, names that are not Alluxio's are
    /// Hadoop's.
    pub fn of(conf: &Configuration, options: &BTreeMap<String, String>) -> Result<Self, ConnectError> {
        let mut settings = Self { properties: files(conf, options)?, ..Self::default() };
        let own = options.iter().filter(|(name, _)| !name.starts_with("alluxio."));
        settings.properties.extend(own.map(|(name, value)| (name.clone(), value.clone())));
        settings.kerberos = kerberos(conf, options)?;
        if settings.kerberos.is_some() {
            settings
                .properties
                .entry("hadoop.security.authentication".to_owned())
                .or_insert_with(|| "kerberos".to_owned());
        }
        Ok(settings)
    }
}

fn files(
    conf: &Configuration,
    options: &BTreeMap<String, String>,
) -> Result<HashMap<String, String>, ConnectError> {
    const FILES: Key<Str> = key::UNDERFS_HDFS_CONFIGURATION;
    let option = options.get(FILES.name());
    let chosen = option.is_some() || !matches!(conf.source_of(FILES.name()), Source::Default);
    let names = option.cloned().unwrap_or_else(|| conf.get(FILES));
    let mut properties = HashMap::new();
    for path in names.split(':').map(str::trim).filter(|name| !name.is_empty()).map(PathBuf::from) {
        // The default names files that need not be there.
        if chosen || path.exists() {
            site::read_into(&path, &mut properties)?;
        }
    }
    Ok(properties)
}

fn kerberos(
    conf: &Configuration,
    options: &BTreeMap<String, String>,
) -> Result<Option<Kerberos>, ConnectError> {
    let (principal, keytab) = match conf.role() {
        Role::Worker => (key::WORKER_PRINCIPAL, key::WORKER_KEYTAB_FILE),
        _ => (key::MASTER_PRINCIPAL, key::MASTER_KEYTAB_FILE),
    };
    let value = |key: UnsetKey<Str>| {
        let value = options.get(key.name()).cloned().or_else(|| conf.opt(key));
        value.filter(|value| !value.is_empty())
    };
    match (value(principal), value(keytab)) {
        (Some(principal), Some(keytab)) => Ok(Some(Kerberos { principal, keytab })),
        (None, None) => Ok(None),
        _ => Err(ConnectError::HalfKerberos {
            principal: principal.name().to_owned(),
            keytab: keytab.name().to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn hadoops_files_are_read_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut paths = Vec::new();
        for (file, value) in [("core-site.xml", "1"), ("hdfs-site.xml", "2")] {
            let text = format!(
                "<configuration><property><name>dfs.replication</name><value>{value}</value></property></configuration>"
            );
            std::fs::write(folder.path().join(file), text).unwrap();
            paths.push(folder.path().join(file).display().to_string());
        }
        let own =
            options(&[("alluxio.underfs.hdfs.configuration", &paths.join(":")), ("dfs.blocksize", "1m")]);
        let settings = Settings::of(&Configuration::defaults(), &own).unwrap();
        let expected = [("dfs.replication", "2"), ("dfs.blocksize", "1m")];
        assert_eq!(settings.properties, options(&expected).into_iter().collect());
    }

    #[test]
    fn a_file_that_was_asked_for_must_be_there_and_a_default_one_need_not() {
        let defaults = Configuration::defaults();
        assert_eq!(Settings::of(&defaults, &options(&[])).unwrap(), Settings::default());
        let chosen =
            defaults.with(&[("alluxio.underfs.hdfs.configuration", "/nowhere/core-site.xml")]).unwrap();
        let refusal = Settings::of(&chosen, &options(&[])).unwrap_err().to_string();
        assert!(refusal.contains("/nowhere/core-site.xml"), "{refusal}");
    }

    #[test]
    fn kerberos_needs_principal_and_keytab() {
        let defaults = Configuration::defaults();
        let half = defaults.with(&[("alluxio.master.principal", "alluxio@REALM")]).unwrap();
        let refusal = Settings::of(&half, &options(&[])).unwrap_err().to_string();
        assert!(refusal.contains("alluxio.master.keytab.file"), "{refusal}");
        let whole = half.with(&[("alluxio.master.keytab.file", "/keys")]).unwrap();
        let settings = Settings::of(&whole, &options(&[])).unwrap();
        assert_eq!(settings.properties["hadoop.security.authentication"], "kerberos");
        assert_eq!(settings.kerberos.unwrap().principal, "alluxio@REALM");
    }
}
