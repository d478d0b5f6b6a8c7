//! The address of an under storage: what an administrator mounts.

use std::fmt;

use crate::error::{Operation, Result, UfsError, UfsErrorKind};
use crate::path::UfsPath;

/// `hdfs://namenode:8020/data`, `s3://bucket/prefix`, `file:///data` or just `/data`.
///
/// The path is kept as written (no percent-decoding, as the original), without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UfsUri {
    /// As written, in lower case; none for a bare local path.
    scheme: Option<String>,
    authority: String,
    path: UfsPath,
}

impl UfsUri {
    /// Reads an address: `scheme://authority/path`, `file:/path` or an absolute local path.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = |reason: &str| {
            UfsError::new(UfsErrorKind::InvalidPath, Operation::Parse, format!("the address '{text}'"))
                .because(reason)
        };
        if text.starts_with('/') {
            return Ok(Self { scheme: None, authority: String::new(), path: UfsPath::parse(text)? });
        }
        let (scheme, rest) = text
            .split_once(':')
            .ok_or_else(|| invalid("give an absolute path or scheme://authority/path"))?;
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(valid) {
            return Err(invalid("the part before ':' is not a scheme"));
        }
        let scheme = scheme.to_ascii_lowercase();
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None if rest.starts_with('/') => ("", rest),
            None => return Err(invalid("'//' or '/' must follow the scheme")),
        };
        if scheme == "file" && !matches!(authority, "" | "localhost") {
            return Err(invalid("a local path names no host; mount the remote folder first"));
        }
        let authority = if scheme == "file" { "" } else { authority };
        Ok(Self { scheme: Some(scheme), authority: authority.to_owned(), path: UfsPath::parse(path)? })
    }

    /// The scheme; `file` for a bare path.
    pub fn scheme(&self) -> &str {
        self.scheme.as_deref().unwrap_or("file")
    }

    /// Host and port, name service or bucket; empty for local folders.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path in the store, relative to the store's own root.
    pub fn path(&self) -> &UfsPath {
        &self.path
    }

    /// The address of `relative` below this one, for users and for other processes.
    pub fn join(&self, relative: &UfsPath) -> Self {
        Self { path: self.path.join(relative), ..self.clone() }
    }

    /// The path of `address` below this one. `address` is a full address as made by [`UfsUri::join`]
    /// (`/data` and `file:///data` are the same).
    pub fn relative(&self, address: &str) -> Result<UfsPath> {
        let other = Self::parse(address)?;
        let same_store = self.scheme() == other.scheme() && self.authority == other.authority;
        same_store.then(|| other.path.strip_prefix(&self.path)).flatten().ok_or_else(|| {
            UfsError::new(UfsErrorKind::InvalidPath, Operation::Parse, address)
                .because(format!("it is not below {self}"))
        })
    }
}

impl fmt::Display for UfsUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scheme {
            Some(scheme) => write!(f, "{scheme}://{}/{}", self.authority, self.path),
            None => write!(f, "/{}", self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for (text, shown, scheme, authority) in [
            ("/data//x/", "/data/x", "file", ""),
            ("/", "/", "file", ""),
            ("file:///data", "file:///data", "file", ""),
            ("file:/data", "file:///data", "file", ""),
            ("FILE://localhost/data", "file:///data", "file", ""),
            ("hdfs://nn:8020/a b/%20", "hdfs://nn:8020/a b/%20", "hdfs", "nn:8020"),
            ("s3://bucket", "s3://bucket/", "s3", "bucket"),
            ("s3a://bucket/p/", "s3a://bucket/p", "s3a", "bucket"),
        ] {
            let uri = UfsUri::parse(text).unwrap();
            assert_eq!((uri.to_string().as_str(), uri.scheme(), uri.authority()), (shown, scheme, authority));
        }
        for bad in ["", "data", "a/b:c", "file://server/x", "/a/../b", "1x://a", "hdfs:x"] {
            let error = UfsUri::parse(bad).unwrap_err();
            assert_eq!(error.kind(), UfsErrorKind::InvalidPath, "{bad:?}");
        }
    }

    #[test]
    fn only_what_is_below_is_relative() {
        let uri = UfsUri::parse("/data").unwrap();
        assert_eq!(uri.relative("file:///data/a/b").unwrap().as_str(), "a/b");
        assert!(uri.relative("/data").unwrap().is_root());
        for outside in ["/database", "/", "hdfs://nn/data/a", "/data/../etc"] {
            assert_eq!(uri.relative(outside).unwrap_err().kind(), UfsErrorKind::InvalidPath, "{outside}");
        }
        let bucket = UfsUri::parse("s3://one/p").unwrap();
        assert!(bucket.relative("s3://two/p/x").is_err());
    }

    proptest! {
        #[test]
        fn relative_undoes_join(
            root in prop::sample::select(vec!["/", "/a", "/a/b c", "file:///d", "hdfs://nn:1/x", "s3://b"]),
            relative in "[a-z%:?#é ]{1,6}(/[a-z.:]{1,5}x){0,3}"
        ) {
            let uri = UfsUri::parse(root).unwrap();
            let relative = UfsPath::parse(&relative).unwrap();
            let joined = uri.join(&relative);
            prop_assert_eq!(&UfsUri::parse(&joined.to_string()).unwrap(), &joined);
            prop_assert_eq!(uri.relative(&joined.to_string()).unwrap(), relative);
            prop_assert!(!joined.to_string().replacen("://", "", 1).contains("//"));
        }
    }
}
