//! From raw settings and defaults to texts without `${other}` references.

use std::collections::BTreeMap;

use crate::computed;
use crate::environment::Machine;
use crate::error::ConfError;
use crate::nearest::nearest;
use crate::settings::Settings;
use crate::source::Place;
use crate::table::{self, Known, PROPERTIES};
use crate::template;

/// References may lead through this many properties: it bounds the recursion, real ones go through four.
const MAX_DEPTH: usize = 50;

/// A resolved text may not grow beyond this: properties that double one another would eat all memory.
const MAX_LENGTH: usize = 1 << 20;

/// Resolves names against one set of settings and remembers what it found.
pub(crate) struct Resolver<'a> {
    settings: &'a Settings,
    machine: &'a Machine,
    done: BTreeMap<String, Option<String>>,
    /// The names being resolved, from the one asked for to the current one.
    path: Vec<String>,
}

/// A value before its references are replaced.
struct Written<'a> {
    name: &'a str,
    raw: &'a str,
    place: &'a Place,
}

impl<'a> Resolver<'a> {
    pub fn new(settings: &'a Settings, machine: &'a Machine) -> Self {
        Self { settings, machine, done: BTreeMap::new(), path: Vec::new() }
    }

    /// The text of a property: what is set, else its default. `None` when it has neither, or its default refers
    /// to a property that has no value.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, ConfError> {
        let name = table::canonical(name);
        if let Some(found) = self.done.get(name) {
            return Ok(found.clone());
        }
        if let Some(at) = self.path.iter().position(|open| open == name) {
            return Err(circle(&self.path[at..]));
        }
        self.path.push(name.to_owned());
        let text = self.compute(name);
        self.path.pop();
        let text = text?;
        self.done.insert(name.to_owned(), text.clone());
        Ok(text)
    }

    fn compute(&mut self, name: &str) -> Result<Option<String>, ConfError> {
        let settings = self.settings;
        if let Some(setting) = settings.get(name) {
            return self.expand(&Written { name, raw: &setting.raw, place: &setting.place });
        }
        match self.default(name)? {
            Some(raw) => self.expand(&Written { name, raw: &raw, place: &Place::Default }),
            None => Ok(None),
        }
    }

    /// The default with its computed part evaluated and the holes of a parameterised one filled.
    fn default(&self, name: &str) -> Result<Option<String>, ConfError> {
        let raw = match table::lookup(name) {
            Some(Known::Fixed { index, .. }) => PROPERTIES[index].default.to_owned(),
            Some(Known::Instance(row)) => {
                template::fill(row.default, &template::captures(row.name, name).unwrap_or_default())
            }
            None => return Ok(None),
        };
        match raw.strip_prefix('@') {
            Some(expression) => {
                let value = computed::evaluate(expression, self.machine);
                let bad = |expected| bad(&Written { name, raw: &raw, place: &Place::Default }, expected);
                value.map(|value| Some(value.to_string())).map_err(bad)
            }
            None => Ok(Some(raw).filter(|raw| !raw.is_empty())),
        }
    }

    fn expand(&mut self, written: &Written) -> Result<Option<String>, ConfError> {
        if self.path.len() > MAX_DEPTH {
            return Err(bad(written, format!("refers on through more than {MAX_DEPTH} properties")));
        }
        let mut text = String::new();
        let mut rest = written.raw;
        while let Some((before, reference, after)) = next_reference(rest) {
            text.push_str(before);
            match self.referred(written, reference)? {
                Some(value) => text.push_str(&value),
                None if *written.place == Place::Default => return Ok(None),
                None => return Err(unset(written, reference)),
            }
            if text.len() > MAX_LENGTH {
                return Err(bad(written, "grows beyond 1 MB when its references are replaced".to_owned()));
            }
            rest = after;
        }
        text.push_str(rest);
        Ok(Some(text))
    }

    fn referred(&mut self, written: &Written, reference: &str) -> Result<Option<String>, ConfError> {
        if table::lookup(reference).is_some() || self.settings.get(reference).is_some() {
            return self.text(reference);
        }
        match reference {
            "user.home" => Ok(Some(self.machine.user_home.clone())),
            "user.name" => Ok(Some(self.machine.user_name.clone())),
            _ => Err(ConfError::UnknownReference {
                key: written.name.to_owned(),
                value: shown(written),
                place: written.place.clone(),
                reference: reference.into(),
                nearest: nearest(reference).map(String::into_boxed_str),
            }),
        }
    }
}

/// Splits at the first `${name}`: what is before it, the name, what is after. As in Java a name holds no braces,
/// and what is never closed is plain text.
fn next_reference(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(at) = text[from..].find("${").map(|at| from + at) {
        let inner = &text[at + 2..];
        match inner.find(['{', '}']) {
            Some(end) if inner.as_bytes()[end] == b'}' => {
                return Some((&text[..at], &inner[..end], &inner[end + 1..]));
            }
            _ => from = at + 2,
        }
    }
    None
}

/// The same circle is found from each of its members; told from the first name on it is told once.
fn circle(path: &[String]) -> ConfError {
    let first = (0..path.len()).min_by_key(|at| &path[*at]).unwrap_or(0);
    ConfError::Cycle { keys: path[first..].iter().chain(&path[..=first]).cloned().collect() }
}

fn bad(written: &Written, expected: String) -> ConfError {
    let (key, place) = (written.name.to_owned(), written.place.clone());
    ConfError::BadValue { key, value: shown(written), place, expected }
}

fn unset(written: &Written, reference: &str) -> ConfError {
    ConfError::UnsetReference {
        key: written.name.to_owned(),
        value: shown(written),
        place: written.place.clone(),
        reference: reference.into(),
    }
}

fn shown(written: &Written) -> String {
    crate::view::shown(written.name, written.raw).to_owned()
}
