//! Whether two quantities are the same amount. The API server writes `1024Mi` back as `1Gi`.

use serde_json::Value;

/// Compares two values of a field that holds quantities; `None` when one of them is none.
pub fn same(left: &Value, right: &Value) -> Option<bool> {
    Some(amount(left)? == amount(right)?)
}

/// Whether the first is less; `None` when one of them is none.
pub fn is_less(left: &Value, right: &Value) -> Option<bool> {
    Some(amount(left)? < amount(right)?)
}

/// In billionths, which is the finest the API server keeps.
fn amount(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => parse(text),
        Value::Number(number) => parse(&number.to_string()),
        _ => None,
    }
}

fn parse(text: &str) -> Option<i128> {
    let text = text.trim();
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let negative = whole.starts_with('-');
    let digits = whole.trim_start_matches(['+', '-']);
    if fraction.len() > 9
        || !fraction.bytes().all(|byte| byte.is_ascii_digit())
        || (digits.is_empty() && fraction.is_empty())
    {
        return None;
    }
    let whole: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let fraction: i128 = format!("{fraction:0<9}").parse().ok()?;
    let billionths = whole.checked_mul(1_000_000_000)?.checked_add(fraction)?;
    let scaled = scale(billionths, suffix)?;
    Some(if negative { -scaled } else { scaled })
}

fn scale(billionths: i128, suffix: &str) -> Option<i128> {
    let times = |factor: i128| billionths.checked_mul(factor);
    let exponent = |text: &str| text.parse::<u32>().ok();
    match suffix {
        "" => Some(billionths),
        // Finer than a billionth is rounded up by the API server.
        "n" => {
            Some(billionths.div_euclid(1_000_000_000) + i128::from(billionths.rem_euclid(1_000_000_000) > 0))
        }
        "u" => Some(billionths / 1_000_000),
        "m" => Some(billionths / 1_000),
        "k" => times(1_000),
        "M" => times(1_000_000),
        "G" => times(1_000_000_000),
        "T" => times(1_000_000_000_000),
        "P" => times(1_000_000_000_000_000),
        "E" => times(1_000_000_000_000_000_000),
        "Ki" => times(1 << 10),
        "Mi" => times(1 << 20),
        "Gi" => times(1 << 30),
        "Ti" => times(1 << 40),
        "Pi" => times(1 << 50),
        "Ei" => times(1 << 60),
        other => {
            let power = other.strip_prefix(['e', 'E'])?;
            times(10i128.checked_pow(exponent(power.trim_start_matches('+'))?)?)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_amount_in_other_words() {
        for (left, right) in [
            ("1024Mi", "1Gi"),
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1e3", "1k"),
            ("2E3", "2000"),
            ("1.5Gi", "1536Mi"),
            ("128974848", "128974848000m"),
            ("100n", "0.0000001"),
            ("+1", "1"),
        ] {
            assert_eq!(same(&json!(left), &json!(right)), Some(true), "{left} {right}");
        }
        assert_eq!(same(&json!(1), &json!("1")), Some(true));
    }

    #[test]
    fn other_amounts_and_what_is_none() {
        for (left, right) in [("1G", "1Gi"), ("1", "-1"), ("100m", "1m"), ("1Gi", "1.1Gi")] {
            assert_eq!(same(&json!(left), &json!(right)), Some(false), "{left} {right}");
        }
        for none in [json!("x"), json!(""), json!("1X"), json!("1.2.3"), json!(null), json!("Mi")] {
            assert_eq!(same(&none, &json!("1")), None, "{none}");
        }
    }
}
