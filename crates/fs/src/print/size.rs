//! Sizes as the original prints them: the unit changes at 5 x 1024 of the smaller one, so 5120 bytes
//! stay `5120B` and 3 GiB are `3072.00MB`.

const UNITS: [&str; 6] = ["KB", "MB", "GB", "TB", "PB", "EB"];
/// The most that is printed in a unit before the next larger one is taken.
const STEP: i128 = 5 * 1024;

pub fn human(bytes: i64) -> String {
    let bytes = i128::from(bytes);
    if bytes <= STEP {
        return format!("{bytes}B");
    }
    let mut unit = 1024;
    let mut last = UNITS[0];
    for name in UNITS {
        last = name;
        if bytes <= STEP * unit || name == UNITS[UNITS.len() - 1] {
            break;
        }
        unit *= 1024;
    }
    // Half a hundredth is rounded up, as Java's formatter does; Rust's would round it to even.
    let hundredths = (bytes * 100 + unit / 2) / unit;
    format!("{}.{:02}{last}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::human;

    const K: i64 = 1024;

    #[test]
    fn the_unit_changes_at_five_times_1024() {
        for (bytes, text) in [
            (0, "0B"),
            (-1, "-1B"),
            (1024, "1024B"),
            (5 * K, "5120B"),
            (5 * K + 1, "5.00KB"),
            (6 * K, "6.00KB"),
            (6 * K + 128, "6.13KB"),
            (5 * K * K, "5120.00KB"),
            (5 * K * K + 1, "5.00MB"),
            (3 * K * K * K, "3072.00MB"),
            (10 * K * K * K, "10.00GB"),
            (5 * K * K * K * K, "5120.00GB"),
            (6 * K * K * K * K, "6.00TB"),
            (6 * K * K * K * K * K, "6.00PB"),
            (i64::MAX, "8.00EB"),
        ] {
            assert_eq!(human(bytes), text, "{bytes}");
        }
    }
}
