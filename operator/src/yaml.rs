//! YAML, written and read in one place: see docs/decisions/0027-yaml.md.

use anyhow::Context as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An object as YAML.
///
/// # Errors
/// When it holds what YAML cannot.
pub fn to_string(object: &impl Serialize) -> anyhow::Result<String> {
    serde_yaml::to_string(object).context("the object cannot be written as YAML")
}

/// Reads an object.
///
/// # Errors
/// When the text is no YAML, or no such object.
pub fn from_str<T: DeserializeOwned>(text: &str) -> anyhow::Result<T> {
    serde_yaml::from_str(text).context("the YAML is not that of such an object")
}
