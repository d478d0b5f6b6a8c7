//! Values as the pages show them. The JSON has the original's forms, of `alluxio_fs::print`.

use std::time::{SystemTime, UNIX_EPOCH};

pub use alluxio_fs::print::{grouped as count, size::human as json_size, uptime as clock_time};

const UNITS: [&str; 6] = ["KB", "MB", "GB", "TB", "PB", "EB"];

/// A size in the unit that leaves one to three digits before the point; 1 KB is 1024 bytes, as everywhere in
/// Alluxio. Negative: not known.
pub fn size(bytes: i64) -> String {
    if bytes < 0 {
        return "unknown".to_owned();
    }
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What would be printed as 1024.0 is 1.0 of the next unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// [`count`] for sizes of collections.
pub fn number(count_of: usize) -> String {
    count(i64::try_from(count_of).unwrap_or(i64::MAX))
}

/// `3 d 4 h`, `5 min 3 s`: the two largest units.
pub fn duration(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let parts = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut left = seconds;
    let mut shown = Vec::new();
    for (unit, name) in parts {
        let whole = left / unit;
        left %= unit;
        if whole > 0 || !shown.is_empty() || unit == 1 {
            shown.push(format!("{whole} {name}"));
        }
        if shown.len() == 2 {
            break;
        }
    }
    shown.join(" ")
}

/// Whole percent, as the original rounds: down.
pub fn percent(part: i64, whole: i64) -> i64 {
    if whole <= 0 { 0 } else { (i128::from(part) * 100 / i128::from(whole)).clamp(0, 100) as i64 }
}

/// How full something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    pub used: i64,
    pub total: i64,
}

impl Fill {
    pub fn new(used: i64, total: i64) -> Self {
        Self { used, total }
    }

    pub fn known(&self) -> bool {
        self.used >= 0 && self.total > 0
    }

    pub fn percent(&self) -> i64 {
        percent(self.used, self.total)
    }

    pub fn percent_text(&self) -> String {
        if self.used > 0 && self.percent() == 0 {
            "< 1 %".to_owned()
        } else {
            format!("{} %", self.percent())
        }
    }

    pub fn used_text(&self) -> String {
        size(self.used)
    }

    pub fn total_text(&self) -> String {
        size(self.total)
    }

    pub fn free_text(&self) -> String {
        size(self.total.saturating_sub(self.used).max(0))
    }

    /// Above nine tenths somebody should look.
    pub fn is_high(&self) -> bool {
        self.percent() >= 90
    }
}

pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_to_three_digits() {
        for (bytes, text) in [
            (-1, "unknown"),
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KB"),
            (1536, "1.5 KB"),
            (1_048_575, "1.0 MB"),
            (3 << 30, "3.0 GB"),
            (i64::MAX, "8.0 EB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn durations_have_two_units() {
        for (ms, text) in [
            (-5, "0 s"),
            (999, "0 s"),
            (61_000, "1 min 1 s"),
            (86_400_000, "1 d 0 h"),
            (90_061_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(ms), text, "{ms}");
        }
    }

    #[test]
    fn percents_survive_nonsense() {
        assert_eq!(
            (percent(1, 3), percent(5, 0), percent(i64::MAX, i64::MAX), percent(-3, 5)),
            (33, 0, 100, 0)
        );
        let full = Fill::new(95, 100);
        assert!(full.is_high() && full.known() && !Fill::new(-1, -1).known());
        assert_eq!(full.free_text(), "5 B");
        let texts = [Fill::new(0, 1000), Fill::new(1, 1000), full].map(|fill| fill.percent_text());
        assert_eq!(texts, ["0 %", "< 1 %", "95 %"]);
    }
}
