//! Which cluster a path means: what stands between `alluxio://` and the path.

use std::fmt;

use alluxio_conf::{Configuration, KeyName, Source, key};
use alluxio_election::MasterAddress;
use alluxio_fs::{FsError, FsResult};

/// Before the servers of a ZooKeeper in place of masters.
const ZOOKEEPER: &str = "zk@";

/// Masters (`h1:19998,h2:19998`), or the ZooKeeper that knows them (`zk@z1:2181,z2:2181`).
#[derive(Clone, Debug)]
pub struct Authority {
    zookeeper: bool,
    servers: Vec<String>,
}

impl Authority {
    /// Several servers are separated by `,`, `;` or `+`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (zookeeper, servers) = match text.strip_prefix(ZOOKEEPER) {
            Some(servers) => (true, servers),
            None => (false, text),
        };
        Self { zookeeper, servers: servers.split([',', ';', '+']).map(str::to_owned).collect() }
    }

    /// The one that the configuration leads to.
    #[must_use]
    pub fn configured(conf: &Configuration) -> Self {
        if conf.get(key::ZOOKEEPER_ENABLED) {
            // A path in ZooKeeper cannot be told from the path of a file: it stands in the configuration only.
            let address = conf.opt(key::ZOOKEEPER_ADDRESS).unwrap_or_default();
            return Self::parse(&format!("{ZOOKEEPER}{}", address.split('/').next().unwrap_or_default()));
        }
        let servers = match conf.opt(key::MASTER_RPC_ADDRESSES) {
            Some(addresses) if !addresses.is_empty() => addresses,
            _ => {
                let host = conf.opt(key::MASTER_HOSTNAME).unwrap_or_else(|| "localhost".to_owned());
                vec![format!("{host}:{}", conf.get(key::MASTER_RPC_PORT))]
            }
        };
        Self { zookeeper: false, servers }
    }

    /// The configuration that a path with this authority needs, when `conf` will not do. A `conf` that names a cluster goes
    /// on to mean it, and another one is refused: a command must not run on a cluster that was not meant. Where ZooKeeper
    /// tells who leads, host and port of a master say nothing. A `conf` that names none leaves it to the path.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for another cluster than the configured one, and for what names none.
    pub fn chosen(&self, conf: &Configuration) -> FsResult<Option<Configuration>> {
        let configured = Self::configured(conf);
        let ignored = conf.get(key::ZOOKEEPER_ENABLED) && !self.zookeeper;
        if ignored || self.is_same(&configured) || conf.opt(key::USER_SKIP_AUTHORITY_CHECK).unwrap_or(false) {
            return Ok(None);
        }
        if names_a_cluster(conf) {
            return Err(FsError::invalid_argument(format!(
                "The URI authority {self} does not match the configured value of {configured}."
            )));
        }
        for server in &self.servers {
            server.parse::<MasterAddress>()?;
        }
        let servers = self.servers.join(",");
        let settings = if self.zookeeper {
            vec![("alluxio.zookeeper.enabled", "true"), ("alluxio.zookeeper.address", servers.as_str())]
        } else {
            vec![("alluxio.master.rpc.addresses", servers.as_str())]
        };
        conf.with(&settings).map(Some).map_err(|error| FsError::invalid_argument(error.to_string()))
    }

    /// The servers may stand in any order.
    fn is_same(&self, other: &Self) -> bool {
        let sorted = |servers: &[String]| {
            let mut servers = servers.to_vec();
            servers.sort();
            servers
        };
        self.zookeeper == other.zookeeper && sorted(&self.servers) == sorted(&other.servers)
    }
}

/// Whether somebody has set where the masters are.
fn names_a_cluster(conf: &Configuration) -> bool {
    let names = [
        key::MASTER_HOSTNAME.name(),
        key::MASTER_RPC_PORT.name(),
        key::MASTER_RPC_ADDRESSES.name(),
        key::ZOOKEEPER_ENABLED.name(),
        key::ZOOKEEPER_ADDRESS.name(),
    ];
    names.into_iter().any(|name| conf.source_of(name) != Source::Default)
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.zookeeper { ZOOKEEPER } else { "" }, self.servers.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str, settings: &[(&str, &str)]) -> Result<String, String> {
        let conf = Configuration::defaults().with(settings).unwrap();
        let chosen = Authority::parse(text).chosen(&conf).map_err(|error| error.message)?;
        Ok(Authority::configured(&chosen.unwrap_or(conf)).to_string())
    }

    #[test]
    fn another_cluster_than_the_configured_one_is_refused() {
        let one = [("alluxio.master.hostname", "m1")];
        assert_eq!(chosen("m1:19998", &one).unwrap(), "m1:19998");
        assert_eq!(
            chosen("m2:19998", &one).unwrap_err(),
            "The URI authority m2:19998 does not match the configured value of m1:19998."
        );
        let several = [("alluxio.master.rpc.addresses", "a:1,b:2")];
        assert_eq!(chosen("b:2,a:1", &several).unwrap(), "a:1,b:2");
        assert!(chosen("a:1", &several).is_err());
        let skipped = [one[0], ("alluxio.user.skip.authority.check", "true")];
        assert_eq!(chosen("m2:19998", &skipped).unwrap(), "m1:19998");
    }

    #[test]
    fn where_zookeeper_tells_who_leads_only_another_one_is_refused() {
        let zookeeper = [
            ("alluxio.zookeeper.enabled", "true"),
            ("alluxio.zookeeper.address", "z1:2181,z2:2181/alluxio/a"),
        ];
        for same in ["zk@z2:2181,z1:2181", "zk@z1:2181;z2:2181", "m9:1", "m9"] {
            assert_eq!(chosen(same, &zookeeper).unwrap(), "zk@z1:2181,z2:2181", "{same}");
        }
        assert_eq!(
            chosen("zk@z3:2181", &zookeeper).unwrap_err(),
            "The URI authority zk@z3:2181 does not match the configured value of zk@z1:2181,z2:2181."
        );
        assert!(
            chosen("zk@m1:19998", &[("alluxio.master.hostname", "m1")]).is_err(),
            "ZooKeeper is not a master"
        );
    }

    #[test]
    fn where_nothing_is_configured_the_path_decides() {
        for text in ["m1:19998", "a:1,b:2", "zk@z1:2181,z2:2181"] {
            assert_eq!(chosen(text, &[]).unwrap(), text);
        }
        assert_eq!(chosen("a:1+b:2", &[]).unwrap(), "a:1,b:2");
        assert!(chosen("m1", &[]).unwrap_err().contains("write host:port"));
        assert!(chosen("zk@z1", &[]).is_err());
    }
}
