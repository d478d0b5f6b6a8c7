//! How long a pod's program may take to end when it is told to.

use std::collections::BTreeMap;

use alluxio_conf::{Configuration, key};

use super::{EnvPlan, PropertyPlan};

/// Of a worker, after its own time: a call to each master, and the end of the process.
const WORKER_SPARE: i64 = 30;
/// Of a master: it hands its leadership over, and closes the journal.
const MASTER_SPARE: i64 = 15;

/// A worker persists what only it has, and then lets streams end.
pub(super) fn of_worker(properties: &PropertyPlan, env: &EnvPlan) -> i64 {
    let conf = settings(&properties.worker, env, "ALLUXIO_WORKER_JAVA_OPTS");
    let persist = conf.get(key::WORKER_SHUTDOWN_PERSIST_TIMEOUT).ms();
    let drain = conf.get(key::NETWORK_CONNECTION_SERVER_SHUTDOWN_TIMEOUT).ms();
    seconds(persist).saturating_add(seconds(drain)).saturating_add(WORKER_SPARE)
}

/// A master lets calls end. What the user says counts when it is more.
pub(super) fn of_master(asked: i32, properties: &PropertyPlan, env: &EnvPlan) -> i64 {
    let conf = settings(&properties.master, env, "ALLUXIO_MASTER_JAVA_OPTS");
    let drain = conf.get(key::NETWORK_CONNECTION_SERVER_SHUTDOWN_TIMEOUT).ms();
    i64::from(asked).max(seconds(drain).saturating_add(MASTER_SPARE))
}

fn seconds(milliseconds: i64) -> i64 {
    milliseconds.max(0).saturating_add(999) / 1_000
}

/// The times as the process reads them: Java options count more than properties, and those of the role most.
fn settings(properties: &BTreeMap<String, String>, env: &EnvPlan, of_role: &str) -> Configuration {
    let mut set = properties.clone();
    for variable in ["ALLUXIO_JAVA_OPTS", of_role] {
        set.extend(alluxio_conf::properties_of(env.java_opts.get(variable).map_or("", String::as_str)));
    }
    // Others may refer to what only a pod knows.
    set.retain(|name, _| {
        name.ends_with(".shutdown.persist.timeout") || name.ends_with(".server.shutdown.timeout")
    });
    let set: Vec<(&str, &str)> = set.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    // What cannot be read was refused before.
    Configuration::defaults().with(&set).unwrap_or_else(|_| Configuration::defaults())
}
