//! What was set, before references are resolved: one setting per property, that of the strongest source.

use std::collections::BTreeMap;

use crate::error::ConfError;
use crate::nearest::nearest;
use crate::source::{Place, Source};
use crate::table::{self, Known, PROPERTIES};

/// One value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub raw: String,
    pub source: Source,
    pub place: Place,
    /// It was written under an alias.
    aliased: bool,
}

/// The settings by main name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    by_name: BTreeMap<String, Setting>,
}

impl Settings {
    /// Takes a written value over. A weaker source never replaces a stronger one; of equal ones the last counts,
    /// but an alias does not replace the main name. Adds to `notes` what the user should know.
    ///
    /// Names that do not begin with `alluxio.` and are in no table are kept: a site file may hold properties of
    /// an under storage that we know nothing about.
    pub fn put(
        &mut self,
        name: &str,
        raw: &str,
        source: Source,
        place: Place,
        notes: &mut Vec<String>,
    ) -> Result<(), ConfError> {
        let known = table::lookup(name);
        if known.is_none() && name.starts_with("alluxio.") {
            return Err(unknown(name, place));
        }
        let main = match known {
            Some(Known::Fixed { index, deprecated }) => {
                if deprecated {
                    notes.push(format!("{name} is deprecated ({place}): use {}", PROPERTIES[index].name));
                }
                PROPERTIES[index].name
            }
            _ => name,
        };
        let new = Setting { raw: raw.trim().to_owned(), source, place, aliased: main != name };
        match self.by_name.get(main) {
            Some(old) if old.source.rank() > new.source.rank() => return Ok(()),
            Some(old) if old.source == new.source && new.aliased && !old.aliased => {
                notes.push(format!(
                    "{name} ({}) is another name of {main}, which is set too and holds",
                    new.place
                ));
                return Ok(());
            }
            Some(old) if is_repeated(old, &new) => {
                notes.push(format!("{main} is set twice ({}; {}): the last one holds", old.place, new.place));
            }
            _ => {}
        }
        self.by_name.insert(main.to_owned(), new);
        Ok(())
    }

    /// The setting of a property, by its main name.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.by_name.get(name)
    }

    /// All settings, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.by_name.iter().map(|(name, setting)| (name.as_str(), setting))
    }
}

/// Twice in one site file, with different values: most likely a slip. Repeated -D tokens are how scripts override.
fn is_repeated(old: &Setting, new: &Setting) -> bool {
    matches!(new.place, Place::Line { .. }) && old.source == new.source && old.raw != new.raw
}

fn unknown(name: &str, place: Place) -> ConfError {
    let key = name.to_owned();
    match table::removed(name) {
        Some((since, use_instead)) => ConfError::RemovedKey { key, place, since, use_instead },
        None => ConfError::UnknownKey { nearest: nearest(name), key, place },
    }
}
