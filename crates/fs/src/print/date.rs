//! Dates in the pattern of `alluxio.user.date.format.pattern`, which has the syntax of Java's
//! SimpleDateFormat. Names of months and days are English.

use jiff::{Timestamp, Zoned, tz::TimeZone};
use thiserror::Error;

/// A pattern that cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PatternError {
    #[error(
        "alluxio.user.date.format.pattern: '{letter}' in \"{pattern}\" means nothing; letters that are text stand in single quotes"
    )]
    Letter { letter: char, pattern: String },
    #[error("alluxio.user.date.format.pattern: a single quote in \"{0}\" is not closed")]
    Quote(String),
}

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// A letter and how often it stands there.
    Field(char, usize),
}

/// A pattern, ready to print dates in one time zone.
#[derive(Debug)]
pub struct DateFormat {
    pieces: Vec<Piece>,
    zone: TimeZone,
}

const FIELDS: &str = "yMdDHkKhmsSaEzZX";

impl DateFormat {
    /// Prints in the local zone, as the original does.
    pub fn local(pattern: &str) -> Result<Self, PatternError> {
        Self::new(pattern, TimeZone::system())
    }

    /// `yyyy-MM-dd HH:mm:ss` in the local zone.
    pub fn iso() -> Self {
        let fields =
            [('y', 4, "-"), ('M', 2, "-"), ('d', 2, " "), ('H', 2, ":"), ('m', 2, ":"), ('s', 2, "")];
        let pieces = |(letter, count, text): (char, usize, &str)| {
            [Piece::Field(letter, count), Piece::Text(text.to_owned())]
        };
        Self { pieces: fields.into_iter().flat_map(pieces).collect(), zone: TimeZone::system() }
    }

    pub fn new(pattern: &str, zone: TimeZone) -> Result<Self, PatternError> {
        let mut pieces = Vec::new();
        let mut letters = pattern.chars().peekable();
        while let Some(letter) = letters.next() {
            if letter == '\'' {
                pieces.push(Piece::Text(quoted(&mut letters, pattern)?));
            } else if letter.is_ascii_alphabetic() {
                if !FIELDS.contains(letter) {
                    return Err(PatternError::Letter { letter, pattern: pattern.to_owned() });
                }
                let mut count = 1;
                while letters.next_if_eq(&letter).is_some() {
                    count += 1;
                }
                pieces.push(Piece::Field(letter, count));
            } else {
                pieces.push(Piece::Text(letter.to_string()));
            }
        }
        Ok(Self { pieces, zone })
    }

    /// The abbreviated name of the zone at that time.
    pub fn zone_name(&self, ms: i64) -> String {
        let time = Timestamp::from_millisecond(ms).unwrap_or_default();
        time.to_zoned(self.zone.clone()).strftime("%Z").to_string()
    }

    /// `ms` after the epoch. What lies beyond the calendar is printed as its number.
    pub fn format(&self, ms: i64) -> String {
        let Ok(time) = Timestamp::from_millisecond(ms) else { return ms.to_string() };
        let time = time.to_zoned(self.zone.clone());
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Field(letter, count) => field(&time, *letter, *count),
            })
            .collect()
    }
}

/// The text up to the closing quote; two quotes are one quote.
fn quoted(
    letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    pattern: &str,
) -> Result<String, PatternError> {
    if letters.next_if_eq(&'\'').is_some() {
        return Ok("'".to_owned());
    }
    let mut text = String::new();
    loop {
        match letters.next() {
            None => return Err(PatternError::Quote(pattern.to_owned())),
            Some('\'') if letters.next_if_eq(&'\'').is_none() => return Ok(text),
            Some(letter) => text.push(letter),
        }
    }
}

fn field(time: &Zoned, letter: char, count: usize) -> String {
    let number = |value: i64| format!("{value:0count$}");
    let hour = i64::from(time.hour());
    match letter {
        'y' if count == 2 => format!("{:02}", time.year().rem_euclid(100)),
        'y' => number(time.year().into()),
        'M' if count > 3 => time.strftime("%B").to_string(),
        'M' if count == 3 => time.strftime("%b").to_string(),
        'M' => number(time.month().into()),
        'd' => number(time.day().into()),
        'D' => number(time.day_of_year().into()),
        'H' => number(hour),
        'k' => number(if hour == 0 { 24 } else { hour }),
        'K' => number(hour % 12),
        'h' => number(if hour % 12 == 0 { 12 } else { hour % 12 }),
        'm' => number(time.minute().into()),
        's' => number(time.second().into()),
        'S' => number(time.millisecond().into()),
        'a' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        'E' if count > 3 => time.strftime("%A").to_string(),
        'E' => time.strftime("%a").to_string(),
        'z' => time.strftime("%Z").to_string(),
        'X' if time.offset().is_zero() => "Z".to_owned(),
        'X' if count > 2 => time.strftime("%:z").to_string(),
        'X' if count == 1 => time.strftime("%z").to_string().chars().take(3).collect(),
        _ => time.strftime("%z").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz;

    use super::*;

    /// 2020-02-21 16:05:59.725 UTC, a Friday.
    const TIME: i64 = 1_582_301_159_725;

    fn utc(pattern: &str) -> String {
        DateFormat::new(pattern, TimeZone::UTC).unwrap().format(TIME)
    }

    #[test]
    fn the_default_pattern() {
        assert_eq!(utc("MM-dd-yyyy HH:mm:ss:SSS"), "02-21-2020 16:05:59:725");
        assert_eq!(
            DateFormat::new("MM-dd-yyyy HH:mm:ss:SSS", TimeZone::UTC).unwrap().format(0),
            "01-01-1970 00:00:00:000"
        );
    }

    #[test]
    fn other_patterns() {
        assert_eq!(utc("yyyy-MM-dd'T'HH:mm:ss.SSSX"), "2020-02-21T16:05:59.725Z");
        assert_eq!(utc("EEE, d MMM yy h:mm a z"), "Fri, 21 Feb 20 4:05 PM UTC");
        assert_eq!(utc("EEEE D MMMM 'o''clock' '' k"), "Friday 52 February o'clock ' 16");
    }

    #[test]
    fn iso_is_the_pattern_it_says() {
        let pattern = DateFormat::local("yyyy-MM-dd HH:mm:ss").unwrap();
        assert_eq!(DateFormat::iso().format(TIME), pattern.format(TIME));
    }

    #[test]
    fn the_zone_counts() {
        let zone = TimeZone::fixed(tz::offset(9));
        let format = DateFormat::new("dd HH:mm Z XXX X", zone).unwrap();
        assert_eq!(format.format(TIME), "22 01:05 +0900 +09:00 +09");
        assert_eq!(format.zone_name(TIME), "+09");
    }

    #[test]
    fn bad_patterns_are_named() {
        let error = DateFormat::new("yyyy-QQ", TimeZone::UTC).unwrap_err();
        assert!(error.to_string().contains("'Q' in \"yyyy-QQ\""), "{error}");
        assert!(DateFormat::new("'T", TimeZone::UTC).is_err());
    }
}
