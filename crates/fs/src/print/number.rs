//! Numbers and uptimes as the original prints them.

/// A number with its thousands apart: `100,000`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How long a server runs: `1 day(s), 1 hour(s), 6 minute(s), and 22 second(s)`.
pub fn uptime(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
    format!("{days} day(s), {hours} hour(s), {minutes} minute(s), and {seconds} second(s)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (100_000, "100,000"), (-1_234_567, "-1,234,567")]
        {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn uptimes_have_all_units() {
        assert_eq!(uptime(90_061_999), "1 day(s), 1 hour(s), 1 minute(s), and 1 second(s)");
        assert_eq!(uptime(-5), "0 day(s), 0 hour(s), 0 minute(s), and 0 second(s)");
    }
}
