//! Loading: environment variables, `-D` arguments and the site file, each in its order, into one configuration.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::configuration::Configuration;
use crate::environment::Environment;
use crate::error::ConfError;
use crate::java_opts;
use crate::properties_file;
use crate::resolve::Resolver;
use crate::settings::Settings;
use crate::source::{Place, Source};
use crate::table::{self, Effect, Idle, Role};

/// The name of the site file.
pub const SITE_FILE: &str = "alluxio-site.properties";

/// A loaded configuration.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub conf: Configuration,
    /// The arguments that were not for it, in order.
    pub rest_args: Vec<String>,
    /// What the user should be told, one line each.
    pub notes: Vec<String>,
    /// The site file that was read.
    pub site_file: Option<PathBuf>,
}

/// Variables that the original's scripts turn into `-D` tokens after `ALLUXIO_JAVA_OPTS` (libexec/alluxio-config.sh).
const VARIABLES: [(&str, &str); 12] = [
    ("ALLUXIO_HOME", "alluxio.home"),
    ("ALLUXIO_CONF_DIR", "alluxio.conf.dir"),
    ("ALLUXIO_LOGS_DIR", "alluxio.logs.dir"),
    ("ALLUXIO_USER_LOGS_DIR", "alluxio.user.logs.dir"),
    ("ALLUXIO_RAM_FOLDER", "alluxio.worker.tieredstore.level0.dirs.path"),
    ("ALLUXIO_MASTER_HOSTNAME", "alluxio.master.hostname"),
    // The two old names stand before the ones that replaced them: the later one holds.
    ("ALLUXIO_UNDERFS_ADDRESS", "alluxio.master.mount.table.root.ufs"),
    ("ALLUXIO_MASTER_MOUNT_TABLE_ROOT_UFS", "alluxio.master.mount.table.root.ufs"),
    ("ALLUXIO_WORKER_MEMORY_SIZE", "alluxio.worker.ramdisk.size"),
    ("ALLUXIO_WORKER_RAMDISK_SIZE", "alluxio.worker.ramdisk.size"),
    ("ALLUXIO_LOGSERVER_HOSTNAME", "alluxio.logserver.hostname"),
    ("ALLUXIO_LOGSERVER_PORT", "alluxio.logserver.port"),
];

/// Set where a program chooses the settings and checks those of people, and may be newer than this release: a property that is not known is told and has
/// no effect. What stands in arguments is a person's.
const IGNORES_UNKNOWN: &str = "ALLUXIO_IGNORE_UNKNOWN_PROPERTIES";

const OLD_VARIABLES: [(&str, &str); 2] = [
    ("ALLUXIO_UNDERFS_ADDRESS", "ALLUXIO_MASTER_MOUNT_TABLE_ROOT_UFS"),
    ("ALLUXIO_WORKER_MEMORY_SIZE", "ALLUXIO_WORKER_RAMDISK_SIZE"),
];

impl Configuration {
    /// Loads the configuration of this process from its arguments, environment and site file.
    pub fn load(role: Role, args: impl IntoIterator<Item = String>) -> Result<Loaded, ConfError> {
        Self::load_in(role, args, &Environment::of_process()?)
    }

    /// Loads in a given environment.
    pub fn load_in(
        role: Role,
        args: impl IntoIterator<Item = String>,
        environment: &Environment,
    ) -> Result<Loaded, ConfError> {
        let mut loader =
            Loader { environment, settings: Settings::default(), notes: Vec::new(), errors: Vec::new() };
        loader.java_opts("ALLUXIO_JAVA_OPTS");
        loader.variables();
        loader.java_opts(role_variable(role));
        let args = java_opts::sort(args);
        loader.system_properties(args.properties, &Place::Argument);
        loader.note_jvm(&args.jvm, &Place::Argument);
        let site_file = loader.site_file()?;
        loader.note_idle();
        ConfError::all(loader.errors)?;
        let conf = Configuration::check(role, environment.machine.clone(), loader.settings)?;
        Ok(Loaded { conf, rest_args: args.rest, notes: loader.notes, site_file })
    }
}

fn role_variable(role: Role) -> &'static str {
    match role {
        Role::Master => "ALLUXIO_MASTER_JAVA_OPTS",
        Role::Worker => "ALLUXIO_WORKER_JAVA_OPTS",
        Role::Client => "ALLUXIO_USER_JAVA_OPTS",
    }
}

struct Loader<'a> {
    environment: &'a Environment,
    settings: Settings,
    notes: Vec<String>,
    errors: Vec<ConfError>,
}

impl Loader<'_> {
    fn put(&mut self, name: &str, value: &str, source: Source, place: Place) {
        let a_persons =
            place == Place::Argument || self.environment.variable(IGNORES_UNKNOWN) != Some("true");
        match self.settings.put(name, value, source, place, &mut self.notes) {
            Err(ConfError::UnknownKey { key, place, .. }) if !a_persons => {
                self.notes
                    .push(format!("{key} ({place}) is not a property of this release: it has no effect"));
            }
            put => self.errors.extend(put.err()),
        }
    }

    fn java_opts(&mut self, variable: &'static str) {
        let Some(text) = self.environment.variable(variable) else { return };
        let mut tokens = java_opts::sort(java_opts::words(text, self.environment));
        self.system_properties(tokens.properties, &Place::Variable(variable));
        // In this variable nothing else can stand but options of the virtual machine.
        tokens.jvm.append(&mut tokens.rest);
        self.note_jvm(&tokens.jvm, &Place::Variable(variable));
    }

    fn system_properties(&mut self, properties: Vec<(String, String)>, place: &Place) {
        let mut foreign = Vec::new();
        for (name, value) in properties {
            if table::lookup(&name).is_some() || name.starts_with("alluxio.") {
                self.put(&name, &value, Source::SystemProperty, place.clone());
            } else {
                foreign.push(format!("-D{name}"));
            }
        }
        self.note_jvm(&foreign, place);
    }

    fn variables(&mut self) {
        for (variable, property) in VARIABLES {
            let Some(value) = self.environment.variable(variable) else { continue };
            let place = Place::Variable(variable);
            if variable == "ALLUXIO_RAM_FOLDER" {
                let alias = "alluxio.worker.tieredstore.level0.alias";
                self.put(alias, "MEM", Source::SystemProperty, place.clone());
            }
            if let Some((_, new)) = OLD_VARIABLES.iter().find(|(old, _)| *old == variable) {
                self.notes.push(format!("{variable} is deprecated: use {new}"));
            }
            self.put(property, value, Source::SystemProperty, place);
        }
    }

    /// Options of the virtual machine in one line, without their values: there may be passwords among them.
    fn note_jvm(&mut self, tokens: &[String], place: &Place) {
        if !tokens.is_empty() {
            let names: Vec<&str> =
                tokens.iter().map(|token| token.split('=').next().unwrap_or(token)).collect();
            self.notes.push(format!(
                "no effect, there is no Java virtual machine here ({place}): {}",
                names.join(" ")
            ));
        }
    }

    /// Properties that are kept without effect, one line per reason; and deprecated ones.
    fn note_idle(&mut self) {
        let mut idle: BTreeMap<Idle, Vec<&str>> = BTreeMap::new();
        for (name, setting) in self.settings.iter() {
            match table::describe(name).map(|row| row.effect) {
                Some(Effect::Accepted(reason)) => idle.entry(reason).or_default().push(name),
                Some(Effect::Deprecated) => {
                    self.notes.push(format!("{name} is deprecated ({}): remove it", setting.place));
                }
                _ => {}
            }
        }
        for (reason, names) in idle {
            self.notes.push(format!("no effect, {}: {}", reason.reason(), names.join(", ")));
        }
    }

    /// Reads the first site file of the search order; the others do not count.
    fn site_file(&mut self) -> Result<Option<PathBuf>, ConfError> {
        let mut resolver = Resolver::new(&self.settings, &self.environment.machine);
        let dirs = resolver.text("alluxio.site.conf.dir")?.unwrap_or_default();
        for dir in crate::parse::list(&dirs) {
            let path = Path::new(&dir).join(SITE_FILE);
            match std::fs::read(&path) {
                Ok(bytes) => {
                    self.site(&path, &bytes)?;
                    return Ok(Some(path));
                }
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(source) => return Err(ConfError::Unreadable { path, source }),
            }
        }
        Ok(None)
    }

    fn site(&mut self, path: &Path, bytes: &[u8]) -> Result<(), ConfError> {
        let pairs = properties_file::parse(&properties_file::decode(bytes)).map_err(|mistake| {
            ConfError::Syntax { path: path.to_owned(), line: mistake.line, reason: mistake.reason }
        })?;
        for pair in pairs {
            let place = Place::Line { path: path.to_owned(), line: pair.line };
            if pair.name.is_empty() {
                let reason = "there is no property name before the value".to_owned();
                self.errors.push(ConfError::Syntax { path: path.to_owned(), line: pair.line, reason });
            } else if FINDS_THE_FILE.contains(&pair.name.as_str()) {
                self.errors.push(ConfError::NotInSiteFile { key: pair.name, place });
            } else {
                self.put(&pair.name, &pair.value, Source::SiteProperty(path.to_owned()), place);
            }
        }
        Ok(())
    }
}

/// These lead to the site file, so it is too late to set them in it.
const FINDS_THE_FILE: [&str; 2] = ["alluxio.conf.dir", "alluxio.site.conf.dir"];

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
