//! What values a property takes, and the check of a text against it.

use std::sync::Arc;

use crate::parse::{self, Span};

/// What values a property takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Bool,
    Int {
        min: i64,
        max: i64,
    },
    Double {
        /// Between 0 and 1.
        ratio: bool,
    },
    Size {
        min: u64,
    },
    /// A duration of at least `min` milliseconds.
    Span {
        min: i64,
    },
    Str,
    /// Text that is never shown.
    Secret,
    List,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// A checked value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Bool(bool),
    Int(i64),
    Double(f64),
    Size(u64),
    Span(Span),
    Str(Arc<str>),
    List(Arc<Vec<String>>),
}

impl Kind {
    /// Checks a text whose references are resolved. The error says what is expected instead.
    pub(crate) fn read(self, text: &str) -> Result<Value, String> {
        let text = text.trim();
        match self {
            Kind::Bool => parse::boolean(text).map(Value::Bool),
            Kind::Int { min, max } => match parse::int(text)? {
                value if (min..=max).contains(&value) => Ok(Value::Int(value)),
                _ => Err(range(min, max)),
            },
            Kind::Double { ratio } => match parse::double(text)? {
                value if ratio && !(0.0..=1.0).contains(&value) => Err("must be between 0 and 1".to_owned()),
                value => Ok(Value::Double(value)),
            },
            Kind::Size { min } => match parse::size(text)? {
                value if value < min => Err(format!("must be at least {min} bytes")),
                value => Ok(Value::Size(value)),
            },
            Kind::Span { min } => match parse::span(text)? {
                value if value.ms() >= min => Ok(Value::Span(value)),
                _ if min == 0 => Err("must not be negative".to_owned()),
                _ => Err(format!("must be at least {min}ms")),
            },
            Kind::Str | Kind::Secret => Ok(Value::Str(text.into())),
            Kind::List => Ok(Value::List(Arc::new(parse::list(text)))),
            // Java compares the words without regard to case.
            Kind::Choice(words) => match words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
                Some(word) => Ok(Value::Str((*word).into())),
                None => Err(format!("must be one of {}", words.join(", "))),
            },
        }
    }
}

fn range(min: i64, max: i64) -> String {
    match (min, max) {
        (min, i64::MAX) => format!("must be at least {min}"),
        (min, max) => format!("must be a number from {min} to {max}"),
    }
}
