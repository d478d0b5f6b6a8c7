//! An absolute, normalised path of the Alluxio namespace.

use std::fmt;

use crate::FsError;

/// Longest path taken, in bytes. Bounds what one request can make the tree walk and the journal hold.
const MAX_PATH_BYTES: usize = 64 * 1024;
/// Most components taken: whoever follows a path looks at an inode for each under one hold of the tree's lock.
const MAX_COMPONENTS: usize = 1_000;

/// Begins with `/`, has no empty, `.` or `..` components and no slash at its end (but the root).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlluxioPath(Box<str>);

impl AlluxioPath {
    pub fn root() -> Self {
        Self("/".into())
    }

    /// Takes a path as clients send it: `//`, `.` and `..` are resolved by name alone, as the Java
    /// client's URIs do. What is relative, or leads above the root, is refused.
    pub fn parse(text: &str) -> Result<Self, FsError> {
        let invalid = || FsError::invalid_argument(format!("Path \"{text}\" is invalid."));
        if !text.starts_with('/') || text.len() > MAX_PATH_BYTES || text.contains('\0') {
            return Err(invalid());
        }
        if is_normal(text) {
            let slashes = text.bytes().filter(|byte| *byte == b'/').count();
            return if slashes <= MAX_COMPONENTS { Ok(Self(text.into())) } else { Err(too_deep()) };
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop().ok_or_else(invalid)?;
                }
                name => parts.push(name),
            }
        }
        if parts.len() > MAX_COMPONENTS {
            return Err(too_deep());
        }
        Ok(Self(format!("/{}", parts.join("/")).into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// The last component; empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        match self.0.rfind('/') {
            Some(0) | None => Some(Self::root()),
            Some(at) => Some(Self(self.0[..at].into())),
        }
    }

    /// The path of a child. `name` is one component, as it comes from a listing.
    pub fn join(&self, name: &str) -> Self {
        if self.is_root() {
            Self(format!("/{name}").into())
        } else {
            Self(format!("{}/{name}", self.0).into())
        }
    }

    /// The names from the root down; none for the root.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    pub fn depth(&self) -> usize {
        self.components().count()
    }

    /// Whether this path is `other` or lies below it.
    pub fn starts_with(&self, other: &Self) -> bool {
        self.below(other).is_some()
    }

    /// What follows `ancestor`, without a leading slash; empty when they are the same.
    pub fn below(&self, ancestor: &Self) -> Option<&str> {
        if ancestor.is_root() {
            return Some(&self.0[1..]);
        }
        let rest = self.0.strip_prefix(ancestor.as_str())?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
    }
}

fn too_deep() -> FsError {
    FsError::invalid_argument(format!("A path has more than {MAX_COMPONENTS} components."))
}

/// Most paths arrive normal: they are taken without being split.
fn is_normal(text: &str) -> bool {
    text == "/" || text[1..].split('/').all(|part| !matches!(part, "" | "." | ".."))
}

impl fmt::Display for AlluxioPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dots_and_slashes_are_resolved() {
        for (text, normal) in [
            ("/", "/"),
            ("//", "/"),
            ("/a//b/", "/a/b"),
            ("/a/./b/..", "/a"),
            ("/a/..", "/"),
            ("/ä b%20/c", "/ä b%20/c"),
            ("/...", "/..."),
        ] {
            assert_eq!(AlluxioPath::parse(text).unwrap().as_str(), normal);
        }
    }

    #[test]
    fn what_is_relative_or_above_the_root_is_refused() {
        for text in ["", "nope", "./a", "/..", "/a/../..", "/a\0b"] {
            let error = AlluxioPath::parse(text).unwrap_err();
            assert_eq!(error.message, format!("Path \"{text}\" is invalid."));
        }
    }

    #[test]
    fn what_is_too_deep_is_refused() {
        let deep = |count| "/a".repeat(count);
        assert_eq!(AlluxioPath::parse(&deep(1_000)).unwrap().depth(), 1_000);
        for text in [deep(1_001), format!("{}/", deep(1_001))] {
            assert_eq!(
                AlluxioPath::parse(&text).unwrap_err().message,
                "A path has more than 1000 components."
            );
        }
        assert!(AlluxioPath::parse(&"/./a/..".repeat(2_000)).unwrap().is_root());
    }

    #[test]
    fn relations() {
        let path = AlluxioPath::parse("/a/b").unwrap();
        let a = AlluxioPath::parse("/a").unwrap();
        assert_eq!(path.parent().unwrap(), a);
        assert_eq!(a.parent().unwrap(), AlluxioPath::root());
        assert_eq!(path.below(&a), Some("b"));
        assert_eq!(AlluxioPath::parse("/ab").unwrap().below(&a), None);
        assert_eq!(AlluxioPath::root().join("x").as_str(), "/x");
        assert!(a.starts_with(&a) && path.starts_with(&AlluxioPath::root()));
    }

    proptest! {
        #[test]
        fn parsing_is_idempotent_and_components_rebuild_the_path(text in "/[a./]{0,20}") {
            if let Ok(path) = AlluxioPath::parse(&text) {
                prop_assert_eq!(AlluxioPath::parse(path.as_str()).unwrap(), path.clone());
                let rebuilt = path.components().fold(AlluxioPath::root(), |p, c| p.join(c));
                prop_assert_eq!(rebuilt, path);
            }
        }
    }
}
