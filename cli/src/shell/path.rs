//! Paths as `alluxio fs` takes them: `/a/b`, or with scheme and masters in front
//! (`alluxio://host:19998/a`, `alluxio://zk@h1:2181,h2:2181/a`), with `*` for any part of a name.

use std::fmt;

use alluxio_conf::{Configuration, key};
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

    /// Refuses masters other than the configured ones, so that a command never runs on a cluster
    /// that was not meant.
    pub fn check_masters(&self, conf: &Configuration) -> Result<(), FsError> {
        let named = self.prefix.strip_prefix(SCHEME).unwrap_or_default();
        if named.is_empty() || conf.opt(key::USER_SKIP_AUTHORITY_CHECK).unwrap_or(false) {
            return Ok(());
        }
        let configured = configured_masters(conf);
        if same_masters(named, &configured) {
            return Ok(());
        }
        Err(FsError::invalid_argument(format!(
            "The URI authority {named} does not match the configured value of {configured}."
        )))
    }
}

impl fmt::Display for ShellPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.prefix, self.path)
    }
}

/// The masters the configuration leads to, as they stand in a path.
pub fn configured_masters(conf: &Configuration) -> String {
    if conf.get(key::ZOOKEEPER_ENABLED) {
        return format!("zk@{}", conf.opt(key::ZOOKEEPER_ADDRESS).unwrap_or_default());
    }
    match conf.opt(key::MASTER_RPC_ADDRESSES) {
        Some(addresses) if !addresses.is_empty() => addresses.join(","),
        _ => {
            let host = conf.opt(key::MASTER_HOSTNAME).unwrap_or_else(|| "localhost".to_owned());
            format!("{host}:{}", conf.get(key::MASTER_RPC_PORT))
        }
    }
}

/// Several masters may stand in any order, separated by `,`, `;` or `+`.
fn same_masters(left: &str, right: &str) -> bool {
    let sorted = |text: &str| {
        let mut parts: Vec<String> = text.split([',', ';', '+']).map(str::to_owned).collect();
        parts.sort();
        parts
    };
    sorted(left) == sorted(right)
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
        let check = |text: &str, conf: &Configuration| ShellPath::parse(text).unwrap().check_masters(conf);
        assert!(check("/a", &conf).is_ok());
        assert!(check("alluxio:///a", &conf).is_ok());
        assert!(check("alluxio://m1:19998/a", &conf).is_ok());
        assert_eq!(
            check("alluxio://m2:19998/a", &conf).unwrap_err().message,
            "The URI authority m2:19998 does not match the configured value of m1:19998."
        );
        let several = conf.with(&[("alluxio.master.rpc.addresses", "a:1,b:2")]).unwrap();
        assert!(check("alluxio://b:2,a:1/x", &several).is_ok());
        let skipped = conf.with(&[("alluxio.user.skip.authority.check", "true")]).unwrap();
        assert!(check("alluxio://m2:19998/a", &skipped).is_ok());
    }
}
