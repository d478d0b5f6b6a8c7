//! Durations: `5ms`, `2sec`, `1min`, `1h`, `1day`; a plain number is milliseconds; a negative one means never.

use std::fmt;
use std::time::Duration;

/// A duration in milliseconds; negative stands for "never" or "off".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(i64);

impl Span {
    /// A span of this many milliseconds.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// The milliseconds; negative for never.
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// The duration; `None` when it is negative, that is never.
    #[must_use]
    pub fn duration(self) -> Option<Duration> {
        u64::try_from(self.0).ok().map(Duration::from_millis)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// Units as Java's `FormatUtils.parseTimeSize` knows them (measured with 2.9.4: no plurals, no fractions).
const UNITS: [(&[&str], i64); 5] = [
    (&["", "ms", "millisecond"], 1),
    (&["s", "sec", "second"], 1_000),
    (&["m", "min", "minute"], 60_000),
    (&["h", "hr", "hour"], 3_600_000),
    (&["d", "day"], 86_400_000),
];

const EXPECTED: &str = "must be a duration: a whole number and ms, s, sec, second, m, min, minute, h, hr, hour, \
                        d or day, such as 30sec";

/// Reads a duration.
pub fn span(text: &str) -> Result<Span, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let digits = number.strip_prefix('-').unwrap_or(number);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(EXPECTED.to_owned());
    }
    let unit = unit.to_ascii_lowercase();
    let factor = UNITS.iter().find(|(names, _)| names.contains(&unit.as_str())).map(|(_, factor)| *factor);
    let factor = factor.ok_or(EXPECTED)?;
    let ms = number.parse::<i64>().ok().and_then(|number| number.checked_mul(factor));
    ms.map(Span).ok_or_else(|| "is too long a duration: write -1 for never".to_owned())
}
