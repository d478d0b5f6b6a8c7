//! What can be wrong with a configuration. Each message is one line that says what and where it is and what to
//! do about it. Values of secrets are never part of one.

use std::path::PathBuf;

use crate::source::Place;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfError {
    #[error("{key} is not a property ({place}): {}", suggestion(.nearest.as_deref()))]
    UnknownKey { key: String, place: Place, nearest: Option<String> },

    #[error("{key} was removed in Alluxio {since} ({place}): {}", replacement(use_instead))]
    RemovedKey { key: String, place: Place, since: &'static str, use_instead: &'static str },

    #[error("{key}={value} ({place}): {expected}")]
    BadValue { key: String, value: String, place: Place, expected: String },

    #[error("{key}={value} ({place}): {reference} has no value; set it, or write the value out")]
    UnsetReference { key: String, value: String, place: Place, reference: Box<str> },

    #[error("{key}={value} ({place}): {reference} is not a property; {}", suggestion(.nearest.as_deref()))]
    UnknownReference {
        key: String,
        value: String,
        place: Place,
        reference: Box<str>,
        nearest: Option<Box<str>>,
    },

    #[error("properties refer to each other in a circle: {}; give one of them a plain value", .keys.join(" -> "))]
    Cycle { keys: Vec<String> },

    #[error("{key} cannot be set in the site file ({place}), it says where that file is: use -D{key}=...")]
    NotInSiteFile { key: String, place: Place },

    #[error("{path}: cannot be read ({source}); correct its permissions, or choose another folder with ALLUXIO_CONF_DIR", path = .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },

    #[error("{path} line {line}: {reason}", path = .path.display())]
    Syntax { path: PathBuf, line: usize, reason: String },

    #[error("the environment variable {name} is not UTF-8 text")]
    NotText { name: String },

    /// Values that are right each for itself but not together.
    #[error("{0}")]
    Conflict(String),

    #[error("{0} is not a valid unit, use one of B, KB, MB, GB, TB, PB, MS, S, M, H, D")]
    UnknownUnit(String),

    #[error("{0} is not a valid configuration key")]
    NoSuchKey(String),

    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<ConfError>),
}

fn suggestion(nearest: Option<&str>) -> String {
    match nearest {
        Some(name) => format!("did you mean {name}?"),
        None => "remove it; `alluxio getConf` lists all properties".to_owned(),
    }
}

fn replacement(name: &str) -> String {
    if name.is_empty() { "delete the line".to_owned() } else { format!("use {name}") }
}

impl ConfError {
    /// Turns the errors found in one go into one, if there were any.
    pub(crate) fn all(mut errors: Vec<ConfError>) -> Result<(), ConfError> {
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(ConfError::Several(errors)),
        }
    }
}
