//! Properties and environment variables that the operator sets itself, and the field to use instead. One table: what is in it
//! is refused wherever a user could write it.

/// How a row names properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    /// This one.
    Is(&'static str),
    /// All that begin so.
    Begins(&'static str),
    /// `alluxio.worker.tieredstore.level<n>` and this.
    Tier(&'static str),
}

use Name::{Begins, Is, Tier};

const TIERS: &str = "use spec.workers[].tiers";
const MASTER_NAME: &str =
    "take it out: each master is called by its pod's name, or by its node's address with network Host";
const WORKER_NAME: &str = "take it out: each worker is called by its node's address";
const LAYOUT: &str = "take it out: the operator lays out the pod's folders";

const PROPERTIES: [(Name, &str); 37] = [
    (Is("alluxio.conf.dir"), LAYOUT),
    (Is("alluxio.home"), LAYOUT),
    (Is("alluxio.logs.dir"), LAYOUT),
    (Is("alluxio.site.conf.dir"), LAYOUT),
    (Is("alluxio.tmp.dirs"), "use spec.masters.storage.sizeLimit: what is spooled lies there"),
    (Is("alluxio.work.dir"), LAYOUT),
    (Is("alluxio.master.metastore.dir"), LAYOUT),
    (Is("alluxio.master.hostname"), MASTER_NAME),
    (Is("alluxio.master.rpc.port"), "use spec.masters.ports.rpc"),
    (Is("alluxio.master.web.port"), "use spec.masters.ports.web"),
    (Is("alluxio.master.rpc.addresses"), MASTER_NAME),
    (Is("alluxio.master.journal.cluster.id"), "take it out: the operator tells masters whose journal it is"),
    (Is("alluxio.master.replaces.namesake"), "take it out: of two pods of one name the later one counts"),
    (Is("alluxio.master.journal.folder"), "use spec.journal"),
    (Is("alluxio.master.journal.type"), "take it out: the journal is where spec.journal says"),
    (Is("alluxio.master.journal.ufs.option"), "use spec.journal.configuration and spec.journal.user"),
    (Begins("alluxio.master.journal.ufs.option."), "use spec.journal.configuration and spec.journal.user"),
    (
        Begins("alluxio.master.embedded.journal."),
        "take it out: masters elect a leader through spec.zookeeper",
    ),
    (Is("alluxio.master.mount.table.root.ufs"), "use spec.underStorage.root.uri"),
    (Is("alluxio.master.mount.table.root.readonly"), "use spec.underStorage.root.readOnly"),
    (Is("alluxio.master.mount.table.root.local.disk.allowed"), "use spec.underStorage.root.claim"),
    (Is("alluxio.master.mount.table.root.option"), "use spec.underStorage.root.options"),
    (Begins("alluxio.master.mount.table.root.option."), "use spec.underStorage.root.options"),
    (Is("alluxio.zookeeper.enabled"), "use spec.zookeeper"),
    (Is("alluxio.zookeeper.address"), "use spec.zookeeper.addresses"),
    (Is("alluxio.zookeeper.election.path"), "use spec.zookeeper.chroot"),
    (Is("alluxio.zookeeper.leader.path"), "use spec.zookeeper.chroot"),
    (Is("alluxio.zookeeper.session.timeout"), "use spec.zookeeper.sessionTimeoutSeconds"),
    (Is("alluxio.zookeeper.auth.enabled"), "use spec.zookeeper.auth"),
    (Is("java.security.auth.login.config"), "use spec.zookeeper.auth"),
    (Is("alluxio.worker.hostname"), WORKER_NAME),
    (Is("alluxio.worker.container.hostname"), WORKER_NAME),
    (Is("alluxio.worker.rpc.port"), "use spec.workers[].ports.rpc"),
    (Is("alluxio.worker.web.port"), "use spec.workers[].ports.web"),
    (Begins("alluxio.worker.data.server.domain.socket."), "use spec.workers[].shortCircuit"),
    (Is("alluxio.worker.ramdisk.size"), TIERS),
    (Is("alluxio.worker.tieredstore.levels"), TIERS),
];

/// The parts of a tier that `spec.workers[].tiers` stands for. Watermarks are left to the user.
const TIER_PARTS: [Name; 4] = [Tier("alias"), Tier("dirs.path"), Tier("dirs.quota"), Tier("dirs.mediumtype")];

const VARIABLES: [(&str, &str); 21] = [
    ("ALLUXIO_CONF_DIR", LAYOUT),
    ("ALLUXIO_HOME", LAYOUT),
    ("ALLUXIO_IGNORE_UNKNOWN_PROPERTIES", OPERATORS_OWN),
    ("ALLUXIO_LOGS_DIR", LAYOUT),
    ("ALLUXIO_MASTER_HOSTNAME", MASTER_NAME),
    ("ALLUXIO_MASTER_MOUNT_TABLE_ROOT_UFS", "use spec.underStorage.root.uri"),
    ("ALLUXIO_RAM_FOLDER", TIERS),
    ("ALLUXIO_UNDERFS_ADDRESS", "use spec.underStorage.root.uri"),
    ("ALLUXIO_WORKER_MEMORY_SIZE", TIERS),
    ("ALLUXIO_WORKER_RAMDISK_SIZE", TIERS),
    ("HOST_IP", OPERATORS_OWN),
    ("NODE_IP", OPERATORS_OWN),
    ("NODE_NAME", OPERATORS_OWN),
    ("POD_IP", OPERATORS_OWN),
    ("POD_NAME", OPERATORS_OWN),
    ("POD_NAMESPACE", OPERATORS_OWN),
    ("ALLUXIO_CLUSTER_NAME", OPERATORS_OWN),
    ("ALLUXIO_WORKER_HOSTNAME", WORKER_NAME),
    ("ALLUXIO_WORKER_CONTAINER_HOSTNAME", WORKER_NAME),
    ("ALLUXIO_LOGSERVER_HOSTNAME", "take it out: logs go to the pod's output"),
    ("ALLUXIO_LOGSERVER_PORT", "take it out: logs go to the pod's output"),
];

const OPERATORS_OWN: &str = "choose another name: the operator sets this variable";

/// Variables with Java options of which some hold properties; what is in them is checked like `spec.properties`.
pub const JAVA_OPTS: [&str; 4] =
    ["ALLUXIO_JAVA_OPTS", "ALLUXIO_MASTER_JAVA_OPTS", "ALLUXIO_USER_JAVA_OPTS", "ALLUXIO_WORKER_JAVA_OPTS"];

/// The variables of root credentials begin so.
pub const CREDENTIAL_VARIABLE: &str = "ALLUXIO_ROOT_CREDENTIAL_";

/// What to use instead of a property, when the operator owns it. Aliases count as what they stand for.
#[must_use]
pub fn instead_of_property(name: &str) -> Option<&'static str> {
    let name = alluxio_conf::canonical(name);
    let listed = PROPERTIES.iter().find(|(row, _)| matches(*row, name)).map(|(_, advice)| *advice);
    listed.or_else(|| TIER_PARTS.iter().any(|row| matches(*row, name)).then_some(TIERS))
}

/// What to do about an environment variable, when the operator owns it.
#[must_use]
pub fn instead_of_variable(name: &str) -> Option<&'static str> {
    if name.starts_with(CREDENTIAL_VARIABLE) {
        return Some(OPERATORS_OWN);
    }
    VARIABLES.iter().find(|(variable, _)| *variable == name).map(|(_, advice)| *advice)
}

fn matches(row: Name, name: &str) -> bool {
    match row {
        Is(whole) => name == whole,
        Begins(beginning) => name.starts_with(beginning),
        Tier(part) => {
            let level =
                name.strip_prefix("alluxio.worker.tieredstore.level").and_then(|rest| rest.split_once('.'));
            level.is_some_and(|(number, rest)| {
                rest == part && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_names_properties_that_exist() {
        for (row, _) in PROPERTIES {
            let (Is(name) | Begins(name) | Tier(name)) = row;
            let exists = |name: &str| alluxio_conf::describe(name).is_some();
            let begins = alluxio_conf::properties().iter().any(|property| property.name.starts_with(name));
            assert!(exists(name) || begins || exists(&format!("{name}x")), "{name}");
        }
        for row in TIER_PARTS {
            let Tier(part) = row else { panic!("only tiers") };
            assert!(alluxio_conf::describe(&format!("alluxio.worker.tieredstore.level3.{part}")).is_some());
        }
    }

    #[test]
    fn aliases_and_patterns_are_owned_too() {
        for owned in [
            "alluxio.master.hostname",
            "alluxio.master.port",
            "alluxio.underfs.address",
            "alluxio.worker.memory.size",
            "alluxio.master.mount.table.root.option.s3a.accessKeyId",
            "alluxio.master.journal.ufs.option.dfs.blocksize",
            "alluxio.worker.tieredstore.level7.dirs.quota",
            "alluxio.worker.data.server.domain.socket.as.uuid",
            "alluxio.zookeeper.address",
        ] {
            assert!(instead_of_property(owned).is_some(), "{owned}");
        }
        for free in [
            "alluxio.user.file.writetype.default",
            "alluxio.worker.tieredstore.level0.watermark.high.ratio",
            "alluxio.worker.tieredstore.levelx.alias",
            "alluxio.zookeeper.leader.inquiry.retry",
            "alluxio.master.journal.checkpoint.period.entries",
            "alluxio.master.backup.directory",
        ] {
            assert_eq!(instead_of_property(free), None, "{free}");
        }
    }

    #[test]
    fn the_operators_variables_are_owned() {
        assert!(instead_of_variable("POD_NAME").is_some());
        assert!(instead_of_variable("ALLUXIO_ROOT_CREDENTIAL_0").is_some());
        assert!(instead_of_variable("ALLUXIO_JAVA_OPTS").is_none());
        assert!(instead_of_variable("HADOOP_USER_NAME").is_none());
    }

    #[test]
    fn every_advice_names_a_field_or_says_to_take_it_out() {
        let advice =
            PROPERTIES.iter().map(|(_, advice)| advice).chain(VARIABLES.iter().map(|(_, advice)| advice));
        for advice in advice {
            let says = ["use spec.", "take it out", "choose another name"]
                .iter()
                .any(|start| advice.starts_with(start));
            assert!(says, "{advice}");
        }
    }
}
