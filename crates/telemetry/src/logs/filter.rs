//! Which levels apply to which parts of the program.

use std::collections::BTreeMap;
use std::str::FromStr;

use tracing_subscriber::filter::Targets;

use super::{LogError, LogLevel};

/// Libraries that tell every frame and poll at DEBUG. A lower default level does not reach them; naming them does.
const CHATTY: &[&str] = &["h2", "hyper", "hyper_util", "tonic", "tower", "rustls"];
/// Libraries that call each failed request an ERROR, also where whoever sent it handles that and says so. Nothing is heard of them but by name.
const SILENT: &[&str] = &["kube_client::client::builder"];
/// Parts with a level of their own: set at run time by whoever may, so there is an end to it.
const MOST_TARGETS: usize = 1000;

/// A default level and the exceptions, by target prefix; the longest prefix counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    default: LogLevel,
    targets: BTreeMap<String, LogLevel>,
}

impl Filter {
    pub(super) fn new(default: LogLevel) -> Self {
        Self { default, targets: BTreeMap::new() }
    }

    /// Sets the level of a target, or of everything without an own level when `name` is `root` or empty.
    pub(super) fn set(&mut self, name: &str, level: LogLevel) -> Result<(), LogError> {
        let target = target_of(name);
        if target.is_empty() {
            self.default = level;
            return Ok(());
        }
        if self.targets.len() >= MOST_TARGETS && !self.targets.contains_key(&target) {
            return Err(LogError::TooManyTargets { most: MOST_TARGETS });
        }
        self.targets.insert(target, level);
        Ok(())
    }

    /// The level that applies to a target.
    pub(super) fn level(&self, name: &str) -> LogLevel {
        let target = target_of(name);
        let prefixes = self.targets.iter().filter(|(prefix, _)| target.starts_with(prefix.as_str()));
        match prefixes.max_by_key(|(prefix, _)| prefix.len()) {
            Some((_, level)) => *level,
            None if begins(&target, SILENT) => LogLevel::Off,
            None if begins(&target, CHATTY) => self.default.min(LogLevel::Info),
            None => self.default,
        }
    }

    pub(super) fn targets(&self) -> Targets {
        let quiet = CHATTY.iter().map(|name| ((*name).to_owned(), self.default.min(LogLevel::Info).filter()));
        let silent = SILENT.iter().map(|name| ((*name).to_owned(), LogLevel::Off.filter()));
        // What is said of all of a library is said of this part, too.
        let silent =
            silent.filter(|(name, _)| !self.targets.keys().any(|target| name.starts_with(target.as_str())));
        let named = self.targets.iter().map(|(target, level)| (target.clone(), level.filter()));
        // Later entries replace earlier ones of the same name.
        Targets::new()
            .with_default(self.default.filter())
            .with_targets(quiet)
            .with_targets(silent)
            .with_targets(named)
    }
}

/// `info,alluxio_master::journal=debug`: a default level and exceptions, in the form of RUST_LOG.
impl FromStr for Filter {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        let mut filter = Self::new(LogLevel::Info);
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some((target, level)) => filter.set(target.trim(), level.trim().parse()?)?,
                None => filter.default = part.parse()?,
            }
        }
        Ok(filter)
    }
}

fn begins(target: &str, names: &[&str]) -> bool {
    names.iter().any(|name| target.starts_with(name))
}

/// The target of a logger's name: our module paths as they are, the original's Java names translated
/// (`alluxio.master.journal` is `alluxio_master::journal`, `alluxio` all our parts, `root` everything).
fn target_of(name: &str) -> String {
    let name = name.trim();
    if name.eq_ignore_ascii_case("root") {
        return String::new();
    }
    match name.strip_prefix("alluxio.") {
        Some(rest) => format!("alluxio_{}", rest.replace('.', "::")),
        None => name.replace('.', "::"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_counts() {
        let mut filter: Filter = "warn, alluxio_master=debug ,alluxio_master::journal=TRACE".parse().unwrap();
        assert_eq!(filter.level("alluxio_master::journal::segment"), LogLevel::Trace);
        assert_eq!(filter.level("alluxio.master.fs"), LogLevel::Debug);
        assert_eq!(filter.level("alluxio_worker"), LogLevel::Warn);
        filter.set("alluxio", LogLevel::Error).unwrap();
        assert_eq!(filter.level("alluxio_worker"), LogLevel::Error);
        assert_eq!(filter.level("alluxio_master::fs"), LogLevel::Debug);
        filter.set("root", LogLevel::Off).unwrap();
        assert_eq!(filter.level("other"), LogLevel::Off);
    }

    #[test]
    fn libraries_stay_quiet_unless_named() {
        let mut filter: Filter = "trace".parse().unwrap();
        assert_eq!(filter.level("h2::proto"), LogLevel::Info);
        assert_eq!(filter.level("alluxio_rpc"), LogLevel::Trace);
        filter.set("h2", LogLevel::Debug).unwrap();
        assert_eq!(filter.level("h2::proto"), LogLevel::Debug);
        assert_eq!(filter.level("kube_client::client::builder"), LogLevel::Off);
        filter.set("kube_client", LogLevel::Warn).unwrap();
        assert_eq!(filter.level("kube_client::client::builder"), LogLevel::Warn);
        let filter: Filter = "off".parse().unwrap();
        assert_eq!(filter.level("h2"), LogLevel::Off);
    }

    #[test]
    fn what_tracing_does_is_what_we_say() {
        let silent = "kube_client::client::builder";
        let all =
            ["alluxio_master", "alluxio_master::fs::tree", "alluxio_worker", "h2::x", "hyper::y", silent];
        for text in ["warn,alluxio_master=debug,alluxio_master::fs=error,h2=trace", "info,kube_client=warn"] {
            let filter: Filter = text.parse().unwrap();
            let targets = filter.targets();
            for (target, (level, ours)) in
                all.into_iter().flat_map(|target| LEVELS.map(|level| (target, level)))
            {
                let enabled = targets.would_enable(target, &level);
                assert_eq!(enabled, filter.level(target) >= ours, "{text}: {target} {level}");
            }
        }
    }

    const LEVELS: [(tracing::Level, LogLevel); 5] = [
        (tracing::Level::ERROR, LogLevel::Error),
        (tracing::Level::WARN, LogLevel::Warn),
        (tracing::Level::INFO, LogLevel::Info),
        (tracing::Level::DEBUG, LogLevel::Debug),
        (tracing::Level::TRACE, LogLevel::Trace),
    ];

    #[test]
    fn a_wrong_level_is_named() {
        let error = "loud".parse::<Filter>().unwrap_err();
        assert!(error.to_string().contains("'loud'"), "{error}");
        assert_eq!("FATAL".parse::<LogLevel>().unwrap(), LogLevel::Error);
    }
}
