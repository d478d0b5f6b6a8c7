//! Properties for paths: what `fsadmin pathConf` sets, and clients take over for files below. They are
//! journaled, so the tree keeps them; how a change alters what is there is decided here.

use std::collections::BTreeMap;

use alluxio_fs::{AlluxioPath, FsError};
use async_trait::async_trait;
use md5::{Digest, Md5};

/// The properties of one path.
pub type Properties = BTreeMap<String, String>;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathChange {
    /// Adds these, or replaces their values; the others stay.
    Set(Properties),
    /// Takes these away; all of them when none is named.
    Remove(Vec<String>),
}

impl PathChange {
    /// What the path has after the change; `None` when nothing changes. An empty map means that the
    /// path has no properties any more (`remove_path_properties` in the journal).
    pub fn apply(&self, before: Option<&Properties>) -> Option<Properties> {
        let mut after = before.cloned().unwrap_or_default();
        match self {
            Self::Set(properties) => after.extend(properties.clone()),
            Self::Remove(names) if names.is_empty() => after.clear(),
            Self::Remove(names) => names.iter().for_each(|name| drop(after.remove(name))),
        }
        (after != before.cloned().unwrap_or_default()).then_some(after)
    }
}

/// The journaled properties of paths, kept by the tree.
#[async_trait]
pub trait PathProperties: Send + Sync {
    /// All of them, durable ones only.
    async fn all(&self) -> Result<BTreeMap<String, Properties>, FsError>;

    /// The hash over all of them.
    async fn hash(&self) -> Result<String, FsError> {
        Ok(hash(&self.all().await?))
    }

    /// Applies `change` under the tree's lock ([`PathChange::apply`]), journals the outcome
    /// (`path_properties` with all that the path then has, or `remove_path_properties`) and returns
    /// when it is durable.
    async fn change(&self, path: &AlluxioPath, change: PathChange) -> Result<(), FsError>;
}

/// The hash of these properties that clients compare; as in Alluxio 2.9 that of nothing when there are
/// none.
pub(super) fn hash(all: &BTreeMap<String, Properties>) -> String {
    let mut digest = Md5::new();
    for (path, properties) in all {
        for (name, value) in properties {
            absorb(&mut digest, &[path, name, value]);
        }
    }
    hex(digest)
}

/// Feeds fields so that no two lists of fields look alike.
pub(super) fn absorb(digest: &mut Md5, fields: &[&str]) {
    for field in fields {
        digest.update((field.len() as u64).to_be_bytes());
        digest.update(field.as_bytes());
    }
}

pub(super) fn hex(digest: Md5) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(pairs: &[(&str, &str)]) -> Properties {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn changes_merge_and_end_in_nothing() {
        let before = properties(&[("a", "1"), ("b", "2")]);
        let set = PathChange::Set(properties(&[("b", "3"), ("c", "4")]));
        assert_eq!(set.apply(Some(&before)), Some(properties(&[("a", "1"), ("b", "3"), ("c", "4")])));
        assert_eq!(PathChange::Set(properties(&[("a", "1")])).apply(Some(&before)), None);
        assert_eq!(set.apply(None), Some(properties(&[("b", "3"), ("c", "4")])));

        let remove = PathChange::Remove(vec!["a".into()]);
        assert_eq!(remove.apply(Some(&before)), Some(properties(&[("b", "2")])));
        assert_eq!(remove.apply(None), None);
        assert_eq!(PathChange::Remove(vec!["x".into()]).apply(Some(&before)), None);
        assert_eq!(PathChange::Remove(vec![]).apply(Some(&before)), Some(Properties::new()));
    }

    #[test]
    fn the_hash_of_nothing_is_the_one_java_has() {
        assert_eq!(hash(&BTreeMap::new()), "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn the_hash_tells_fields_apart() {
        let of = |path: &str, name: &str, value: &str| {
            hash(&BTreeMap::from([(path.to_owned(), properties(&[(name, value)]))]))
        };
        assert_ne!(of("/a", "b", "c"), of("/ab", "", "c"));
        assert_ne!(of("/a", "b", "c"), of("/a", "bc", ""));
        assert_eq!(of("/a", "b", "c"), of("/a", "b", "c"));
    }
}
