//! The static table of properties and how a name finds its row: as itself, as an alias, or as an instance of a
//! parameterised name.

use crate::kind::Kind;
use crate::template;

include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// One row of `properties.tsv`.
#[derive(Debug)]
pub struct Property {
    /// The full name; in a parameterised one `<n>`, `<word>` and `<dotted>` stand for what varies.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// The default as written: empty for none, may hold `${other}`, `@expression` is computed at start.
    pub default: &'static str,
    /// Which processes it concerns.
    pub scope: Scope,
    /// What setting it does here.
    pub effect: Effect,
    /// What it means; may be empty.
    pub meaning: &'static str,
    /// Why the default is not Java's, or that Java lacks the property; empty when it is the same.
    pub differs: &'static str,
}

/// Which processes a property concerns. A client takes over from the master only what has its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Master,
    Worker,
    Client,
    /// Masters, workers, job masters and job workers.
    Server,
    All,
    /// A tool outside the cluster.
    None,
}

impl Scope {
    /// Whether a process of this role reads properties of this scope.
    #[must_use]
    pub fn includes(self, role: Role) -> bool {
        match self {
            Scope::All => true,
            Scope::Server => role != Role::Client,
            Scope::Master => role == Role::Master,
            Scope::Worker => role == Role::Worker,
            Scope::Client => role == Role::Client,
            Scope::None => false,
        }
    }
}

/// What a process is. It chooses the environment variable with its Java options and the cluster defaults it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Master,
    Worker,
    Client,
}

/// What setting a property does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Read by this software.
    Used,
    /// Read by Java clients, the proxy, fuse or the job service; kept and handed on unchanged.
    Passed,
    /// Kept without effect, so that a configuration made for Java needs no edit.
    Accepted(Idle),
    /// On its way out: setting it is answered with advice to remove it.
    Deprecated,
}

/// Why an accepted property has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Idle {
    Fixed,
    Fuse,
    Grpc,
    Journal,
    Jvm,
    Later,
    Locks,
    Log4j,
    Metastore,
    Netty,
    Page,
    Prefix,
    Raft,
    Table,
    Threads,
    Ufs,
    Vendor,
    Web,
    Yarn,
}

impl Idle {
    /// The reason, as the end of a sentence.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Idle::Fixed => "what it sets has no counterpart here, or only one value",
            Idle::Fuse => "FUSE does not run inside the worker here",
            Idle::Grpc => "gRPC reflection is not offered",
            Idle::Journal => "one operation is always one journal record here",
            Idle::Jvm => "there is no Java virtual machine here",
            Idle::Later => "what it is for is not part of this version yet",
            Idle::Locks => "there are no per-path lock pools here",
            Idle::Log4j => "logging is set by alluxio.logs.dir and ALLUXIO_LOG_LEVEL",
            Idle::Metastore => "all inodes and blocks are held in memory; there is no RocksDB",
            Idle::Netty => "Netty is not used here",
            Idle::Page => "blocks are kept whole; see alluxio.worker.tieredstore.*",
            Idle::Prefix => "it is only the common beginning of other properties",
            Idle::Raft => "there is no embedded (Raft) journal",
            Idle::Table => "the table service is not part of this software",
            Idle::Threads => "calls run as tasks, not on sized thread pools",
            Idle::Ufs => "no under storage here reads it",
            Idle::Vendor => "nothing is reported to a vendor",
            Idle::Web => "the web pages are inside the program",
            Idle::Yarn => "there is no YARN integration",
        }
    }
}

/// All properties with fixed names, sorted by name.
#[must_use]
pub fn properties() -> &'static [Property] {
    &PROPERTIES
}

/// What a name stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Known {
    /// A property of the table, by its index; `deprecated` tells that an old alias of it was used.
    Fixed { index: usize, deprecated: bool },
    /// An instance of a parameterised name.
    Instance(&'static Property),
}

/// Finds what a name stands for.
pub(crate) fn lookup(name: &str) -> Option<Known> {
    if let Some(index) = index_of(name) {
        return Some(Known::Fixed { index, deprecated: false });
    }
    if let Ok(at) = ALIASES.binary_search_by(|(alias, ..)| (*alias).cmp(name)) {
        let (_, index, deprecated) = ALIASES[at];
        return Some(Known::Fixed { index, deprecated });
    }
    TEMPLATES.iter().find(|row| template::matches(row.name, name)).map(Known::Instance)
}

/// The index of a property by its main name.
pub(crate) fn index_of(name: &str) -> Option<usize> {
    PROPERTIES.binary_search_by(|row| row.name.cmp(name)).ok()
}

/// The main name behind a name: of its alias, or itself. Masters send main names only.
pub fn canonical(name: &str) -> &str {
    match lookup(name) {
        Some(Known::Fixed { index, .. }) => PROPERTIES[index].name,
        _ => name,
    }
}

/// The row that describes a name: of a property, an alias of one, or an instance of a parameterised name.
#[must_use]
pub fn describe(name: &str) -> Option<&'static Property> {
    match lookup(name)? {
        Known::Fixed { index, .. } => Some(&PROPERTIES[index]),
        Known::Instance(row) => Some(row),
    }
}

/// (version that dropped it, what replaces it) for a name that Alluxio 2 no longer has.
pub(crate) fn removed(name: &str) -> Option<(&'static str, &'static str)> {
    let at = REMOVED.binary_search_by(|(removed, ..)| (*removed).cmp(name)).ok()?;
    Some((REMOVED[at].1, REMOVED[at].2))
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
