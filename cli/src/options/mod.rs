//! The command line as users of the original know it: short and long options anywhere among the
//! arguments, and help printed from the same declarations that the parser reads.

mod help;
mod parse;

pub use help::{options_table, usage_line, wrapped};
pub use parse::{Parsed, parse};

/// One option of a command. The long name may be given with one dash, too.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    pub short: Option<&'static str>,
    pub long: Option<&'static str>,
    pub value: Value,
    pub required: bool,
    pub description: &'static str,
}

/// Whether an option is followed by a value; the text names it in help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    None,
    Required(&'static str),
    Optional(&'static str),
}

impl OptionSpec {
    pub const fn short(name: &'static str, description: &'static str) -> Self {
        Self { short: Some(name), long: None, value: Value::None, required: false, description }
    }

    pub const fn long(name: &'static str, description: &'static str) -> Self {
        Self { short: None, long: Some(name), value: Value::None, required: false, description }
    }

    pub const fn both(short: &'static str, long: &'static str, description: &'static str) -> Self {
        Self { short: Some(short), long: Some(long), value: Value::None, required: false, description }
    }

    pub const fn with_value(self, name: &'static str) -> Self {
        Self { value: Value::Required(name), ..self }
    }

    pub const fn with_optional_value(self, name: &'static str) -> Self {
        Self { value: Value::Optional(name), ..self }
    }

    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The name that messages and the order of help use.
    pub fn key(&self) -> &'static str {
        self.short.or(self.long).unwrap_or_default()
    }

    fn is_called(&self, name: &str) -> bool {
        self.short == Some(name) || self.long == Some(name)
    }
}

/// How many arguments, beside its options, a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentCount {
    Exactly(usize),
    AtLeast(usize),
    AtMost(usize),
}

impl ArgumentCount {
    /// The line for a wrong number of arguments, in the words that scripts of the original may look for.
    pub fn check(self, command: &str, given: usize) -> Result<(), String> {
        match self {
            Self::Exactly(n) if given != n => {
                Err(format!("Command {command} takes {n} arguments, not {given}"))
            }
            Self::AtLeast(n) if given < n => {
                Err(format!("Command {command} requires at least {n} arguments ({given} provided)"))
            }
            Self::AtMost(n) if given > n => {
                Err(format!("Command {command} requires at most {n} arguments ({given} provided)"))
            }
            _ => Ok(()),
        }
    }
}

/// What a command is called and takes. Parser, usage and help all read this one declaration.
#[derive(Clone, Copy, Debug)]
pub struct CommandSpec {
    pub name: &'static str,
    pub usage: &'static str,
    pub description: &'static str,
    pub options: &'static [OptionSpec],
    pub arguments: ArgumentCount,
    /// The words that the first argument can be, when they are known.
    pub words: &'static [&'static str],
}

impl CommandSpec {
    /// Parses what follows the command's name and checks the number of arguments.
    pub fn parse(&self, words: &[String]) -> Result<Parsed, String> {
        let parsed = parse(self.options, words)
            .map_err(|error| format!("Failed to parse args for {}: {error}", self.name))?;
        self.arguments.check(self.name, parsed.arguments.len())?;
        Ok(parsed)
    }

    /// Name, description, usage and options, as `alluxio fs help` prints them.
    pub fn help(&self, width: usize) -> String {
        let mut text = wrapped(width, &format!("{}: {}", self.name, self.description));
        text.push_str(&usage_line(width, self.usage));
        if !self.options.is_empty() {
            text.push_str(&options_table(width, self.options));
        }
        text
    }
}
