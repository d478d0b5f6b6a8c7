//! Paths as `alluxio fs` takes them: `/a/b`, or with scheme and masters in front
//! (`alluxio://host:19998/a`, `alluxio://zk@h1:2181,h2:2181/a`), with `*` for any part of a name.

use std::fmt;

use alluxio_client::Authority;
use alluxio_conf::Configuration;
use alluxio_fs::{AlluxioPath, FsError};

const SCHEME: &str = "alluxio://";

/// A path with the scheme and masters it was given with: messages repeat it as it was typed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShellPath {
    pub path: AlluxioPath,
    prefix: String,
}

impl ShellPath {
    pub fn parse(text: &str) -> Result<Self, FsError> {
        let (prefix, path) = match text.strip_prefix(SCHEME) {
            Some(rest) => {
                let at = rest.find('/').unwrap_or(rest.len());
                (&text[..SCHEME.len() + at], &rest[at..])
            }
            None => {
                if let Some((scheme, _)) = text.split_once("://") {
                    return Err(FsError::invalid_argument(format!(
                        "Scheme {scheme}:// in {text} is not Alluxio's: write alluxio://host:port/path or only /path."
                    )));
                }
                ("", text)
            }
        };
        let path = AlluxioPath::parse(if path.is_empty() && !prefix.is_empty() { "/" } else { path })?;
        Ok(Self { path, prefix: prefix.to_owned() })
    }

    /// A path that was not typed with masters in front.
    pub fn plain(path: AlluxioPath) -> Self {
        Self { path, prefix: String::new() }
    }

    /// Another path, shown with the same scheme and masters.
    pub fn with_path(&self, path: AlluxioPath) -> Self {
        Self { path, prefix: self.prefix.clone() }
    }

    pub fn child(&self, name: &str) -> Self {
        self.with_path(self.path.join(name))
    }

    pub fn has_wildcard(&self) -> bool {
        self.path.as_str().contains('*')
    }

    /// The configuration to reach it with, when `conf` will not do. Other masters than the configured ones are refused.
    pub fn chosen(&self, conf: &Configuration) -> Result<Option<Configuration>, FsError> {
        match self.prefix.strip_prefix(SCHEME) {
            None | Some("") => Ok(None),
            Some(authority) => Authority::parse(authority).chosen(conf),
        }
    }
}

impl fmt::Display for ShellPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.prefix, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_as_they_were_typed() {
        for (text, shown, path) in [
            ("/a//b/", "/a/b", "/a/b"),
            ("alluxio://h:19998/a", "alluxio://h:19998/a", "/a"),
            ("alluxio://h:19998", "alluxio://h:19998/", "/"),
            ("alluxio:///a", "alluxio:///a", "/a"),
            ("alluxio://zk@a:2181,b:2181/x y", "alluxio://zk@a:2181,b:2181/x y", "/x y"),
        ] {
            let parsed = ShellPath::parse(text).unwrap();
            assert_eq!((parsed.to_string().as_str(), parsed.path.as_str()), (shown, path));
        }
    }

    #[test]
    fn other_schemes_and_relative_paths_are_refused() {
        assert!(ShellPath::parse("s3://bucket/a").unwrap_err().message.starts_with("Scheme s3://"));
        assert_eq!(ShellPath::parse("a/b").unwrap_err().message, "Path \"a/b\" is invalid.");
    }

    #[test]
    fn other_masters_are_refused() {
        let conf = Configuration::defaults().with(&[("alluxio.master.hostname", "m1")]).unwrap();
        let chosen = |text: &str| ShellPath::parse(text).unwrap().chosen(&conf);
        for same in ["/a", "alluxio:///a", "alluxio://m1:19998/a"] {
            assert!(chosen(same).is_ok(), "{same}");
        }
        assert!(chosen("alluxio://m2:19998/a").unwrap_err().message.contains("m2:19998 does not match"));
    }
}
