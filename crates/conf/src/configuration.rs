//! The configuration of a process: checked values, typed access.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use crate::environment::{Environment, Machine};
use crate::error::ConfError;
use crate::kind::Value;
use crate::resolve::Resolver;
use crate::rules;
use crate::settings::Settings;
use crate::source::{Place, Source};
use crate::table::{self, Known, PROPERTIES, Role};
use crate::typed::{Key, KeyName, ValueKind};
use crate::view;

/// All properties with their values. Cheap to clone; never changes, [`Configuration::with`] makes another one.
#[derive(Clone, Debug)]
pub struct Configuration {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    role: Role,
    machine: Machine,
    settings: Settings,
    /// By position in the table.
    values: Vec<Option<Checked>>,
    /// Resolved texts of set parameterised names and of foreign ones.
    others: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
struct Checked {
    text: String,
    value: Value,
}

/// Nothing set, for a client on this machine.
static DEFAULTS: LazyLock<Configuration> = LazyLock::new(|| {
    let machine = Environment::of_process().unwrap_or_default().machine;
    #[allow(clippy::expect_used)] // The table is part of the program; `every_default_is_valid` tests it.
    Configuration::check(Role::Client, machine, Settings::default()).expect("the defaults are valid")
});

impl Configuration {
    /// The defaults alone.
    #[must_use]
    pub fn defaults() -> Self {
        DEFAULTS.clone()
    }

    /// Resolves and checks everything; tells all mistakes at once.
    pub(crate) fn check(role: Role, machine: Machine, settings: Settings) -> Result<Self, ConfError> {
        let mut resolver = Resolver::new(&settings, &machine);
        let mut errors = Vec::new();
        let mut values = Vec::with_capacity(PROPERTIES.len());
        for property in &PROPERTIES {
            let checked = check_one(property.name, property, &mut resolver, &settings);
            values.push(checked.unwrap_or_else(|error| {
                errors.push(error);
                None
            }));
        }
        let mut others = BTreeMap::new();
        for (name, _) in settings.iter() {
            let text = match table::lookup(name) {
                Some(Known::Fixed { .. }) => continue,
                Some(Known::Instance(row)) => check_one(name, row, &mut resolver, &settings)
                    .map(|checked| checked.map(|checked| checked.text)),
                None => resolver.text(name),
            };
            match text {
                Ok(Some(text)) => {
                    others.insert(name.to_owned(), text);
                }
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        ConfError::all(without_echoes(errors))?;
        let conf = Self { inner: Arc::new(Inner { role, machine, settings, values, others }) };
        rules::check(&conf)?;
        Ok(conf)
    }

    /// The value of a property that always has one.
    pub fn get<K: ValueKind>(&self, key: Key<K>) -> K::Value {
        #[allow(clippy::expect_used)]
        // The build gives `Key` only to rows whose default ends in a value, with the marker of the row's kind,
        // and `check` refused everything that is not of that kind.
        self.opt(key).expect("a property with a default has a value of its kind")
    }

    /// The value of a property, if it has one.
    pub fn opt<K: ValueKind>(&self, key: impl KeyName<K>) -> Option<K::Value> {
        K::of(&self.inner.values.get(key.index())?.as_ref()?.value)
    }

    /// The resolved text of a property by its name, an alias of it, or an instance of a parameterised name, with
    /// defaults applied.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<String> {
        match table::lookup(name) {
            Some(Known::Fixed { index, .. }) => Some(self.inner.values.get(index)?.as_ref()?.text.clone()),
            Some(Known::Instance(_)) if !self.inner.others.contains_key(name) => {
                // Only its default is left, which cannot be wrong: what it refers to was checked.
                Resolver::new(&self.inner.settings, &self.inner.machine).text(name).ok().flatten()
            }
            _ => self.inner.others.get(name).cloned(),
        }
    }

    /// The set properties below a prefix: `alluxio.master.mount.table.root.option` gives the root mount's options,
    /// by what follows the prefix and a dot.
    #[must_use]
    pub fn nested(&self, prefix: &str) -> BTreeMap<String, String> {
        let others = self.inner.others.iter();
        let below = others.filter_map(|(name, value)| {
            let rest = name.strip_prefix(prefix)?.strip_prefix('.')?;
            Some((rest.to_owned(), value.clone()))
        });
        below.collect()
    }

    /// What is set for a property as it was written, references and secrets included; else its default.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<String> {
        view::raw(self, table::canonical(name))
    }

    /// Where the value of a property came from.
    #[must_use]
    pub fn source_of(&self, name: &str) -> Source {
        let setting = self.inner.settings.get(table::canonical(name));
        setting.map_or(Source::Default, |setting| setting.source.clone())
    }

    /// Where exactly the value of a property was written.
    #[must_use]
    pub fn place_of(&self, name: &str) -> Place {
        let setting = self.inner.settings.get(table::canonical(name));
        setting.map_or(Place::Default, |setting| setting.place.clone())
    }

    /// What kind of process this is for.
    #[must_use]
    pub fn role(&self) -> Role {
        self.inner.role
    }

    /// The same with some properties set at run time.
    pub fn with(&self, properties: &[(&str, &str)]) -> Result<Self, ConfError> {
        self.over(properties, &Source::Runtime, &Place::Runtime)
    }

    /// The same as it holds for one mount, whose options set some properties.
    pub fn for_mount(&self, options: &[(&str, &str)]) -> Result<Self, ConfError> {
        self.over(options, &Source::MountOption, &Place::Mount)
    }

    fn over(&self, properties: &[(&str, &str)], source: &Source, place: &Place) -> Result<Self, ConfError> {
        let mut settings = self.inner.settings.clone();
        let mut errors = Vec::new();
        for (name, value) in properties {
            // What could be noted here was chosen by the caller.
            let put = settings.put(name, value, source.clone(), place.clone(), &mut Vec::new());
            errors.extend(put.err());
        }
        ConfError::all(errors)?;
        Self::check(self.inner.role, self.inner.machine.clone(), settings)
    }

    /// The same with what the master told, where nothing stronger is set. Names that are not known here are
    /// passed over (the master may be of another version), as are those that do not concern this kind of process
    /// and those that describe the master's own host.
    pub fn merge_cluster_defaults(&self, properties: Vec<(String, String)>) -> Result<Self, ConfError> {
        if !self.get(crate::key::USER_CONF_CLUSTER_DEFAULT_ENABLED) {
            return Ok(self.clone());
        }
        let mut settings = self.inner.settings.clone();
        for (name, value) in properties {
            // What is everybody's default anyway is not set by that: one may refer to what has no value here.
            let wanted = table::describe(&name)
                .is_some_and(|row| row.scope.includes(self.inner.role) && row.default != value);
            if wanted && !HOST_ONLY.contains(&table::canonical(&name)) {
                settings.put(&name, &value, Source::ClusterDefault, Place::Cluster, &mut Vec::new())?;
            }
        }
        Self::check(self.inner.role, self.inner.machine.clone(), settings)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.inner.machine
    }
}

/// One mistake shows in every property whose value or default refers to the wrong one: it is told once.
fn without_echoes(mut errors: Vec<ConfError>) -> Vec<ConfError> {
    let is_echo = |error: &ConfError| matches!(error, ConfError::BadValue { place: Place::Default, .. });
    if !errors.iter().all(is_echo) {
        errors.retain(|error| !is_echo(error));
    }
    let mut told = BTreeSet::new();
    errors.retain(|error| told.insert(error.to_string()));
    errors
}

/// Properties about the host and the build of the process that has them.
const HOST_ONLY: [&str; 6] = [
    "alluxio.home",
    "alluxio.conf.dir",
    "alluxio.logs.dir",
    "alluxio.site.conf.dir",
    "alluxio.user.logs.dir",
    "alluxio.version",
];

fn check_one(
    name: &str,
    row: &table::Property,
    resolver: &mut Resolver,
    settings: &Settings,
) -> Result<Option<Checked>, ConfError> {
    let Some(text) = resolver.text(name)? else {
        return Ok(None);
    };
    // An empty text unsets what has no default: scripts write -Dalluxio.worker.hostname=$HOST without $HOST.
    if text.is_empty() && row.default.is_empty() {
        return Ok(None);
    }
    let checked = row.kind.read(&text).map(|value| Some(Checked { text: text.clone(), value }));
    checked.map_err(|expected| ConfError::BadValue {
        key: name.to_owned(),
        value: view::shown(name, &text).to_owned(),
        place: settings.get(name).map_or(Place::Default, |setting| setting.place.clone()),
        expected,
    })
}
