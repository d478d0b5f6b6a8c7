//! The units of `alluxio getConf --unit`.

use std::str::FromStr;

use crate::error::ConfError;
use crate::parse;

/// A unit that `alluxio getConf --unit` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// This many bytes.
    Bytes(u64),
    /// This many milliseconds.
    Ms(i64),
}

const UNITS: [(&str, Unit); 11] = [
    ("B", Unit::Bytes(1)),
    ("KB", Unit::Bytes(1 << 10)),
    ("MB", Unit::Bytes(1 << 20)),
    ("GB", Unit::Bytes(1 << 30)),
    ("TB", Unit::Bytes(1 << 40)),
    ("PB", Unit::Bytes(1 << 50)),
    ("MS", Unit::Ms(1)),
    ("S", Unit::Ms(1_000)),
    ("M", Unit::Ms(60_000)),
    ("H", Unit::Ms(3_600_000)),
    ("D", Unit::Ms(86_400_000)),
];

impl FromStr for Unit {
    type Err = ConfError;

    fn from_str(text: &str) -> Result<Self, ConfError> {
        let found = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map(|(_, unit)| *unit).ok_or_else(|| ConfError::UnknownUnit(text.to_owned()))
    }
}

impl Unit {
    /// A value in this unit, rounded towards zero as Java does; for values that a master sent, too.
    pub fn of(self, name: &str, value: &str) -> Result<String, ConfError> {
        let converted = match self {
            Unit::Bytes(factor) => parse::size(value).map(|bytes| (bytes / factor).to_string()),
            Unit::Ms(factor) => parse::span(value).map(|span| (span.ms() / factor).to_string()),
        };
        converted.map_err(|expected| {
            let what = if matches!(self, Unit::Ms(_)) { "a time" } else { "a size" };
            ConfError::Conflict(format!("{name} is not {what}, so it has no such unit: {expected}"))
        })
    }
}
