//! The configuration that this master tells the cluster, and its hash.
//!
//! Every minute each client asks for the hash and, when it differs from the one of its own copy, tears
//! down and rebuilds all it has. So the hash must be that of exactly what `GetConfiguration` answers,
//! and must not change unless a value did.

use std::collections::BTreeMap;

use alluxio_conf::{Configuration, Scope, key, properties};
use alluxio_proto::grpc::ConfigProperty;
use parking_lot::RwLock;

use super::info::now_ms;

struct Told {
    configuration: Configuration,
    hash: String,
    updated_ms: i64,
}

/// The cluster's configuration. Few properties may change while the master runs
/// (`alluxio.conf.dynamic.update.enabled`); everybody else reads the one from the start.
pub struct ClusterConfiguration {
    dynamic: bool,
    told: RwLock<Told>,
}

/// What `GetConfiguration` answers.
#[derive(Clone, Debug)]
pub struct ToldConfiguration {
    pub properties: Vec<ConfigProperty>,
    /// The hash of just these properties.
    pub hash: String,
    /// When a value last changed.
    pub updated_ms: i64,
}

impl ClusterConfiguration {
    pub fn new(configuration: Configuration) -> Self {
        let dynamic = configuration.get(key::CONF_DYNAMIC_UPDATE_ENABLED);
        Self { dynamic, told: RwLock::new(Told::of(configuration)) }
    }

    pub fn current(&self) -> Configuration {
        self.told.read().configuration.clone()
    }

    /// The hash that clients compare.
    pub fn hash(&self) -> String {
        self.told.read().hash.clone()
    }

    /// All properties. With `raw`, references such as `${alluxio.work.dir}` are left for the reader to
    /// resolve.
    pub fn told(&self, raw: bool) -> ToldConfiguration {
        let (configuration, hash, updated_ms) = {
            let told = self.told.read();
            (told.configuration.clone(), told.hash.clone(), told.updated_ms)
        };
        let property = |entry: alluxio_conf::Entry| ConfigProperty {
            name: Some(entry.name),
            source: Some(entry.source.to_string()),
            value: entry.value,
        };
        let properties = configuration.cluster_properties(raw).into_iter().map(property).collect();
        ToldConfiguration { properties, hash, updated_ms }
    }

    /// Sets what may change while the master runs; tells for each property whether it was set.
    pub fn update(&self, wanted: BTreeMap<String, String>) -> BTreeMap<String, bool> {
        let mut told = self.told.write();
        let mut outcome = BTreeMap::new();
        for (name, value) in wanted {
            let mut set = false;
            if self.dynamic && is_dynamic(&name) {
                match told.configuration.with(&[(&name, &value)]) {
                    Ok(changed) => {
                        *told = Told::of(changed);
                        set = true;
                    }
                    Err(error) => tracing::warn!(property = name, %error, "property not updated"),
                }
            }
            outcome.insert(name, set);
        }
        outcome
    }
}

impl Told {
    fn of(configuration: Configuration) -> Self {
        Self { hash: configuration.hash(), configuration, updated_ms: now_ms() }
    }
}

/// What reaches those it concerns without a restart: the properties of clients, which take them over
/// when they next compare hashes. Everything else is read once, when a process starts.
fn is_dynamic(name: &str) -> bool {
    let of_clients = |scope| matches!(scope, Scope::Client | Scope::All);
    name.starts_with("alluxio.user.")
        && properties().iter().any(|property| property.name == name && of_clients(property.scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn java_clients_find_the_two_values_they_need() {
        let cluster = ClusterConfiguration::new(Configuration::defaults());
        for raw in [true, false] {
            let told = cluster.told(raw);
            for name in ["alluxio.version", "alluxio.underfs.version"] {
                let value = told.properties.iter().find(|property| property.name() == name).unwrap();
                assert!(!value.value().is_empty(), "{name}");
            }
            assert_eq!(told.hash, cluster.hash());
        }
    }

    #[test]
    fn the_hash_follows_the_values() {
        let defaults = ClusterConfiguration::new(Configuration::defaults());
        let again = ClusterConfiguration::new(Configuration::defaults());
        assert_eq!(defaults.hash(), again.hash());
        let changed = Configuration::defaults().with(&[("alluxio.user.file.replication.min", "2")]).unwrap();
        assert_ne!(ClusterConfiguration::new(changed).hash(), defaults.hash());
    }

    #[test]
    fn only_properties_of_clients_change_while_running_and_only_when_allowed() {
        let asked = wanted(&[
            ("alluxio.user.file.replication.min", "2"),
            ("alluxio.user.block.size.bytes.default", "many"),
            ("alluxio.master.rpc.port", "1"),
            ("no.such.property", "1"),
        ]);
        let fixed = ClusterConfiguration::new(Configuration::defaults());
        let before = fixed.hash();
        assert!(fixed.update(asked.clone()).values().all(|set| !set));
        assert_eq!(fixed.hash(), before);

        let allowed =
            Configuration::defaults().with(&[("alluxio.conf.dynamic.update.enabled", "true")]).unwrap();
        let dynamic = ClusterConfiguration::new(allowed);
        let before = dynamic.hash();
        let outcome = dynamic.update(asked);
        let set: Vec<&str> = outcome.iter().filter(|(_, set)| **set).map(|(name, _)| name.as_str()).collect();
        assert_eq!(set, ["alluxio.user.file.replication.min"]);
        assert_eq!(outcome.len(), 4);
        assert_ne!(dynamic.hash(), before);
        assert_eq!(dynamic.told(true).hash, dynamic.hash());
    }
}
