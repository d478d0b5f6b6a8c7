//! The configuration as others see it: what `GetConfiguration` answers, its hash, `alluxio getConf`.

use std::fmt::Write as _;

use md5::{Digest, Md5};

use crate::computed;
use crate::configuration::Configuration;
use crate::error::ConfError;
use crate::kind::Kind;
use crate::source::Source;
use crate::table::{self, PROPERTIES, Property};
use crate::template;
use crate::unit::Unit;

/// What stands for a secret wherever values are shown.
pub const MASKED: &str = "******";

/// One property as it is told to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// The value, `None` when it has none; masked when it is a secret.
    pub value: Option<String>,
    /// Where it came from; displays as Java writes it.
    pub source: Source,
}

impl Configuration {
    /// All properties as they were written, `${}` kept, secrets masked, sorted by name. `alluxio.version` and
    /// `alluxio.underfs.version`, which a Java client needs, have defaults and so are always among them. Foreign
    /// names in the site file are not.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.list(|name| self.raw(name))
    }

    /// The same with references resolved.
    #[must_use]
    pub fn resolved_entries(&self) -> Vec<Entry> {
        self.list(|name| self.by_name(name))
    }

    /// What `GetConfiguration` answers; `raw` is its option `rawValue`. Only texts, durations and sizes are told raw:
    /// Java parses the others as they come, and reads `${…}` as false, or refuses it.
    #[must_use]
    pub fn cluster_properties(&self, raw: bool) -> Vec<Entry> {
        if !raw {
            return self.resolved_entries();
        }
        self.list(|name| match table::describe(name).map(|row| row.kind) {
            Some(Kind::Bool | Kind::Int { .. } | Kind::Double { .. } | Kind::Choice(_)) => self.by_name(name),
            _ => self.raw(name),
        })
    }

    /// The hash over [`Configuration::entries`], as hex MD5. Clients compare it every minute and start afresh when
    /// it changes, so it depends on names and values alone, not on the source, which differs from host to host.
    /// Secrets go in masked: everybody may ask for the hash, and the rest of what it is made of is public.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut digest = Md5::new();
        for entry in self.entries() {
            // A set empty text and an absent value differ; these bytes stand in no name or value.
            let value = entry.value.map_or_else(|| "\u{1}".to_owned(), |value| format!("\u{2}{value}"));
            digest.update(format!("{}{value}\0", entry.name));
        }
        digest.finalize().iter().fold(String::with_capacity(32), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The value of a property for people: resolved, secrets masked, in `unit` when one is given. `Ok(None)` when
    /// it has none.
    pub fn display(&self, name: &str, unit: Option<Unit>) -> Result<Option<String>, ConfError> {
        if table::describe(name).is_none() {
            return Err(ConfError::NoSuchKey(name.to_owned()));
        }
        match (self.by_name(name), unit) {
            (Some(value), Some(unit)) => unit.of(name, &value).map(Some),
            (value, _) => Ok(value.map(|value| shown(name, &value).to_owned())),
        }
    }

    fn list(&self, value: impl Fn(&str) -> Option<String>) -> Vec<Entry> {
        let entry = |name: &str| Entry {
            name: name.to_owned(),
            value: value(name).map(|value| shown(name, &value).to_owned()),
            source: self.source_of(name),
        };
        self.names().map(entry).collect()
    }

    /// The fixed names, and the parameterised ones that are set, sorted.
    fn names(&self) -> impl Iterator<Item = &str> {
        let instances = self
            .settings()
            .iter()
            .map(|(name, _)| name)
            .filter(|name| table::index_of(name).is_none() && table::describe(name).is_some());
        let mut names: Vec<&str> = PROPERTIES.iter().map(|row| row.name).chain(instances).collect();
        names.sort_unstable();
        names.into_iter()
    }
}

/// What is set for a property, else its default as far as it is a text: a computed one is evaluated.
pub(crate) fn raw(conf: &Configuration, name: &str) -> Option<String> {
    if let Some(setting) = conf.settings().get(name) {
        return Some(setting.raw.clone());
    }
    let row = table::describe(name)?;
    match row.default.strip_prefix('@') {
        // An expression that cannot be evaluated was refused when the configuration was checked.
        Some(expression) => {
            computed::evaluate(expression, conf.machine()).ok().map(|value| value.to_string())
        }
        None if row.default.is_empty() => None,
        None => {
            let default =
                template::fill(row.default, &template::captures(row.name, name).unwrap_or_default());
            // A Java client resolves `${}` by property names only.
            Some(default.replace("${user.home}", &conf.machine().user_home))
        }
    }
}

/// A value as it may be shown.
pub(crate) fn shown<'a>(name: &str, value: &'a str) -> &'a str {
    if is_secret(name) && !value.is_empty() { MASKED } else { value }
}

/// The value of an option of a mount as it may be shown: masked also where no table knows the option, but its name
/// tells.
pub fn shown_option<'a>(name: &str, value: &'a str) -> &'a str {
    let lower = name.to_ascii_lowercase();
    let telling = ["secret", "password", "credential", "token"].iter().any(|word| lower.contains(word));
    if telling && !value.is_empty() { MASKED } else { shown(name, value) }
}

/// Whether a property holds a secret, also as an option of a mount or of the journal.
pub fn is_secret(name: &str) -> bool {
    let secret = |row: &Property| row.kind == Kind::Secret;
    let nested = name.split_once(".option.").map(|(_, nested)| nested);
    table::describe(name).is_some_and(secret) || nested.and_then(table::describe).is_some_and(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_properties_are_told_and_those_that_java_needs() {
        let conf = Configuration::defaults()
            .with(&[("alluxio.worker.tieredstore.level5.alias", "X")])
            .expect("right");
        let entries = conf.entries();
        assert_eq!(entries.len(), PROPERTIES.len() + 1);
        assert!(entries.is_sorted_by(|a, b| a.name < b.name));
        let of =
            |name: &str| entries.iter().find(|entry| entry.name == name).map(|entry| entry.value.clone());
        assert_eq!(of("alluxio.version"), Some(Some("2.9.4".to_owned())));
        assert_eq!(of("alluxio.underfs.version"), Some(Some("3.3.4".to_owned())));
        assert_eq!(of("alluxio.master.hostname"), Some(None));
        assert_eq!(of("alluxio.logs.dir"), Some(Some("${alluxio.work.dir}/logs".to_owned())));
        assert_eq!(of("alluxio.worker.tieredstore.level5.alias"), Some(Some("X".to_owned())));
        let resolved = conf.resolved_entries();
        let logs =
            resolved.iter().find(|entry| entry.name == "alluxio.logs.dir").and_then(|e| e.value.as_deref());
        assert_eq!(logs, Some("/opt/alluxio/logs"));
    }

    /// A Java worker that read the lease's switch as false would register without one, be refused, and end.
    #[test]
    fn what_java_cannot_resolve_is_told_resolved() {
        let conf = Configuration::defaults()
            .with(&[(
                "alluxio.worker.block.master.client.pool.size",
                "${alluxio.master.worker.register.lease.count}",
            )])
            .expect("right");
        let told = conf.cluster_properties(true);
        let of = |name: &str| told.iter().find(|entry| entry.name == name).and_then(|e| e.value.as_deref());
        assert_eq!(of("alluxio.worker.register.lease.enabled"), Some("true"));
        assert_eq!(of("alluxio.worker.block.master.client.pool.size"), Some("25"));
        assert_eq!(of("alluxio.logs.dir"), Some("${alluxio.work.dir}/logs"));
    }

    #[test]
    fn a_computed_default_is_told_as_its_number() {
        let conf = Configuration::defaults();
        let raw = conf.raw("alluxio.worker.network.async.cache.manager.threads.max").expect("has one");
        assert!(raw.parse::<u64>().is_ok_and(|threads| threads >= 8), "{raw}");
    }

    #[test]
    fn defaults_refer_to_properties_only() {
        for entry in Configuration::defaults().entries() {
            let value = entry.value.unwrap_or_default();
            let references = value.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
            for (reference, _) in references {
                assert!(table::index_of(reference).is_some(), "{}={value}", entry.name);
            }
        }
    }

    #[test]
    fn the_hash_changes_with_the_values_only() {
        let conf = Configuration::defaults();
        let hash = conf.hash();
        assert!(hash.len() == 32 && hash.bytes().all(|b| b.is_ascii_hexdigit()));
        let same = conf.with(&[("alluxio.user.block.size.bytes.default", "64MB")]).expect("right");
        assert_eq!(same.hash(), hash, "the source does not count");
        let other = conf.with(&[("alluxio.user.block.size.bytes.default", "32MB")]).expect("right");
        assert_ne!(other.hash(), hash);
        let empty = conf.with(&[("alluxio.worker.hostname", "")]).expect("right");
        assert_ne!(empty.hash(), hash, "set to nothing is not unset");
    }
}
