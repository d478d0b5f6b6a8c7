//! The nodes of one candidate in ZooKeeper, in the shapes of Curator's LeaderSelector.

use std::time::Duration;

use futures::future::BoxFuture;
use zookeeper_client::{Acls, Client, CreateMode, CreateOptions, Error, EventType, OneshotWatcher, Stat};

use crate::{MasterAddress, ZooKeeper, boot_time, node};

/// As the original's: masters are kept apart by the network and by ZooKeeper's own login.
const ACL: Acls<'static> = Acls::anyone_all();
pub(crate) const PERSISTENT: CreateOptions<'static> = CreateMode::Persistent.with_acls(ACL);

/// Where a candidate's nodes are, and what they hold.
#[derive(Clone, Debug)]
pub(crate) struct Nodes {
    client: Client,
    queue: String,
    leaders: String,
    leader: String,
    address: MasterAddress,
}

/// What a leader finds in its node when another process has taken its place. No client reads it: they go by the node's name.
const REPLACED: &[u8] = b"";

/// What a renewal has confirmed.
pub(crate) struct Confirmed {
    /// When its first message was sent.
    pub sent: Duration,
    /// Of the leader node, if it was shown.
    pub version: Option<i32>,
    /// Ready when one of the nodes is deleted.
    pub deleted: BoxFuture<'static, ()>,
}

/// Why a renewal confirmed nothing.
pub(crate) enum Unconfirmed {
    /// A node is gone or is another's.
    Gone,
    /// Nobody knows: the connection or the session is lost.
    Unknown(Error),
}

/// The leader node, as far as the last renewal knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// It is not to be shown yet.
    No,
    /// It is to be created.
    Wanted,
    /// It is there with this version; `None` after an unknown outcome.
    Yes(Option<i32>),
}

impl Nodes {
    pub(crate) fn new(client: Client, zookeeper: &ZooKeeper, address: &MasterAddress) -> Self {
        let leaders = zookeeper.leader_path.clone();
        let leader = format!("{leaders}/{address}");
        Self { client, queue: zookeeper.election_path.clone(), leaders, leader, address: address.clone() }
    }

    /// Stands at the end of the queue.
    pub(crate) async fn stand(&self, mark: &str) -> Result<(), Error> {
        self.client.mkdir(&self.queue, &PERSISTENT).await?;
        let path = format!("{}/{mark}{}", self.queue, node::LOCK);
        let options = CreateMode::EphemeralSequential.with_acls(ACL);
        self.client.create(&path, self.address.to_string().as_bytes(), &options).await?;
        Ok(())
    }

    pub(crate) async fn queue(&self) -> Result<Vec<String>, Error> {
        match self.client.list_children(&self.queue).await {
            // Nobody stands yet, or somebody removed the folder.
            Err(Error::NoNode) => Ok(Vec::new()),
            names => names,
        }
    }

    /// Waits until a node of the queue changes or is gone.
    pub(crate) async fn changed(&self, name: &str) -> Result<(), Error> {
        let (stat, watcher) = self.client.check_and_watch_stat(&self.path(name)).await?;
        if stat.is_some() {
            watcher.changed().await;
        }
        Ok(())
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.queue)
    }

    fn is_own(&self, stat: &Stat) -> bool {
        stat.ephemeral_owner == self.client.session_id().0
    }

    /// Writes the own nodes, so that ZooKeeper hears of this session and confirms that they are there, and
    /// watches them. The leader node is written at the version it was left with: another master of the same
    /// address would have changed it.
    pub(crate) async fn renew(self, name: String, shown: Shown) -> Result<Confirmed, Unconfirmed> {
        let sent = boot_time::now().unwrap_or_default();
        let version = match shown {
            Shown::No => None,
            Shown::Yes(Some(version)) => Some(version),
            Shown::Yes(None) => Some(self.version_of_leader().await?),
            Shown::Wanted => Some(self.show().await?),
        };
        let candidate = self.path(&name);
        let mut writes = self.client.new_multi_writer();
        writes.add_set_data(&candidate, self.address.to_string().as_bytes(), None)?;
        if version.is_some() {
            writes.add_set_data(&self.leader, self.address.host.as_bytes(), version)?;
        }
        writes.commit().await.map_err(Error::from)?;
        let candidate = self.watch(&candidate).await?;
        let deleted: BoxFuture<'static, ()> = if version.is_some() {
            let leader = self.watch(&self.leader).await?;
            Box::pin(async move {
                tokio::select! {
                    () = deleted(candidate) => {}
                    () = deleted(leader) => {}
                }
            })
        } else {
            Box::pin(deleted(candidate))
        };
        Ok(Confirmed { sent, version: version.map(|version| version.wrapping_add(1)), deleted })
    }

    async fn watch(&self, path: &str) -> Result<OneshotWatcher, Unconfirmed> {
        match self.client.check_and_watch_stat(path).await? {
            (Some(stat), watcher) if self.is_own(&stat) => Ok(watcher),
            _ => Err(Unconfirmed::Gone),
        }
    }

    async fn version_of_leader(&self) -> Result<i32, Unconfirmed> {
        let (text, stat) = self.client.get_data(&self.leader).await?;
        if self.is_own(&stat) && text != REPLACED { Ok(stat.version) } else { Err(Unconfirmed::Gone) }
    }

    /// Creates the leader node. One that a former session of this address has left is replaced: clients go by
    /// the newest, and it would vanish with its session.
    async fn show(&self) -> Result<i32, Unconfirmed> {
        self.client.mkdir(&self.leaders, &PERSISTENT).await?;
        if let Some(stat) = self.client.check_stat(&self.leader).await? {
            if self.is_own(&stat) {
                return self.version_of_leader().await;
            }
            ignore_absent(self.client.delete(&self.leader, None).await)?;
        }
        let options = CreateMode::Ephemeral.with_acls(ACL);
        let (stat, _) = self.client.create(&self.leader, self.address.host.as_bytes(), &options).await?;
        Ok(stat.version)
    }

    /// The first candidate in the queue with this address that stands before the own node, of another session.
    pub(crate) async fn namesake(&self, names: &[String], mark: &str) -> Result<Option<String>, Error> {
        let own =
            names.iter().filter(|name| name.starts_with(mark)).filter_map(|name| node::sequence(name)).min();
        let before =
            |name: &&String| node::sequence(name).is_some_and(|number| own.is_some_and(|own| number < own));
        for name in names.iter().filter(before) {
            match self.client.get_data(&self.path(name)).await {
                Ok((data, stat)) if data == self.address.to_string().as_bytes() && !self.is_own(&stat) => {
                    return Ok(Some(name.clone()));
                }
                Ok(_) | Err(Error::NoNode) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Ends the candidacy of this name, which is of a process that this one replaces. One that leads steps down when its next renewal finds its leader
    /// node changed: others must not lead before it knows that its lease is over.
    pub(crate) async fn displace(&self, name: &str) -> Result<(), Error> {
        let candidate = self.path(name);
        let Some(stat) = self.client.check_stat(&candidate).await? else { return Ok(()) };
        // Read after that: one that is not the first now has renewed nothing yet at this version.
        let queue = self.queue().await?;
        let first = queue
            .iter()
            .filter(|name| node::sequence(name).is_some())
            .min_by_key(|name| node::sequence(name));
        if first.is_none_or(|first| first != name) {
            return ignore_changed(self.client.delete(&candidate, Some(stat.version)).await);
        }
        let shown = self.client.check_stat(&self.leader).await?;
        if shown.is_some_and(|shown| shown.ephemeral_owner == stat.ephemeral_owner) {
            let told = self.client.set_data(&self.leader, REPLACED, None).await;
            ignore_changed(told.map(drop))?;
        }
        Ok(())
    }

    /// Removes what sessions of this address have left, as [`withdraw`](Self::withdraw) does. Returns how many
    /// nodes there were. It must be known that nobody acts for those sessions any more.
    pub(crate) async fn clear(&self, sessions: &[i64]) -> Result<usize, Error> {
        if sessions.is_empty() {
            return Ok(0);
        }
        let mut paths = vec![self.leader.clone()];
        paths.extend(self.queue().await?.iter().map(|name| self.path(name)));
        let mut removed = 0;
        for path in paths {
            let stat = self.client.check_stat(&path).await?;
            if let Some(stat) = stat.filter(|stat| sessions.contains(&stat.ephemeral_owner)) {
                // With its version: another master of this address may have put its own node there meanwhile.
                match self.client.delete(&path, Some(stat.version)).await {
                    Ok(()) => removed += 1,
                    Err(Error::NoNode | Error::BadVersion) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(removed)
    }

    /// Removes the own nodes; the leader's first, so that no client is sent here while another master leads.
    pub(crate) async fn withdraw(&self, mark: &str) -> Result<(), Error> {
        if self.client.check_stat(&self.leader).await?.is_some_and(|stat| self.is_own(&stat)) {
            ignore_absent(self.client.delete(&self.leader, None).await)?;
        }
        for name in self.queue().await?.iter().filter(|name| name.starts_with(mark)) {
            ignore_absent(self.client.delete(&self.path(name), None).await)?;
        }
        Ok(())
    }
}

fn ignore_changed(done: Result<(), Error>) -> Result<(), Error> {
    match done {
        Err(Error::NoNode | Error::BadVersion) => Ok(()),
        done => done,
    }
}

pub(crate) fn ignore_absent(deleted: Result<(), Error>) -> Result<(), Error> {
    if deleted == Err(Error::NoNode) { Ok(()) } else { deleted }
}

/// The own renewals change the data; each arms the watch anew. The end of the session is told elsewhere.
async fn deleted(watcher: OneshotWatcher) {
    if watcher.changed().await.event_type != EventType::NodeDeleted {
        std::future::pending::<()>().await;
    }
}

impl From<Error> for Unconfirmed {
    fn from(error: Error) -> Self {
        match error {
            // Between two looks another master of this address has taken the node: NodeExists.
            Error::NoNode | Error::BadVersion | Error::NodeExists => Self::Gone,
            error => Self::Unknown(error),
        }
    }
}
