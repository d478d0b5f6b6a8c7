//! Texts to values: durations, sizes, numbers, booleans, lists. What is accepted is what Alluxio 2.9's Java
//! code accepts, so that one site file serves both; only values that Java silently bends (overflow, a negative
//! size, any word but `true` meaning false) are refused.

mod size;
mod span;

pub use size::size;
pub use span::{Span, span};

/// `true` or `false`, in any case.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Ok(true),
        _ if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

/// A whole number.
pub fn int(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "must be a whole number".to_owned())
}

/// A finite number.
pub fn double(text: &str) -> Result<f64, String> {
    // Java also takes the type letter of its own literals, as in 0.5d.
    let digits = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    match digits.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err("must be a number".to_owned()),
    }
}

/// Texts separated by commas; blanks around them and empty ones are dropped.
#[must_use]
pub fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
