//! Long lists in parts: the pages' own pager, and the window that the original's JSON endpoints take.

use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::show;

/// Rows of a page when nobody asks for another number, and the most.
pub const ROWS: usize = 100;
pub const MOST_ROWS: usize = 1_000;

/// Most entries of one answer in JSON: the original has no limit, and answers a million entries at once.
pub const MOST_ENTRIES: usize = 10_000;

/// What may stand as it is in the value of a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A value for a query.
pub fn encoded(value: &str) -> String {
    utf8_percent_encode(value, QUERY).to_string()
}

/// Where a page stands in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pager {
    /// All there is.
    pub total: usize,
    pub offset: usize,
    pub limit: usize,
    /// Entries on this page: fewer than `limit` at the end, or where entries are large.
    shown: usize,
    /// Address of the list, with everything but the offset.
    base: String,
    /// The parameter that holds the offset.
    parameter: &'static str,
    /// What is listed, in the plural.
    pub noun: &'static str,
}

impl Pager {
    /// A list of which `limit` are shown at a time. `base` has a query already.
    pub fn new(base: String, noun: &'static str, total: usize, offset: usize, limit: usize) -> Self {
        let limit = limit.max(1);
        Self {
            total,
            offset,
            limit,
            shown: limit.min(total.saturating_sub(offset)),
            base,
            parameter: "offset",
            noun,
        }
    }

    /// For a page that has fewer entries than it might.
    pub fn showing(mut self, shown: usize) -> Self {
        self.shown = shown;
        self
    }

    /// For a page that has another list whose parameter is `offset`.
    pub fn named(mut self, parameter: &'static str) -> Self {
        self.parameter = parameter;
        self
    }

    /// Whether there is more than one part.
    pub fn needed(&self) -> bool {
        self.total > self.shown || self.offset > 0
    }

    /// `101–200 of 100,000 entries`
    pub fn range(&self) -> String {
        let end = self.offset.saturating_add(self.shown).min(self.total);
        if self.offset >= end {
            return format!("none of {} {}", show::number(self.total), self.noun);
        }
        format!(
            "{}\u{2013}{} of {} {}",
            show::number(self.offset + 1),
            show::number(end),
            show::number(self.total),
            self.noun
        )
    }

    fn at(&self, offset: usize) -> String {
        format!("{}&{}={offset}", self.base, self.parameter)
    }

    pub fn first(&self) -> Option<String> {
        (self.offset > 0).then(|| self.at(0))
    }

    pub fn previous(&self) -> Option<String> {
        (self.offset > 0).then(|| self.at(self.offset.saturating_sub(self.limit)))
    }

    pub fn next(&self) -> Option<String> {
        let next = self.offset.saturating_add(self.shown);
        (self.shown > 0 && next < self.total).then(|| self.at(next))
    }

    pub fn last(&self) -> Option<String> {
        self.next().map(|_| self.at((self.total - 1) / self.limit * self.limit))
    }
}

/// A number of a query; the default when it is missing or none.
pub fn asked(value: Option<&str>, default: usize) -> usize {
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(default)
}

/// The part of `total` entries that the original's `offset` and `limit` choose; the text is what it puts into
/// `fatalError`.
pub fn window(offset: &str, limit: &str, total: usize) -> Result<Range<usize>, String> {
    let number = |text: &str| {
        text.parse::<i32>()
            .map_err(|_| format!("Error: offset or limit parse error, For input string: \"{text}\""))
    };
    let (offset, limit) = (i64::from(number(offset)?), i64::from(number(limit)?));
    let total = i64::try_from(total).unwrap_or(i64::MAX);
    let end = offset.saturating_add(limit).min(total);
    if offset < 0 || offset > end {
        return Err(format!("fromIndex({offset}) > toIndex({end})"));
    }
    // Neither is negative, and both are at most the number of entries.
    let (offset, end) = (offset as usize, end as usize);
    Ok(offset..end.min(offset + MOST_ENTRIES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_the_originals() {
        assert_eq!(window("0", "20", 5), Ok(0..5));
        assert_eq!(window("2", "1", 5), Ok(2..3));
        assert_eq!(window("4", "20", 5), Ok(4..5));
        assert_eq!(window("5", "20", 5), Ok(5..5));
        assert_eq!(window("99", "1", 5), Err("fromIndex(99) > toIndex(5)".to_owned()));
        assert_eq!(
            window("x", "1", 5),
            Err("Error: offset or limit parse error, For input string: \"x\"".to_owned())
        );
        assert_eq!(window("0", "2147483647", 50_000), Ok(0..MOST_ENTRIES));
        assert_eq!(window("2147483647", "2147483647", 5).unwrap_err(), "fromIndex(2147483647) > toIndex(5)");
        assert!(window("-1", "5", 5).is_err() && window("0", "-5", 5).is_err());
        assert_eq!(window("0", "20", 0), Ok(0..0));
    }

    fn pager(total: usize, offset: usize) -> Pager {
        Pager::new("browse?path=/d".to_owned(), "entries", total, offset, 100)
    }

    #[test]
    fn a_pager_goes_to_both_ends() {
        let middle = pager(100_000, 200);
        assert_eq!(middle.range(), "201\u{2013}300 of 100,000 entries");
        assert_eq!(middle.previous().unwrap(), "browse?path=/d&offset=100");
        assert_eq!(middle.next().unwrap(), "browse?path=/d&offset=300");
        assert_eq!(middle.last().unwrap(), "browse?path=/d&offset=99900");
        assert_eq!(middle.first().unwrap(), "browse?path=/d&offset=0");
        let end = pager(100_000, 99_900);
        assert_eq!((end.next(), end.last()), (None, None));
        assert!(!pager(100, 0).needed() && pager(101, 0).needed() && pager(5, 10).needed());
        assert_eq!(pager(5, 10).range(), "none of 5 entries");
        assert_eq!(pager(500, 0).showing(7).next().unwrap(), "browse?path=/d&offset=7");
        assert_eq!(pager(3, 0).range(), "1\u{2013}3 of 3 entries");
    }

    #[test]
    fn values_survive_a_query() {
        assert_eq!(encoded("/a b/%25&x=\"<é>+#"), "/a%20b/%2525%26x%3D%22%3C%C3%A9%3E%2B%23");
        assert_eq!(asked(Some("12"), 3), 12);
        assert_eq!(asked(Some("-12"), 3), 3);
        assert_eq!(asked(None, 3), 3);
    }
}
