//! Strings and numbers that many inodes share (owners, groups, block sizes), each kept once.
//! Entries are never dropped: there are as many as users, groups and block sizes ever seen.

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

#[derive(Clone, Debug)]
pub struct Interned<T> {
    values: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Interned<T> {
    pub fn number<Q>(&mut self, value: &Q) -> u32
    where
        T: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = T> + ?Sized,
    {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = self.values.len() as u32;
        self.values.push(value.to_owned());
        self.numbers.insert(value.to_owned(), number);
        number
    }

    pub fn value(&self, number: u32) -> Option<&T> {
        self.values.get(number as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_a_number() {
        let mut names = Interned::<String>::default();
        let (a, b) = (names.number("alice"), names.number("bob"));
        assert_ne!(a, b);
        assert_eq!(names.number("alice"), a);
        assert_eq!(names.value(b).unwrap(), "bob");
        assert_eq!(names.value(9), None);
    }
}
