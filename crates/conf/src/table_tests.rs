use std::collections::BTreeMap;

use super::*;
use crate::{Configuration, Environment, Machine, key};

#[test]
fn every_default_is_valid() {
    for (cpus, memory) in [(1, 64 << 20), (2, 3 << 30), (512, 64 << 40)] {
        let machine = Machine { cpus, memory, ..Machine::default() };
        let environment = Environment { machine, variables: BTreeMap::new() };
        let nowhere = ["-Dalluxio.site.conf.dir=/nowhere".to_owned()];
        for role in [Role::Master, Role::Worker, Role::Client] {
            let loaded = Configuration::load_in(role, nowhere.clone(), &environment);
            let conf = loaded.unwrap_or_else(|error| panic!("{cpus} cpus, {role:?}: {error}")).conf;
            for row in properties().iter().filter(|row| !row.default.is_empty()) {
                let refers_to_unset = [
                    "alluxio.job.master.hostname",
                    "alluxio.job.master.web.hostname",
                    "alluxio.job.worker.hostname",
                ];
                let has_value = conf.by_name(row.name).is_some();
                assert_eq!(has_value, !refers_to_unset.contains(&row.name), "{}", row.name);
            }
        }
    }
}

#[test]
fn a_property_that_differs_from_java_says_why() {
    for name in
        ["alluxio.master.journal.type", "alluxio.master.metastore", "alluxio.worker.shutdown.persist.timeout"]
    {
        assert!(describe(name).is_some_and(|row| row.differs.len() > 10), "{name}");
    }
}

#[test]
fn what_java_clients_need_has_a_value() {
    let conf = Configuration::defaults();
    assert_eq!(
        (conf.get(key::VERSION).as_str(), conf.get(key::UNDERFS_VERSION).as_str()),
        ("2.9.4", "3.3.4")
    );
}

#[test]
fn names_are_found_in_every_form() {
    assert!(matches!(lookup("alluxio.master.rpc.port"), Some(Known::Fixed { deprecated: false, .. })));
    assert_eq!(canonical("alluxio.master.port"), "alluxio.master.rpc.port");
    assert!(matches!(
        lookup("alluxio.user.network.zerocopy.enabled"),
        Some(Known::Fixed { deprecated: true, .. })
    ));
    assert!(matches!(lookup("alluxio.worker.tieredstore.level0.alias"), Some(Known::Fixed { .. })));
    assert!(matches!(lookup("alluxio.worker.tieredstore.level8.alias"), Some(Known::Instance(_))));
    assert!(lookup("alluxio.worker.tieredstore.level8.alia").is_none());
    assert_eq!(removed("alluxio.worker.data.port"), Some(("2.0.0", "alluxio.worker.rpc.port")));
}

#[test]
fn scopes_include_their_roles() {
    assert!(Scope::Server.includes(Role::Worker) && Scope::Server.includes(Role::Master));
    assert!(!Scope::Server.includes(Role::Client) && !Scope::None.includes(Role::Client));
    assert!(Scope::All.includes(Role::Client) && !Scope::Master.includes(Role::Worker));
}
