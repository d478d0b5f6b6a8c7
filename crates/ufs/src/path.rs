//! The name of a file inside one under storage.

use std::fmt;

use crate::error::{Operation, Result, UfsError, UfsErrorKind};

/// A path relative to the mounted address: components joined by `/`, no leading or trailing slash; empty for
/// the mounted folder itself.
///
/// Components are never empty, `.` or `..`, and hold no NUL byte. So a `UfsPath` joined to a root cannot name
/// anything above that root.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UfsPath(String);

impl UfsPath {
    /// The mounted folder itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads a relative path. Slashes at both ends and doubled slashes are dropped; `.`, `..` and NUL are errors.
    pub fn parse(text: &str) -> Result<Self> {
        let mut path = String::with_capacity(text.len());
        for component in text.split('/').filter(|component| !component.is_empty()) {
            check_component(text, component)?;
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(component);
        }
        Ok(Self(path))
    }

    /// The path of `name` in this folder. `name` is one component.
    pub fn child(&self, name: &str) -> Result<Self> {
        if name.is_empty() || name.contains('/') {
            let path = if self.is_root() { name.to_owned() } else { format!("{}/{name}", self.0) };
            return Err(UfsError::new(UfsErrorKind::InvalidPath, Operation::Parse, path)
                .because("a name is not empty and holds no '/'"));
        }
        check_component(name, name)?;
        Ok(if self.is_root() { Self(name.to_owned()) } else { Self(format!("{}/{name}", self.0)) })
    }

    /// This path with `relative` below it.
    pub fn join(&self, relative: &UfsPath) -> Self {
        match (self.is_root(), relative.is_root()) {
            (_, true) => self.clone(),
            (true, false) => relative.clone(),
            (false, false) => Self(format!("{}/{}", self.0, relative.0)),
        }
    }

    /// The folder that holds this path; none for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        Some(self.0.rsplit_once('/').map_or_else(Self::root, |(parent, _)| Self(parent.to_owned())))
    }

    /// The last component; empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.0.as_str(), |(_, name)| name)
    }

    /// The components from the top.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|component| !component.is_empty())
    }

    /// Whether this is the mounted folder itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// What follows `ancestor` in this path; none when this path is not below it.
    pub fn strip_prefix(&self, ancestor: &UfsPath) -> Option<Self> {
        if ancestor.is_root() {
            return Some(self.clone());
        }
        match self.0.strip_prefix(&ancestor.0)? {
            "" => Some(Self::root()),
            rest => rest.strip_prefix('/').map(|rest| Self(rest.to_owned())),
        }
    }

    /// The path as text, without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UfsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for UfsPath {
    type Err = UfsError;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

fn check_component(text: &str, component: &str) -> Result<()> {
    let reason = match component {
        "." | ".." => "'.' and '..' are not allowed in a path",
        _ if component.contains('\0') => "a name holds no NUL character",
        _ => return Ok(()),
    };
    Err(UfsError::new(UfsErrorKind::InvalidPath, Operation::Parse, text.escape_debug().to_string())
        .because(reason))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slashes_are_normalised_and_dots_refused() {
        assert_eq!(UfsPath::parse("//a//b/").unwrap().as_str(), "a/b");
        assert!(UfsPath::parse("").unwrap().is_root());
        for bad in ["..", "a/../b", "./a", "a/.", "a\0b"] {
            assert_eq!(UfsPath::parse(bad).unwrap_err().kind(), UfsErrorKind::InvalidPath, "{bad:?}");
        }
        assert!(UfsPath::root().child("a/b").is_err());
        assert!(UfsPath::root().child("..").is_err());
        assert_eq!(UfsPath::parse("a..b/...").unwrap().as_str(), "a..b/...");
    }

    #[test]
    fn parents_and_prefixes() {
        let path = UfsPath::parse("a/b/c").unwrap();
        assert_eq!(path.name(), "c");
        assert_eq!(path.parent().unwrap().as_str(), "a/b");
        assert_eq!(UfsPath::parse("a").unwrap().parent(), Some(UfsPath::root()));
        assert_eq!(UfsPath::root().parent(), None);
        assert_eq!(path.strip_prefix(&UfsPath::parse("a").unwrap()).unwrap().as_str(), "b/c");
        assert_eq!(UfsPath::parse("ab").unwrap().strip_prefix(&UfsPath::parse("a").unwrap()), None);
    }

    proptest! {
        #[test]
        fn parse_is_idempotent_and_join_undoes_strip(
            left in "[a-z /%é]{0,12}", right in "[a-z /%é]{0,12}"
        ) {
            let left = UfsPath::parse(&left).unwrap();
            let right = UfsPath::parse(&right).unwrap();
            prop_assert_eq!(&UfsPath::parse(left.as_str()).unwrap(), &left);
            let joined = left.join(&right);
            prop_assert!(!joined.as_str().contains("//"));
            prop_assert_eq!(joined.strip_prefix(&left).unwrap(), right);
        }
    }
}
