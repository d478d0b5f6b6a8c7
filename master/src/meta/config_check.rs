//! Whether the servers of the cluster were started with configurations that go together
//! (`fsadmin doctor configuration`).
//!
//! Alluxio 2.9 gives each of its 800 properties a level of consistency. Here the few that break a
//! cluster when servers differ are listed, in two groups; all others may differ. Only these are kept
//! of what a worker registers with, so a thousand workers cost little.

use std::collections::BTreeMap;

use alluxio_proto::grpc::meta::{
    ConfigCheckReport, ConfigStatus, InconsistentProperties, InconsistentProperty, InconsistentPropertyValues,
};

use super::configuration::ClusterConfiguration;
use super::info::MasterFacts;
use crate::block::{BlockMaster, Standing};

/// Servers that differ in these do not form one cluster, or lose data.
const ENFORCED: &[&str] = &[
    "alluxio.master.journal.folder",
    "alluxio.master.journal.type",
    "alluxio.master.mount.table.root.ufs",
    "alluxio.master.rpc.port",
    "alluxio.security.authentication.type",
    "alluxio.zookeeper.address",
    "alluxio.zookeeper.election.path",
    "alluxio.zookeeper.enabled",
    "alluxio.zookeeper.leader.path",
];

/// Servers that differ in these work, but not alike.
const WARNED: &[&str] = &[
    "alluxio.security.authorization.permission.enabled",
    "alluxio.security.authorization.permission.supergroup",
    "alluxio.security.group.mapping.class",
    "alluxio.underfs.s3.endpoint",
    "alluxio.user.block.size.bytes.default",
    "alluxio.user.file.writetype.default",
];

/// The scope under which 2.9 lists what concerns masters and workers.
const SCOPE: &str = "SERVER";

/// Whether the check compares this property.
pub fn is_compared(name: &str) -> bool {
    ENFORCED.contains(&name) || WARNED.contains(&name)
}

/// The configurations to compare: name of the server -> its properties.
#[derive(Default)]
pub struct ConfigCheck {
    servers: BTreeMap<String, BTreeMap<String, String>>,
}

impl ConfigCheck {
    /// This master and the active workers.
    pub fn of_cluster(
        facts: &MasterFacts,
        configuration: &ClusterConfiguration,
        blocks: &BlockMaster,
    ) -> Self {
        let mut check = Self::default();
        let told = configuration.told(false).properties;
        let own = told
            .into_iter()
            .filter_map(|property| Some((property.name?, property.value?)))
            .filter(|(name, _)| is_compared(name))
            .collect();
        check.add(facts.rpc_address(), own);
        for report in blocks.worker_reports() {
            if report.standing == Standing::Active {
                let address = report.info.address.unwrap_or_default();
                check.add(format!("{}:{}", address.host(), address.rpc_port()), report.configuration);
            }
        }
        check
    }

    /// Adds a server; only what [`is_compared`] counts.
    pub fn add(&mut self, server: String, properties: BTreeMap<String, String>) {
        self.servers.insert(server, properties);
    }

    pub fn report(&self) -> ConfigCheckReport {
        let errors = self.differing(ENFORCED);
        let warns = self.differing(WARNED);
        let status = match (errors.is_empty(), warns.is_empty()) {
            (false, _) => ConfigStatus::Failed,
            (true, false) => ConfigStatus::Warn,
            (true, true) => ConfigStatus::Passed,
        };
        ConfigCheckReport { errors: by_scope(errors), warns: by_scope(warns), status: Some(status as i32) }
    }

    fn differing(&self, names: &[&str]) -> Vec<InconsistentProperty> {
        names.iter().filter_map(|name| self.compare(name)).collect()
    }

    /// A server that did not tell a value is not compared: it may be of a version without the property.
    fn compare(&self, name: &str) -> Option<InconsistentProperty> {
        let mut values: BTreeMap<String, InconsistentPropertyValues> = BTreeMap::new();
        for (server, properties) in &self.servers {
            if let Some(value) = properties.get(name) {
                values.entry(value.clone()).or_default().values.push(server.clone());
            }
        }
        (values.len() > 1).then(|| InconsistentProperty { name: Some(name.to_owned()), values })
    }
}

fn by_scope(properties: Vec<InconsistentProperty>) -> BTreeMap<String, InconsistentProperties> {
    if properties.is_empty() {
        return BTreeMap::new();
    }
    BTreeMap::from([(SCOPE.to_owned(), InconsistentProperties { properties })])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(servers: &[(&str, &[(&str, &str)])]) -> ConfigCheckReport {
        let mut check = ConfigCheck::default();
        for (server, properties) in servers {
            let owned = properties.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            check.add((*server).to_owned(), owned);
        }
        check.report()
    }

    #[test]
    fn servers_that_agree_pass() {
        let same = [("alluxio.zookeeper.enabled", "true")];
        let report = check(&[("m", &same), ("w", &same), ("old", &[])]);
        assert_eq!(report.status(), ConfigStatus::Passed);
        assert!(report.errors.is_empty() && report.warns.is_empty());
    }

    #[test]
    fn a_difference_names_values_and_servers() {
        let report = check(&[
            ("m", &[("alluxio.zookeeper.enabled", "true"), ("alluxio.user.block.size.bytes.default", "1MB")]),
            ("w1", &[("alluxio.zookeeper.enabled", "false")]),
            (
                "w2",
                &[("alluxio.zookeeper.enabled", "false"), ("alluxio.user.block.size.bytes.default", "2MB")],
            ),
        ]);
        assert_eq!(report.status(), ConfigStatus::Failed);
        let error = &report.errors["SERVER"].properties[0];
        assert_eq!(error.name(), "alluxio.zookeeper.enabled");
        assert_eq!(error.values["false"].values, ["w1", "w2"]);
        assert_eq!(report.warns["SERVER"].properties.len(), 1);
    }

    #[test]
    fn a_lesser_difference_only_warns() {
        let name = "alluxio.security.authorization.permission.enabled";
        let report = check(&[("m", &[(name, "true")]), ("w", &[(name, "false")])]);
        assert_eq!(report.status(), ConfigStatus::Warn);
    }

    #[test]
    fn what_is_compared_exists() {
        for name in ENFORCED.iter().chain(WARNED) {
            assert!(
                alluxio_conf::properties().iter().any(|property| property.name == *name),
                "{name} is no property"
            );
            assert!(is_compared(name));
        }
        assert!(!is_compared("alluxio.worker.hostname"));
    }
}
