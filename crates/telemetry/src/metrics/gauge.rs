//! Values that are set, or asked for when somebody looks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A whole number that is set. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicI64>);

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Changes the value by `change`.
    pub fn add(&self, change: i64) {
        self.0.fetch_add(change, Ordering::Relaxed);
    }

    /// The value now.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a gauge can be. Text shows in JSON only.
#[derive(Clone, Debug, PartialEq)]
pub enum GaugeValue {
    /// A whole number.
    Int(i64),
    /// Any number.
    Float(f64),
    /// Yes or no; 1 or 0 for Prometheus.
    Bool(bool),
    /// Text.
    Text(String),
}

impl GaugeValue {
    /// As Prometheus shows it; none for text.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            Self::Text(_) => None,
        }
    }
}

impl From<i64> for GaugeValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for GaugeValue {
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<usize> for GaugeValue {
    fn from(value: usize) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<f64> for GaugeValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<bool> for GaugeValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<String> for GaugeValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// Asks for a value.
#[derive(Clone)]
pub(super) struct GaugeFn(pub(super) Arc<dyn Fn() -> GaugeValue + Send + Sync>);

impl fmt::Debug for GaugeFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GaugeFn")
    }
}
