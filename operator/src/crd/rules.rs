//! Rules over several fields, which the API server checks (CEL; Kubernetes 1.29 or newer, for `quantity`). The ones that
//! compare with `oldSelf` keep what cannot be changed once the cluster exists.
//!
//! A rule with `oldSelf` is skipped where one of the two objects lacks the field that it is attached to. So whatever must not
//! appear or vanish either is looked at one level higher, in an object that defaults make sure of.

/// A rule and what the user is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The field that `self` is, from the object's root: `spec.workers[]` is each of the workers.
    pub at: &'static str,
    /// What must be true.
    pub rule: &'static str,
    /// What to do about it.
    pub message: &'static str,
}

impl Rule {
    /// Whether it compares with what the object was.
    #[must_use]
    pub fn is_transition(&self) -> bool {
        self.rule.contains("oldSelf")
    }
}

const fn rule(at: &'static str, rule: &'static str, message: &'static str) -> Rule {
    Rule { at, rule, message }
}

const ONE_CONFIGURATION: &str = "has(self.configMap) != has(self.secret)";
const ONE_CONFIGURATION_MESSAGE: &str = "set one of configMap and secret";
const ONE_VALUE: &str = "!(has(self.value) && has(self.valueFrom))";
const ONE_VALUE_MESSAGE: &str = "set one of value and valueFrom";
const ONE_SOURCE: &str =
    "[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef)].filter(set, set).size() == 1";
const ONE_SOURCE_MESSAGE: &str = "set one of secretKeyRef, configMapKeyRef and fieldRef";
const TWO_PORTS: &str = "self.rpc != self.web";
const TWO_PORTS_MESSAGE: &str = "rpc and web need different ports";

/// A field that can neither appear, nor vanish, nor change. (Optional values would be shorter, but the API server counts their size as endless, and
/// refuses the rule as too costly.)
macro_rules! unchanged {
    ($field:literal) => {
        concat!(
            "has(self.",
            $field,
            ") == has(oldSelf.",
            $field,
            ") && (!has(self.",
            $field,
            ") || self.",
            $field,
            " == oldSelf.",
            $field,
            ")"
        )
    };
}

/// A field that can neither appear nor vanish.
macro_rules! stays {
    ($field:literal) => {
        concat!("has(self.", $field, ") == has(oldSelf.", $field, ")")
    };
}

/// Each folder as far as claims depend on it; they are named by its place in the list.
macro_rules! claims {
    ($tiers:literal) => {
        concat!(
            $tiers,
            ".map(tier, has(tier.volume.claimTemplate) ? [tier.mediumType, has(tier.volume.claimTemplate.size) ? \
             string(tier.volume.claimTemplate.size) : string(tier.quota), has(tier.volume.claimTemplate.storageClassName) ? \
             tier.volume.claimTemplate.storageClassName : ''] : [tier.mediumType])"
        )
    };
}

const CLAIMS_STAY: &str = concat!(
    "self.kind != 'StatefulSet' || (!self.tiers.exists(tier, has(tier.volume.claimTemplate)) && \
     !oldSelf.tiers.exists(tier, has(tier.volume.claimTemplate))) || ",
    claims!("self.tiers"),
    " == ",
    claims!("oldSelf.tiers")
);

/// All rules.
pub const RULES: &[Rule] = &[
    rule(
        "",
        "self.metadata.name.size() <= 40",
        "metadata.name may have at most 40 characters: names of pods and claims are made of it",
    ),
    // At the root, where the status can be read. A storage class that cannot expand must not leave a spec that nobody can carry out;
    // and a claim is never made smaller by us.
    rule(
        "",
        "!has(self.spec.journal.claim) || !has(oldSelf.spec.journal.claim) || \
         quantity(string(self.spec.journal.claim.size)).compareTo(quantity(string(oldSelf.spec.journal.claim.size))) >= 0 || \
         (has(self.status) && has(self.status.conditions) && self.status.conditions.exists(it, it.reason == 'ApplyFailed'))",
        "spec.journal.claim.size can only grow, as Kubernetes has it, but where the API server refused to make it so",
    ),
    rule(
        "",
        "self.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",
        "metadata.name must begin with a letter and consist of small letters, digits and dashes: services are named after it",
    ),
    rule(
        "spec",
        "self.masters.count == 1 || has(self.zookeeper)",
        "masters.count above 1 needs zookeeper.addresses: without an election two masters would write one journal",
    ),
    rule(
        "spec",
        "self.masters.count == 1 || has(self.journal.uri) || has(self.journal.existingClaim) || \
         (has(self.journal.claim) && self.journal.claim.accessMode == 'ReadWriteMany')",
        "masters.count above 1 needs a journal that all masters reach: journal.uri, journal.existingClaim, or journal.claim \
         with accessMode ReadWriteMany",
    ),
    rule(
        "spec",
        "!has(oldSelf.zookeeper) || has(self.zookeeper)",
        "zookeeper cannot be taken away: a master that does not know of its removal would go on writing",
    ),
    rule(
        "spec",
        "(self.masters.count == 1 && oldSelf.masters.count == 1) || self.upgradeStrategy == 'Recreate' || !has(self.zookeeper) || \
         !has(oldSelf.zookeeper) || !has(self.zookeeper.addresses) || !has(oldSelf.zookeeper.addresses) || \
         size(self.zookeeper.addresses) == 0 || size(oldSelf.zookeeper.addresses) == 0 || \
         self.zookeeper.addresses.exists(address, address in oldSelf.zookeeper.addresses)",
        "zookeeper.addresses that have none in common with those before need upgradeStrategy Recreate: in a roll, masters of the old \
         and of the new ensemble would elect a leader each",
    ),
    rule(
        "spec.journal",
        "[has(self.uri), has(self.claim), has(self.existingClaim)].filter(set, set).size() <= 1",
        "set at most one of uri, claim and existingClaim",
    ),
    rule(
        "spec.journal",
        "has(self.uri) || !(has(self.configuration) || has(self.user))",
        "configuration and user are for a journal on HDFS: set uri, or take them out",
    ),
    rule(
        "spec.journal",
        unchanged!("uri"),
        "journal.uri cannot be changed; make a new cluster and move with `alluxio fsadmin backup`",
    ),
    rule(
        "spec.journal",
        stays!("existingClaim"),
        "journal.existingClaim cannot be added or taken away; make a new cluster and move with `alluxio fsadmin backup`",
    ),
    // Without one the cluster has the default claim: who writes that out, larger perhaps, moves nothing.
    rule(
        "spec.journal",
        "has(self.claim) == has(oldSelf.claim) || (has(self.claim) && !has(self.claim.storageClassName) && \
         self.claim.accessMode == 'ReadWriteOnce' && quantity(string(self.claim.size)).compareTo(quantity('10Gi')) >= 0)",
        "journal.claim cannot be taken away, and added only as the default claim of 10Gi or a larger one; make a new cluster and \
         move with `alluxio fsadmin backup`",
    ),
    rule(
        "spec.journal.existingClaim",
        "self.claimName == oldSelf.claimName",
        "claimName cannot be changed; make a new cluster and move with `alluxio fsadmin backup`",
    ),
    rule(
        "spec.journal.existingClaim",
        unchanged!("path"),
        "path cannot be changed; make a new cluster and move with `alluxio fsadmin backup`",
    ),
    rule(
        "spec.journal.claim",
        unchanged!("storageClassName"),
        "storageClassName cannot be changed: Kubernetes keeps it for a claim's life",
    ),
    rule(
        "spec.journal.claim",
        "self.accessMode == oldSelf.accessMode",
        "accessMode cannot be changed: Kubernetes keeps it for a claim's life",
    ),
    rule("spec.journal.configuration", ONE_CONFIGURATION, ONE_CONFIGURATION_MESSAGE),
    rule(
        "spec.zookeeper",
        "(has(self.addresses) && size(self.addresses) > 0) != has(self.addressesFrom)",
        "set one of addresses and addressesFrom",
    ),
    rule(
        "spec.zookeeper",
        unchanged!("chroot"),
        "chroot cannot be changed: masters of the old and of the new folder would elect a leader each",
    ),
    rule(
        "spec.underStorage.root",
        "[has(self.uri), has(self.claim), has(self.hostFolder)].filter(set, set).size() == 1",
        "set one of uri, claim and hostFolder",
    ),
    rule(
        "spec.underStorage.root",
        unchanged!("uri"),
        "uri cannot be changed: the namespace was made from it",
    ),
    rule(
        "spec.underStorage.root",
        unchanged!("claim"),
        "claim cannot be changed: the namespace was made from it",
    ),
    rule(
        "spec.underStorage.root",
        stays!("hostFolder"),
        "hostFolder cannot be added or taken away: the namespace was made from it",
    ),
    rule(
        "spec.underStorage.root.hostFolder",
        "self.path == oldSelf.path",
        "path cannot be changed: the namespace was made from it",
    ),
    rule("spec.underStorage.root.configuration", ONE_CONFIGURATION, ONE_CONFIGURATION_MESSAGE),
    rule(
        "spec.underStorage.mounts[]",
        "self.uri == oldSelf.uri",
        "uri cannot be changed, since what is not persisted yet would be lost with the old mount: take the mount out, and add it again \
         when status.mounts shows that it is gone",
    ),
    rule("spec.underStorage.mounts[].configuration", ONE_CONFIGURATION, ONE_CONFIGURATION_MESSAGE),
    rule("spec.masters.ports", TWO_PORTS, TWO_PORTS_MESSAGE),
    rule("spec.masters.env[]", ONE_VALUE, ONE_VALUE_MESSAGE),
    rule("spec.masters.env[].valueFrom", ONE_SOURCE, ONE_SOURCE_MESSAGE),
    rule("spec.workers[].ports", TWO_PORTS, TWO_PORTS_MESSAGE),
    rule("spec.workers[].env[]", ONE_VALUE, ONE_VALUE_MESSAGE),
    rule("spec.workers[].env[].valueFrom", ONE_SOURCE, ONE_SOURCE_MESSAGE),
    rule(
        "spec.workers[]",
        "!(self.name in ['delete', 'format', 'journal', 'leader', 'masters', 'workers'])",
        "name is one that another cluster's objects may have; choose another",
    ),
    rule(
        "spec.workers[]",
        "self.kind == oldSelf.kind",
        "kind cannot be changed; add a group of another name and take this one out when it is ready",
    ),
    rule(
        "spec.workers[]",
        "self.kind == 'StatefulSet' || !has(self.count)",
        "count is for kind StatefulSet; a DaemonSet has a worker on each node that scheduling admits",
    ),
    // Kubernetes keeps a StatefulSet's claims as they were made: which folders have one, of what size and class. (One of no size has that
    // of its quota.) The rest may change.
    rule(
        "spec.workers[]",
        CLAIMS_STAY,
        "tiers of a StatefulSet whose workers have claims keep their number, media and claims, because Kubernetes keeps those; add a \
         group of another name and take this one out",
    ),
    rule(
        "spec.workers[]",
        "!self.tiers.exists(tier, has(tier.volume.claim)) || (self.kind == 'StatefulSet' && (!has(self.count) || self.count <= 1))",
        "volume.claim is for a StatefulSet of one worker: workers cannot share a folder; use claimTemplate",
    ),
    rule(
        "spec.workers[].tiers[].volume",
        "[has(self.emptyDir), has(self.hostPath), has(self.claimTemplate), has(self.claim)].filter(set, set).size() <= 1",
        "set at most one of emptyDir, hostPath, claimTemplate and claim",
    ),
    rule(
        "spec.workers[].tiers[]",
        "self.mediumType != 'MEM' || !(has(self.volume.claim) || has(self.volume.claimTemplate))",
        "mediumType MEM is memory: use emptyDir, or hostPath on a tmpfs of the node; for a claim say SSD or HDD",
    ),
    rule(
        "spec.workers[].shortCircuit",
        "!has(self.hostPath) || self.mode == 'UUID'",
        "hostPath is for mode UUID: set the mode, or take hostPath out",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_stands_once_and_says_what_to_do() {
        for (at, rule) in RULES.iter().enumerate() {
            assert!(!RULES[..at].contains(rule), "{rule:?}");
            assert!(rule.message.len() >= 20 && !rule.message.ends_with('.'), "{rule:?}");
        }
    }

    /// The field of a rule that begins with whether it is there, and whether its value counts, too.
    fn of_a_field(rule: &Rule) -> Option<(String, bool)> {
        let (field, rest) = rule.rule.strip_prefix("has(self.")?.split_once(')')?;
        rest.starts_with(&format!(" == has(oldSelf.{field})")).then(|| {
            let path = format!("/{}/{field}", rule.at.replace('.', "/"));
            (path.replacen("/spec", "", 1), rule.rule.contains(&format!("self.{field} == oldSelf.{field}")))
        })
    }

    /// The rows that tests with an API server try: for every such rule at least one; of every field that may be absent an unset and a set,
    /// and a change of its value where that counts.
    #[test]
    fn every_rule_about_changes_has_its_rows() {
        #[derive(serde::Deserialize)]
        struct Row {
            rule: Option<String>,
            before: serde_json::Value,
            after: serde_json::Value,
        }
        let path = crate::fixture::root().join("operator/tests/transitions.yaml");
        let text = std::fs::read_to_string(path).expect("is there");
        let rows: Vec<Row> = crate::yaml::from_str(&text).expect("rows");
        let spec = |patch: &serde_json::Value| {
            serde_json::to_value(crate::fixture::cluster(&patch.to_string()).spec).expect("is JSON")
        };
        let name = |rule: &Rule| {
            format!("{} {}", rule.at, rule.message.split([' ', ';']).next().unwrap_or_default())
        };
        let mut of_fields = 0;
        for rule in RULES.iter().filter(|rule| rule.is_transition()) {
            let rows = rows.iter().filter(|row| row.rule.as_deref() == Some(&name(rule)));
            let rows: Vec<_> = rows.map(|row| (spec(&row.before), spec(&row.after))).collect();
            assert!(!rows.is_empty(), "{} has no row", name(rule));
            for (before, after) in &rows {
                assert_ne!(before, after, "{}", name(rule));
            }
            let Some((field, value_counts)) = of_a_field(rule) else { continue };
            of_fields += 1;
            let has = |before: bool, after: bool| {
                rows.iter().any(|row| {
                    let (old, new) = (row.0.pointer(&field), row.1.pointer(&field));
                    (old.is_some(), new.is_some()) == (before, after) && old != new
                })
            };
            assert!(has(false, true), "{}: {field} is set in no row", name(rule));
            assert!(has(true, false), "{}: {field} is unset in no row", name(rule));
            assert!(has(true, true) || !value_counts, "{}: {field} changes in no row", name(rule));
        }
        assert_eq!(
            of_fields,
            RULES.iter().filter(|rule| rule.rule.starts_with("has(self.") && rule.is_transition()).count()
        );
        assert!(of_fields >= 9, "{of_fields}");
        let known: Vec<String> = RULES.iter().map(name).collect();
        for row in &rows {
            assert!(row.rule.as_ref().is_none_or(|rule| known.contains(rule)), "{:?} is no rule", row.rule);
        }
        assert!(rows.iter().filter(|row| row.rule.is_none()).count() >= 10);
    }

    #[test]
    fn what_cannot_be_changed_is_listed() {
        let transitions = RULES.iter().filter(|rule| rule.is_transition());
        let fields: Vec<(&str, &str)> =
            transitions.map(|rule| (rule.at, rule.message.split([' ', ';']).next().unwrap())).collect();
        assert_eq!(
            fields,
            [
                ("", "spec.journal.claim.size"),
                ("spec", "zookeeper"),
                ("spec", "zookeeper.addresses"),
                ("spec.journal", "journal.uri"),
                ("spec.journal", "journal.existingClaim"),
                ("spec.journal", "journal.claim"),
                ("spec.journal.existingClaim", "claimName"),
                ("spec.journal.existingClaim", "path"),
                ("spec.journal.claim", "storageClassName"),
                ("spec.journal.claim", "accessMode"),
                ("spec.zookeeper", "chroot"),
                ("spec.underStorage.root", "uri"),
                ("spec.underStorage.root", "claim"),
                ("spec.underStorage.root", "hostFolder"),
                ("spec.underStorage.root.hostFolder", "path"),
                ("spec.underStorage.mounts[]", "uri"),
                ("spec.workers[]", "kind"),
                ("spec.workers[]", "tiers"),
            ]
        );
    }
}
