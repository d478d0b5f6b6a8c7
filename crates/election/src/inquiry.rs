//! Asking ZooKeeper who leads, as the Java client does: the leader is the newest node under the leader path, and
//! the masters are what the nodes of the candidates hold.

use std::time::Duration;

use alluxio_fs::{FsError, FsResult};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout_at},
};
use zookeeper_client::{Client, Error, OneshotWatcher, Stat};

use crate::{address::MasterAddress, node, zookeeper::ZooKeeper};

/// Between two questions where the first failed.
const AGAIN: Duration = Duration::from_secs(1);

/// A session is opened when it is first needed, kept, and replaced when it has ended.
pub struct Inquiry {
    zookeeper: ZooKeeper,
    /// Held while a session is opened, so that many callers open one.
    session: Mutex<Option<Client>>,
}

impl Inquiry {
    #[must_use]
    pub fn new(zookeeper: ZooKeeper) -> Self {
        Self { zookeeper, session: Mutex::default() }
    }

    /// The servers that are asked, as in `alluxio.zookeeper.address`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.zookeeper.address
    }

    /// The master that leads. While there is none it waits, `alluxio.zookeeper.leader.inquiry.retry` seconds long.
    ///
    /// # Errors
    /// UNAVAILABLE when none leads or ZooKeeper cannot be asked; INVALID_ARGUMENT and FAILED_PRECONDITION when
    /// the settings are wrong.
    pub async fn leader(&self) -> FsResult<MasterAddress> {
        let deadline = Instant::now() + Duration::from_secs(self.zookeeper.inquiries.into());
        let path = &self.zookeeper.leader_path;
        loop {
            let client = self.session().await?;
            let changed = match newest(&client, path).await {
                Ok((Some(leader), _)) => return leader.parse(),
                Ok((None, watcher)) => watcher.changed(),
                // Asked again at once: the next request waits for the connection, or for another session.
                Err(error) if passes(&error) && Instant::now() < deadline => continue,
                Err(error) => return Err(self.zookeeper.unreachable(&error)),
            };
            if timeout_at(deadline, changed).await.is_err() {
                let address = &self.zookeeper.address;
                return Err(FsError::unavailable(format!(
                    "No master leads: ZooKeeper at {address} has no node under {path}."
                )));
            }
        }
    }

    /// All masters, in the order in which they stand for election.
    ///
    /// # Errors
    /// As [`leader`](Self::leader), without waiting.
    pub async fn masters(&self) -> FsResult<Vec<MasterAddress>> {
        let client = self.session().await?;
        let path = &self.zookeeper.election_path;
        let candidates =
            candidates(&client, path).await.map_err(|error| self.zookeeper.unreachable(&error))?;
        let mut masters = Vec::with_capacity(candidates.len());
        for address in candidates {
            let address = address.parse()?;
            // A master that has just come back stands twice until its former session ends.
            if !masters.contains(&address) {
                masters.push(address);
            }
        }
        if masters.is_empty() {
            let address = &self.zookeeper.address;
            return Err(FsError::unavailable(format!(
                "No master stands for election: ZooKeeper at {address} has no node under {path}."
            )));
        }
        Ok(masters)
    }

    /// Waits until another master than this one leads, however long that takes.
    pub async fn another_than(&self, leader: &MasterAddress) {
        let leader = leader.to_string();
        loop {
            let asked = match self.session().await {
                Ok(client) => newest(&client, &self.zookeeper.leader_path).await.ok(),
                Err(_) => None,
            };
            match asked {
                Some((Some(newest), _)) if newest != leader => return,
                Some((_, watcher)) => drop(watcher.changed().await),
                // Nobody knows: ZooKeeper is out of reach.
                None => sleep(AGAIN).await,
            }
        }
    }

    async fn session(&self) -> FsResult<Client> {
        let mut session = self.session.lock().await;
        if let Some(client) = session.as_ref().filter(|client| !client.state().is_terminated()) {
            return Ok(client.clone());
        }
        // No node hangs on it, so it need not outlive the time for a connection.
        let connected = self.zookeeper.connect(self.zookeeper.connection_timeout).await;
        let client = connected.map_err(|error| self.zookeeper.unreachable(&error))?;
        *session = Some(client.clone());
        Ok(client)
    }
}

fn passes(error: &Error) -> bool {
    matches!(error, Error::ConnectionLoss | Error::SessionExpired | Error::SessionMoved | Error::ClientClosed)
}

/// The name of the newest child, and what tells of the next change.
async fn newest(client: &Client, path: &str) -> Result<(Option<String>, OneshotWatcher), Error> {
    let (names, watcher) = match client.list_and_watch_children(path).await {
        Ok(children) => children,
        Err(Error::NoNode) => {
            let (_, watcher) = client.check_and_watch_stat(path).await?;
            return Ok((None, watcher));
        }
        Err(error) => return Err(error),
    };
    let mut newest: Option<(Stat, String)> = None;
    for name in names {
        // A leader that has gone meanwhile has no stat.
        let Some(stat) = client.check_stat(&format!("{path}/{name}")).await? else { continue };
        let age = |stat: &Stat| (stat.ctime, stat.czxid);
        if newest.as_ref().is_none_or(|(other, _)| age(other) < age(&stat)) {
            newest = Some((stat, name));
        }
    }
    Ok((newest.map(|(_, name)| name), watcher))
}

/// What the candidates' nodes hold, in their order.
async fn candidates(client: &Client, path: &str) -> Result<Vec<String>, Error> {
    let names = match client.list_children(path).await {
        Err(Error::NoNode) => Vec::new(),
        listed => listed?,
    };
    let mut nodes: Vec<_> =
        names.into_iter().filter_map(|name| Some((node::sequence(&name)?, name))).collect();
    nodes.sort_unstable();
    let mut candidates = Vec::with_capacity(nodes.len());
    for (_, name) in nodes {
        match client.get_data(&format!("{path}/{name}")).await {
            Ok((data, _)) => candidates.push(String::from_utf8_lossy(&data).into_owned()),
            Err(Error::NoNode) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(candidates)
}
