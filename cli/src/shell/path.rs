//! Paths as `alluxio fs` takes them: `/a/b`, or with scheme and masters in front
//! (`alluxio://host:19998/a`, `alluxio://zk@h1:2181,h2:2181/a`), with `*` for any part of a name.

use std::fmt;

use alluxio_conf::{Configuration, key};
use alluxio_fs::{AlluxioPath, FsError};

const SCHEME: &str = "alluxio://";
/// Before the servers of a ZooKeeper in place of masters.
const ZOOKEEPER: &str = "zk@";

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
    /// that was not meant. Where ZooKeeper tells who leads, host and port of a master say nothing, and only
    /// another ZooKeeper is refused.
    pub fn check_masters(&self, conf: &Configuration) -> Result<(), FsError> {
        let named = self.prefix.strip_prefix(SCHEME).unwrap_or_default();
        if named.is_empty() || conf.opt(key::USER_SKIP_AUTHORITY_CHECK).unwrap_or(false) {
            return Ok(());
        }
        let configured = configured_masters(conf);
        let ignored = conf.get(key::ZOOKEEPER_ENABLED) && !named.starts_with(ZOOKEEPER);
        if ignored || same_masters(named, &configured) {
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
        // A path in ZooKeeper cannot be told from the path of a file: it stands in the configuration only.
        let address = conf.opt(key::ZOOKEEPER_ADDRESS).unwrap_or_default();
        return format!("{ZOOKEEPER}{}", address.split('/').next().unwrap_or_default());
    }
    match conf.opt(key::MASTER_RPC_ADDRESSES) {
        Some(addresses) if !addresses.is_empty() => addresses.join(","),
        _ => {
            let host = conf.opt(key::MASTER_HOSTNAME).unwrap_or_else(|| "localhost".to_owned());
            format!("{host}:{}", conf.get(key::MASTER_RPC_PORT))
        }
    }
}

/// Several masters, or servers of ZooKeeper, may stand in any order, separated by `,`, `;` or `+`.
fn same_masters(left: &str, right: &str) -> bool {
    let sorted = |text: &str| {
        let servers = text.strip_prefix(ZOOKEEPER);
        let mut parts: Vec<String> =
            servers.unwrap_or(text).split([',', ';', '+']).map(str::to_owned).collect();
        parts.sort();
        (servers.is_some(), parts)
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
        let zookeeper = [
            ("alluxio.zookeeper.enabled", "true"),
            ("alluxio.zookeeper.address", "z1:2181,z2:2181/alluxio/a"),
        ];
        let elected = conf.with(&zookeeper).unwrap();
        for same in ["alluxio://zk@z2:2181,z1:2181/x", "alluxio://zk@z1:2181;z2:2181/x", "alluxio://m9:1/x"] {
            assert!(check(same, &elected).is_ok(), "{same}");
        }
        assert_eq!(
            check("alluxio://zk@z3:2181/x", &elected).unwrap_err().message,
            "The URI authority zk@z3:2181 does not match the configured value of zk@z1:2181,z2:2181."
        );
        assert!(check("alluxio://zk@m1:19998/a", &conf).is_err(), "ZooKeeper is not a master");
        let skipped = conf.with(&[("alluxio.user.skip.authority.check", "true")]).unwrap();
        assert!(check("alluxio://m2:19998/a", &skipped).is_ok());
    }
}
