//! Which masters there are, and which of them leads.

use std::{fmt, str::FromStr, time::Duration};

use alluxio_conf::{Configuration, key};
use alluxio_fs::{ErrorKind, FsError, FsResult};
use alluxio_rpc::{Connector, ServiceType};
use parking_lot::RwLock;

/// For one master's answer, when the property says "forever".
const PATIENCE: Duration = Duration::from_secs(30);

/// The RPC address of a master.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MasterAddress {
    pub host: String,
    pub port: u16,
}

impl fmt::Display for MasterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl FromStr for MasterAddress {
    type Err = FsError;

    fn from_str(text: &str) -> FsResult<Self> {
        let parts = text.trim().rsplit_once(':');
        parts
            .and_then(|(host, port)| Some(Self { host: host.to_owned(), port: port.parse().ok()? }))
            .filter(|address| !address.host.is_empty())
            .ok_or_else(|| {
                FsError::invalid_argument(format!("\"{text}\" is not a master address: write host:port."))
            })
    }
}

/// One master, or several of which one leads.
pub(super) struct Masters {
    known: Vec<MasterAddress>,
    /// The last one that was found to lead.
    leader: RwLock<Option<MasterAddress>>,
    patience: Duration,
}

impl Masters {
    /// Several `alluxio.master.rpc.addresses` are asked in their order; else there is the one at
    /// `alluxio.master.hostname`, by default this host.
    pub(super) fn of(conf: &Configuration) -> FsResult<Self> {
        if conf.get(key::ZOOKEEPER_ENABLED) {
            return Err(FsError::failed_precondition(
                "alluxio.zookeeper.enabled=true is not supported by this client yet: set it to false here and list \
                 the masters in alluxio.master.rpc.addresses.",
            ));
        }
        let listed = conf.opt(key::MASTER_RPC_ADDRESSES).unwrap_or_default();
        let known = if listed.is_empty() {
            vec![MasterAddress { host: host_of(conf), port: port_of(conf)? }]
        } else {
            listed.iter().map(|text| text.parse()).collect::<FsResult<_>>()?
        };
        let patience = conf.get(key::USER_MASTER_POLLING_TIMEOUT).duration().unwrap_or(PATIENCE);
        Ok(Self { known, leader: RwLock::default(), patience })
    }

    pub(super) fn one(master: MasterAddress) -> Self {
        Self { known: vec![master], leader: RwLock::default(), patience: PATIENCE }
    }

    pub(super) fn known(&self) -> &[MasterAddress] {
        &self.known
    }

    pub(super) fn forget_leader(&self) {
        *self.leader.write() = None;
    }

    pub(super) async fn leader(&self, connector: &Connector) -> FsResult<MasterAddress> {
        if let [only] = self.known.as_slice() {
            return Ok(only.clone());
        }
        if let Some(leader) = self.leader.read().clone() {
            return Ok(leader);
        }
        let mut refusals = Vec::new();
        for master in &self.known {
            match self.ask(connector, master).await {
                Ok(()) => {
                    *self.leader.write() = Some(master.clone());
                    return Ok(master.clone());
                }
                Err(error) if says_not_me(error.kind) => refusals.push(format!("{master}: {error}")),
                Err(error) => return Err(error),
            }
        }
        Err(FsError::unavailable(format!("No master leads. {}", refusals.join("; "))))
    }

    /// A leader serves this service; a standby does not answer for it.
    async fn ask(&self, connector: &Connector, master: &MasterAddress) -> FsResult<()> {
        let asked = connector.version(&master.host, master.port, ServiceType::MetaMasterClientService);
        match tokio::time::timeout(self.patience, asked).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(FsError::deadline_exceeded(format!("no answer within {:?}", self.patience))),
        }
    }
}

/// The answers after which the next master is asked, as in the Java client.
fn says_not_me(kind: ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(kind, K::Unavailable | K::DeadlineExceeded | K::Cancelled | K::NotFound)
}

fn host_of(conf: &Configuration) -> String {
    conf.opt(key::MASTER_HOSTNAME).filter(|host| !host.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

fn port_of(conf: &Configuration) -> FsResult<u16> {
    let port = conf.get(key::MASTER_RPC_PORT);
    u16::try_from(port).map_err(|_| {
        FsError::invalid_argument(format!("alluxio.master.rpc.port={port} is not a port number."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masters(settings: &[(&str, &str)]) -> FsResult<Vec<String>> {
        let conf = Configuration::defaults().with(settings).unwrap();
        Ok(Masters::of(&conf)?.known().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn one_or_several() {
        assert_eq!(masters(&[]).unwrap(), ["localhost:19998"]);
        let one = [("alluxio.master.hostname", "m1"), ("alluxio.master.rpc.port", "7")];
        assert_eq!(masters(&one).unwrap(), ["m1:7"]);
        assert_eq!(masters(&[("alluxio.master.rpc.addresses", "m1:1,m2:2")]).unwrap(), ["m1:1", "m2:2"]);
    }

    #[test]
    fn what_is_no_address_is_named() {
        for text in ["m1", ":19998", "m1:port", "m1:70000"] {
            let error = text.parse::<MasterAddress>().unwrap_err();
            assert!(error.message.contains(text), "{error}");
        }
    }
}
