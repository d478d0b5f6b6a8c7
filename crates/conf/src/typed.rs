//! Typed property names. A [`Key`] always has a value, an [`UnsetKey`] may have none; the marker behind it is
//! the Rust type of the value.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::kind::Value;
use crate::parse::Span;
use crate::table::PROPERTIES;

/// A property that always has a value: its own default, or that of the property it refers to.
#[derive(Debug)]
pub struct Key<K> {
    index: u16,
    kind: PhantomData<K>,
}

/// A property without a default.
#[derive(Debug)]
pub struct UnsetKey<K> {
    index: u16,
    kind: PhantomData<K>,
}

/// What both kinds of key have.
pub trait KeyName<K>: Copy {
    /// The position in the table; its values are stored by it.
    fn index(self) -> usize;

    /// The full property name.
    fn name(self) -> &'static str {
        PROPERTIES[self.index()].name
    }
}

macro_rules! key_name {
    ($($key:ident),*) => {$(
        impl<K> $key<K> {
            /// For the generated constants only: the row's position in the sorted table.
            pub(crate) const fn at(index: u16) -> Self {
                Self { index, kind: PhantomData }
            }
        }
        impl<K> Clone for $key<K> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<K> Copy for $key<K> {}
        impl<K> KeyName<K> for $key<K> {
            fn index(self) -> usize {
                usize::from(self.index)
            }
        }
    )*};
}
key_name!(Key, UnsetKey);

/// The marker of a key: which Rust type its values have.
pub trait ValueKind {
    /// What [`crate::Configuration::get`] answers.
    type Value;

    /// The value, when it is of this type.
    fn of(value: &Value) -> Option<Self::Value>;
}

macro_rules! value_kinds {
    ($($(#[$doc:meta])* $marker:ident => $value:ty, $pattern:pat => $result:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $marker {}
        impl ValueKind for $marker {
            type Value = $value;
            fn of(value: &Value) -> Option<$value> {
                match value {
                    $pattern => Some($result),
                    _ => None,
                }
            }
        }
    )*};
}

value_kinds! {
    /// `true` or `false`.
    Bool => bool, Value::Bool(value) => *value;
    /// A whole number.
    Int => i64, Value::Int(value) => *value;
    /// A number.
    Double => f64, Value::Double(value) => *value;
    /// A number of bytes.
    Size => u64, Value::Size(value) => *value;
    /// Text; also one of a list of words, a Java class name, a secret.
    Str => String, Value::Str(value) => value.to_string();
    /// Texts, separated by commas in the configuration.
    List => Vec<String>, Value::List(value) => Arc::unwrap_or_clone(Arc::clone(value));
}

impl ValueKind for Span {
    type Value = Span;
    fn of(value: &Value) -> Option<Span> {
        match value {
            Value::Span(value) => Some(*value),
            _ => None,
        }
    }
}
