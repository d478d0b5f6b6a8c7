//! Amounts as Kubernetes writes them: `500m`, `2`, `1Gi`, `1.5e3`.

use std::borrow::Cow;
use std::fmt;

use k8s_openapi::apimachinery::pkg::api::resource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// An amount as the user wrote it, a number or a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Quantity(pub String);

/// Why a text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no amount; write a number and a unit, such as 512Mi, 1Gi, 0.5 or 500m")]
pub struct NoQuantity(pub String);

/// The units that Kubernetes knows, each with its factor as (numerator, denominator).
const UNITS: [(&str, u128, u128); 16] = [
    ("Ki", 1 << 10, 1),
    ("Mi", 1 << 20, 1),
    ("Gi", 1 << 30, 1),
    ("Ti", 1 << 40, 1),
    ("Pi", 1 << 50, 1),
    ("Ei", 1 << 60, 1),
    ("n", 1, 1_000_000_000),
    ("u", 1, 1_000_000),
    ("m", 1, 1_000),
    ("k", 1_000, 1),
    ("M", 1_000_000, 1),
    ("G", 1_000_000_000, 1),
    ("T", 1_000_000_000_000, 1),
    ("P", 1_000_000_000_000_000, 1),
    ("E", 1_000_000_000_000_000_000, 1),
    ("", 1, 1),
];

impl Quantity {
    /// So many bytes, in the largest binary unit that shows them whole.
    #[must_use]
    pub fn of_bytes(bytes: u64) -> Self {
        let whole = UNITS[..6].iter().rev().find(|(_, factor, _)| {
            let factor = u64::try_from(*factor).unwrap_or(u64::MAX);
            bytes >= factor && bytes.is_multiple_of(factor)
        });
        Self(whole.map_or_else(
            || bytes.to_string(),
            |(unit, factor, _)| format!("{}{unit}", u128::from(bytes) / factor),
        ))
    }

    /// The whole number that it is, rounded up as Kubernetes does.
    ///
    /// # Errors
    /// When it is no amount, negative, or more than 64 bits hold.
    pub fn whole(&self) -> Result<u64, NoQuantity> {
        self.in_parts_of(1)
    }

    /// The same in thousandths, as processors are counted.
    ///
    /// # Errors
    /// As [`Quantity::whole`].
    pub fn thousandths(&self) -> Result<u64, NoQuantity> {
        self.in_parts_of(1_000)
    }

    fn in_parts_of(&self, parts: u128) -> Result<u64, NoQuantity> {
        let none = || NoQuantity(self.0.clone());
        let (digits, exponent, unit) = split(&self.0).ok_or_else(none)?;
        let (_, up, down) = UNITS.iter().find(|(name, ..)| *name == unit).ok_or_else(none)?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let mantissa = format!("{whole}{fraction}").parse::<u128>().map_err(|_| none())?;
        let scale =
            i32::try_from(fraction.len()).map_err(|_| none())?.checked_sub(exponent).ok_or_else(none)?;
        let power = |by: i32| 10u128.checked_pow(by.unsigned_abs()).ok_or_else(none);
        let (up, down) = if scale >= 0 {
            (*up, down.checked_mul(power(scale)?).ok_or_else(none)?)
        } else {
            (up.checked_mul(power(scale)?).ok_or_else(none)?, *down)
        };
        let product = mantissa.checked_mul(up).and_then(|n| n.checked_mul(parts)).ok_or_else(none)?;
        u64::try_from(product.div_ceil(down)).map_err(|_| none())
    }

    /// The type of Kubernetes' own objects.
    #[must_use]
    pub fn to_kubernetes(&self) -> resource::Quantity {
        resource::Quantity(self.0.clone())
    }
}

/// The digits (with a point, perhaps), the decimal exponent, and the unit.
fn split(text: &str) -> Option<(&str, i32, &str)> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let has_digits = digits.bytes().any(|byte| byte.is_ascii_digit());
    if !has_digits || digits.matches('.').count() > 1 || digits.len() > 30 {
        return None;
    }
    match unit.strip_prefix(['e', 'E']) {
        // `1E` is an exa, `1E3` a thousand.
        Some(exponent) if !exponent.is_empty() => {
            exponent.parse::<i32>().ok().filter(|power| power.abs() <= 30).map(|power| (digits, power, ""))
        }
        _ => Some((digits, 0, unit)),
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Kubernetes' own type takes numbers too.
        resource::Quantity::deserialize(deserializer).map(|quantity| Self(quantity.0))
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "pattern": r"^\+?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)(([KMGTPE]i)|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$",
            "maxLength": 32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Result<u64, NoQuantity> {
        Quantity(text.to_owned()).whole()
    }

    #[test]
    fn amounts_are_read_as_kubernetes_reads_them() {
        for (text, bytes) in [
            ("0", 0),
            ("1", 1),
            ("1Gi", 1 << 30),
            ("1.5Gi", 3 << 29),
            ("512Mi", 512 << 20),
            ("1G", 1_000_000_000),
            ("1E", 1_000_000_000_000_000_000),
            ("1E3", 1_000),
            ("1e3", 1_000),
            ("2.5e3", 2_500),
            ("12e-1", 2),
            ("100m", 1),
            (".5k", 500),
            ("+3", 3),
            ("1.", 1),
        ] {
            assert_eq!(whole(text), Ok(bytes), "{text}");
        }
        assert_eq!(Quantity("1.5".into()).thousandths(), Ok(1_500));
        assert_eq!(Quantity("250m".into()).thousandths(), Ok(250));
    }

    #[test]
    fn other_texts_are_none() {
        for text in ["", ".", "1GB", "Gi", "-1", "1 Gi", "1..2", "0x10", "100Ei", "1e99", "1E+", "one"] {
            assert_eq!(whole(text), Err(NoQuantity(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn bytes_are_shown_whole() {
        for (bytes, text) in
            [(0, "0"), (1023, "1023"), (1 << 10, "1Ki"), (3 << 29, "1536Mi"), (2 << 30, "2Gi")]
        {
            assert_eq!(Quantity::of_bytes(bytes).0, text);
            assert_eq!(whole(text), Ok(bytes));
        }
    }

    #[test]
    fn a_number_is_an_amount_too() {
        let read = |json: &str| serde_json::from_str::<Quantity>(json).map(|quantity| quantity.0).ok();
        assert_eq!(read("2"), Some("2".to_owned()));
        assert_eq!(read("0.5"), Some("0.5".to_owned()));
        assert_eq!(read("\"2Gi\""), Some("2Gi".to_owned()));
        assert_eq!(read("true"), None);
    }
}
