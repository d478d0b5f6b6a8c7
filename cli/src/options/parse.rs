//! The parser. It follows the rules of the library that the original uses (commons-cli,
//! DefaultParser), because scripts rely on them: options may stand after arguments, long names may be
//! shortened while unambiguous and may have one dash, short flags may be joined, `--` ends options.

use thiserror::Error;

use super::{OptionSpec, Value};

/// Why a command line cannot be understood; the texts are those of the original's library.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ParseError {
    #[error("Unrecognized option: {0}")]
    Unrecognized(String),
    #[error("Ambiguous option: '{name}'  (could be: {})", quoted(.candidates))]
    Ambiguous { name: String, candidates: Vec<&'static str> },
    #[error("Missing argument for option: {0}")]
    MissingValue(&'static str),
    #[error("{}", missing_text(.0))]
    MissingOptions(Vec<&'static str>),
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

fn missing_text(names: &[&str]) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("Missing required option{plural}: {}", names.join(", "))
}

/// The options and arguments that were given.
#[derive(Debug, Default)]
pub struct Parsed {
    given: Vec<(OptionSpec, Option<String>)>,
    pub arguments: Vec<String>,
}

impl Parsed {
    /// Whether the option was given; `name` is its short or long name.
    pub fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(spec, _)| spec.is_called(name))
    }

    /// The value of the first occurrence.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(spec, _)| spec.is_called(name)).and_then(|(_, value)| value.as_deref())
    }

    /// The values of all occurrences.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let given = self.given.iter().filter(move |(spec, _)| spec.is_called(name));
        given.filter_map(|(_, value)| value.as_deref())
    }

    /// The first option that was given, by its short name if it has one.
    pub fn first_option(&self) -> Option<&'static str> {
        self.given.first().map(|(spec, _)| spec.key())
    }

    /// How many options were given, repeated ones counted.
    pub fn option_count(&self) -> usize {
        self.given.len()
    }
}

/// Splits `words` into options and arguments.
pub fn parse(options: &[OptionSpec], words: &[String]) -> Result<Parsed, ParseError> {
    let mut state = State { options, parsed: Parsed::default(), open: None };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            state.parsed.arguments.extend(words.cloned());
            break;
        }
        state.word(word)?;
    }
    state.close()?;
    let missing: Vec<_> = options
        .iter()
        .filter(|spec| spec.required && !state.parsed.has(spec.key()))
        .map(OptionSpec::key)
        .collect();
    if missing.is_empty() { Ok(state.parsed) } else { Err(ParseError::MissingOptions(missing)) }
}

struct State<'a> {
    options: &'a [OptionSpec],
    parsed: Parsed,
    /// The last option, while it still waits for its value.
    open: Option<OptionSpec>,
}

impl State<'_> {
    fn word(&mut self, word: &str) -> Result<(), ParseError> {
        if self.open.is_some() && self.is_value(word) {
            self.set_value(word);
            return Ok(());
        }
        match word.strip_prefix("--") {
            Some(name) => self.long(word, name),
            None if word.len() > 1 && word.starts_with('-') => self.single_dash(word, &word[1..]),
            None => {
                self.parsed.arguments.push(word.to_owned());
                Ok(())
            }
        }
    }

    /// A word that looks like a known option is never taken as a value; `-1` is.
    fn is_value(&self, word: &str) -> bool {
        let Some(name) = word.strip_prefix('-').filter(|name| !name.is_empty()) else { return true };
        if word.parse::<f64>().is_ok() {
            return true;
        }
        let name = name.trim_start_matches('-');
        let name = name.split('=').next().unwrap_or_default();
        let first = name.chars().next().map(String::from).unwrap_or_default();
        self.short_named(name).is_none()
            && self.short_named(&first).is_none()
            && self.matching(name).is_empty()
    }

    fn long(&mut self, word: &str, name: &str) -> Result<(), ParseError> {
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (name, None),
        };
        let spec = match self.matching(name)[..] {
            [] => return Err(ParseError::Unrecognized(word.to_owned())),
            [spec] => spec,
            ref several => {
                let candidates = several.iter().filter_map(|spec| spec.long).collect();
                return Err(ParseError::Ambiguous { name: word.to_owned(), candidates });
            }
        };
        if value.is_some() && spec.value == Value::None {
            return Err(ParseError::Unrecognized(word.to_owned()));
        }
        self.option(spec)?;
        if let Some(value) = value {
            self.set_value(value);
        }
        Ok(())
    }

    /// `-R`, `-recursive`, `-c=5`, `-c5`, `-Rf`.
    fn single_dash(&mut self, word: &str, name: &str) -> Result<(), ParseError> {
        let unrecognized = || ParseError::Unrecognized(word.to_owned());
        if let Some(spec) = self.short_named(name) {
            return self.option(spec);
        }
        if let Some((key, value)) = name.split_once('=') {
            let Some(spec) = self.short_named(key) else { return self.long(word, name) };
            if spec.value == Value::None {
                return Err(unrecognized());
            }
            self.option(spec)?;
            self.set_value(value);
            return Ok(());
        }
        if !self.matching(name).is_empty() {
            return self.long(word, name);
        }
        for (at, letter) in name.char_indices() {
            let spec = self.short_named(letter.encode_utf8(&mut [0; 4])).ok_or_else(unrecognized)?;
            self.option(spec)?;
            let rest = &name[at + letter.len_utf8()..];
            if self.open.is_some() && !rest.is_empty() {
                self.set_value(rest);
                break;
            }
        }
        Ok(())
    }

    fn option(&mut self, spec: OptionSpec) -> Result<(), ParseError> {
        self.close()?;
        self.parsed.given.push((spec, None));
        self.open = (spec.value != Value::None).then_some(spec);
        Ok(())
    }

    fn set_value(&mut self, value: &str) {
        // Quotes that reach the program (through a script's `eval`) are not part of the value.
        let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        if let Some((_, slot)) = self.parsed.given.last_mut() {
            *slot = Some(bare.to_owned());
        }
        self.open = None;
    }

    fn close(&mut self) -> Result<(), ParseError> {
        match self.open.take() {
            Some(OptionSpec { value: Value::Required(_), .. }) => {
                Err(ParseError::MissingValue(self.parsed.given.last().map_or("", |(spec, _)| spec.key())))
            }
            _ => Ok(()),
        }
    }

    fn short_named(&self, name: &str) -> Option<OptionSpec> {
        self.options.iter().find(|spec| spec.short == Some(name)).copied()
    }

    /// The long options that `name` names or begins; an exact match stands alone.
    fn matching(&self, name: &str) -> Vec<OptionSpec> {
        if name.is_empty() {
            return Vec::new();
        }
        if let Some(exact) = self.options.iter().find(|spec| spec.long == Some(name)) {
            return vec![*exact];
        }
        self.options
            .iter()
            .filter(|spec| spec.long.is_some_and(|long| long.starts_with(name)))
            .copied()
            .collect()
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
