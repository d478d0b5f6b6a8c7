//! Which masters there are, and which of them leads.

use std::{future::pending, time::Duration};

use alluxio_conf::{Configuration, key};
use alluxio_election::{Inquiry, MasterAddress, ZooKeeper};
use alluxio_fs::{ErrorKind, FsError, FsResult};
use alluxio_rpc::{Connector, ServiceType};
use parking_lot::RwLock;
use tokio::time::sleep;

/// For one master's answer, when the property says "forever".
const PATIENCE: Duration = Duration::from_secs(30);

/// A master that has not answered for so long may be out of reach, and another one lead.
const SILENT: Duration = Duration::from_secs(2);

/// Where the masters are known from.
enum Known {
    Listed(Vec<MasterAddress>),
    ZooKeeper(Box<Inquiry>),
}

/// One master, or several of which one leads.
pub(super) struct Masters {
    known: Known,
    /// The last one that was found to lead.
    leader: RwLock<Option<MasterAddress>>,
    patience: Duration,
}

impl Masters {
    /// ZooKeeper knows them where it is used. Else several `alluxio.master.rpc.addresses` are asked in their
    /// order; else there is the one at `alluxio.master.hostname`, by default this host.
    pub(super) fn of(conf: &Configuration) -> FsResult<Self> {
        let known = if conf.get(key::ZOOKEEPER_ENABLED) {
            Known::ZooKeeper(Box::new(Inquiry::new(ZooKeeper::of(conf)?)))
        } else {
            Known::Listed(listed(conf)?)
        };
        let patience = conf.get(key::USER_MASTER_POLLING_TIMEOUT).duration().unwrap_or(PATIENCE);
        Ok(Self { known, leader: RwLock::default(), patience })
    }

    pub(super) fn one(master: MasterAddress) -> Self {
        Self { known: Known::Listed(vec![master]), leader: RwLock::default(), patience: PATIENCE }
    }

    pub(super) async fn known(&self) -> FsResult<Vec<MasterAddress>> {
        match &self.known {
            Known::Listed(masters) => Ok(masters.clone()),
            Known::ZooKeeper(inquiry) => inquiry.masters().await,
        }
    }

    /// Whether another master may lead the next time.
    pub(super) fn may_change(&self) -> bool {
        !matches!(&self.known, Known::Listed(masters) if masters.len() == 1)
    }

    /// The leader is asked for again, if it is this one.
    pub(super) fn forget(&self, master: &MasterAddress) {
        let mut leader = self.leader.write();
        if leader.as_ref() == Some(master) {
            *leader = None;
        }
    }

    pub(super) async fn leader(&self, connector: &Connector) -> FsResult<MasterAddress> {
        if let Known::Listed(masters) = &self.known
            && let [only] = masters.as_slice()
        {
            return Ok(only.clone());
        }
        if let Some(leader) = self.leader.read().clone() {
            return Ok(leader);
        }
        let leader = match &self.known {
            Known::Listed(masters) => self.poll(connector, masters).await?,
            Known::ZooKeeper(inquiry) => inquiry.leader().await?,
        };
        *self.leader.write() = Some(leader.clone());
        Ok(leader)
    }

    /// Waits until another master is known to lead than the one that was asked, and does not answer. Where that one is cut off or hangs, its connection
    /// says nothing of it for a minute.
    pub(super) async fn succeeded(&self, asked: &MasterAddress) {
        match &self.known {
            Known::ZooKeeper(inquiry) => {
                sleep(SILENT).await;
                inquiry.another_than(asked).await;
            }
            Known::Listed(_) => pending().await,
        }
    }

    async fn poll(&self, connector: &Connector, masters: &[MasterAddress]) -> FsResult<MasterAddress> {
        let mut refusals = Vec::new();
        for master in masters {
            match self.ask(connector, master).await {
                Ok(()) => return Ok(master.clone()),
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

fn listed(conf: &Configuration) -> FsResult<Vec<MasterAddress>> {
    let listed = conf.opt(key::MASTER_RPC_ADDRESSES).unwrap_or_default();
    if listed.is_empty() {
        return Ok(vec![MasterAddress { host: host_of(conf), port: port_of(conf)? }]);
    }
    listed.iter().map(|text| text.parse()).collect()
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
        Ok(listed(&conf)?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn one_or_several() {
        assert_eq!(masters(&[]).unwrap(), ["localhost:19998"]);
        let one = [("alluxio.master.hostname", "m1"), ("alluxio.master.rpc.port", "7")];
        assert_eq!(masters(&one).unwrap(), ["m1:7"]);
        assert_eq!(masters(&[("alluxio.master.rpc.addresses", "m1:1,m2:2")]).unwrap(), ["m1:1", "m2:2"]);
    }
}
