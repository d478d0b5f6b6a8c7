//! Checks of properties against each other, and of choices that exist in Java but not here.

use crate::configuration::Configuration;
use crate::error::ConfError;
use crate::key;
use crate::parse::Span;
use crate::table::Role;
use crate::typed::{Key, KeyName};

/// Each first one must not be longer than the second.
const ORDERED: [(Key<Span>, Key<Span>); 6] = [
    (key::MASTER_PERSISTENCE_INITIAL_INTERVAL, key::MASTER_PERSISTENCE_MAX_INTERVAL),
    (key::USER_BLOCK_READ_RETRY_SLEEP_BASE, key::USER_BLOCK_READ_RETRY_SLEEP_MAX),
    (key::USER_FILE_WRITE_INIT_SLEEP_MIN, key::USER_FILE_WRITE_INIT_SLEEP_MAX),
    (key::USER_RPC_RETRY_BASE_SLEEP, key::USER_RPC_RETRY_MAX_SLEEP),
    (key::WORKER_REGISTER_LEASE_RETRY_SLEEP_MIN, key::WORKER_REGISTER_LEASE_RETRY_SLEEP_MAX),
    (key::UNDERFS_EVENTUAL_CONSISTENCY_RETRY_BASE_SLEEP, key::UNDERFS_EVENTUAL_CONSISTENCY_RETRY_MAX_SLEEP),
];

/// Checks a configuration whose values are each right for itself.
pub(crate) fn check(conf: &Configuration) -> Result<(), ConfError> {
    let mut errors = Vec::new();
    for (less, more) in ORDERED {
        if conf.get(less) > conf.get(more) {
            let expected = format!("must not be longer than {} ({})", more.name(), text(conf, more.name()));
            errors.push(wrong(conf, less.name(), &expected));
        }
    }
    if conf.get(key::ZOOKEEPER_ENABLED) && conf.opt(key::ZOOKEEPER_ADDRESS).is_none() {
        errors.push(wrong(
            conf,
            key::ZOOKEEPER_ENABLED.name(),
            "alluxio.zookeeper.address must be set as well",
        ));
    }
    if conf.role() == Role::Master && conf.get(key::MASTER_JOURNAL_TYPE) != "UFS" {
        errors.push(wrong(conf, key::MASTER_JOURNAL_TYPE.name(), JOURNAL));
    }
    if conf.role() != Role::Client {
        check_authentication(conf, &mut errors);
    }
    if conf.role() == Role::Worker {
        errors.extend(conf.tiers().err());
    }
    ConfError::all(errors)
}

const JOURNAL: &str = "is not possible here: put the journal in a shared folder or HDFS \
                       (alluxio.master.journal.folder), remove this line or set it to UFS, and use ZooKeeper \
                       (alluxio.zookeeper.enabled) for several masters";

fn check_authentication(conf: &Configuration, errors: &mut Vec<ConfError>) {
    let name = key::SECURITY_AUTHENTICATION_TYPE.name();
    match conf.get(key::SECURITY_AUTHENTICATION_TYPE).as_str() {
        // Without authentication there is no user whose permissions could be checked.
        "NOSASL"
            if conf.role() == Role::Master && conf.get(key::SECURITY_AUTHORIZATION_PERMISSION_ENABLED) =>
        {
            errors.push(wrong(
                conf,
                name,
                "needs alluxio.security.authorization.permission.enabled=false: without authentication there are no users",
            ));
        }
        "CUSTOM" | "KERBEROS" => {
            errors.push(wrong(
                conf,
                name,
                "is not possible here (it needs Java classes): use SIMPLE or NOSASL",
            ));
        }
        _ => {}
    }
}

fn wrong(conf: &Configuration, name: &str, expected: &str) -> ConfError {
    ConfError::BadValue {
        key: name.to_owned(),
        value: text(conf, name),
        place: conf.place_of(name),
        expected: expected.to_owned(),
    }
}

fn text(conf: &Configuration, name: &str) -> String {
    conf.by_name(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Environment;

    fn told(role: Role, args: &[&str]) -> String {
        let args =
            args.iter().map(|arg| format!("-D{arg}")).chain(["-Dalluxio.site.conf.dir=/nowhere".to_owned()]);
        let loaded = Configuration::load_in(role, args, &Environment::default());
        loaded.map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn the_embedded_journal_is_refused_by_a_master_only() {
        let embedded = ["alluxio.master.journal.type=EMBEDDED"];
        let line = told(Role::Master, &embedded);
        assert!(
            line.starts_with("alluxio.master.journal.type=EMBEDDED (-D argument): is not possible here"),
            "{line}"
        );
        assert!(line.contains("alluxio.master.journal.folder"), "{line}");
        assert_eq!(told(Role::Client, &embedded), "");
        assert_eq!(told(Role::Master, &["alluxio.master.journal.type=UFS"]), "");
    }

    #[test]
    fn zookeeper_needs_an_address() {
        let on = "alluxio.zookeeper.enabled=true";
        assert!(told(Role::Client, &[on]).ends_with("alluxio.zookeeper.address must be set as well"));
        assert_eq!(told(Role::Client, &[on, "alluxio.zookeeper.address=zk:2181"]), "");
    }

    #[test]
    fn authentication_must_be_one_that_exists_here() {
        let no = "alluxio.security.authentication.type=NOSASL";
        assert!(
            told(Role::Master, &[no])
                .contains("needs alluxio.security.authorization.permission.enabled=false")
        );
        assert_eq!(told(Role::Master, &[no, "alluxio.security.authorization.permission.enabled=false"]), "");
        assert_eq!(told(Role::Worker, &[no]), "");
        assert!(
            told(Role::Worker, &["alluxio.security.authentication.type=custom"])
                .contains("use SIMPLE or NOSASL")
        );
        assert_eq!(told(Role::Client, &["alluxio.security.authentication.type=CUSTOM"]), "");
    }

    #[test]
    fn a_first_pause_is_not_longer_than_the_longest() {
        let line = told(Role::Client, &["alluxio.user.rpc.retry.base.sleep=4s"]);
        assert_eq!(
            line,
            "alluxio.user.rpc.retry.base.sleep=4s (-D argument): must not be longer than \
             alluxio.user.rpc.retry.max.sleep (3sec)"
        );
    }

    #[test]
    fn a_worker_checks_its_tiers_at_load() {
        let two = ["alluxio.worker.tieredstore.levels=2"];
        assert!(told(Role::Worker, &two).contains("level1.dirs.path has no value"));
        assert_eq!(told(Role::Master, &two), "");
    }
}
