//! What must hold before a master stands: it belongs to the cluster of this election, and no Java master stands.

use alluxio_fs::{FsError, FsResult};
use uuid::Uuid;
use zookeeper_client::{Client, Error};

use crate::{
    ZooKeeper, instance, node,
    nodes::{PERSISTENT, ignore_absent},
};

/// Why a master does not stand now.
pub(crate) enum Turned {
    /// It never will: whoever runs it is told.
    Away(FsError),
    /// ZooKeeper could not be asked.
    Unknown(Error),
}

impl From<Error> for Turned {
    fn from(error: Error) -> Self {
        Self::Unknown(error)
    }
}

/// Where the cluster that elects here is named. Not in the queue: the Java client takes all it finds there for
/// masters.
fn cluster_path(zookeeper: &ZooKeeper) -> String {
    format!("{}_cluster_id", zookeeper.election_path)
}

/// Checks both. The first master of a cluster writes the cluster's name down.
pub(crate) async fn check(client: &Client, zookeeper: &ZooKeeper, cluster: Uuid) -> Result<(), Turned> {
    let strangers = strangers(client, zookeeper).await?;
    if !strangers.is_empty() {
        return Err(Turned::Away(FsError::failed_precondition(format!(
            "Masters of the original (Java) stand for election here: {}. Both kinds do not share a cluster. To move \
             in: 1. `alluxio fsadmin backup` there; 2. stop those masters and wait until their sessions with \
             ZooKeeper have ended; 3. set alluxio.master.journal.folder to a new folder and \
             alluxio.master.journal.init.from.backup to the backup; 4. `alluxio formatMasters`, then start the \
             masters. docs/moving-in.md tells more.",
            strangers.join(", ")
        ))));
    }
    let path = cluster_path(zookeeper);
    let found = match client.get_data(&path).await {
        Ok((found, _)) => String::from_utf8_lossy(&found).into_owned(),
        Err(Error::NoNode) => {
            write(client, &path, cluster).await?;
            let (found, _) = client.get_data(&path).await?;
            String::from_utf8_lossy(&found).into_owned()
        }
        Err(error) => return Err(error.into()),
    };
    if found == cluster.to_string() {
        return Ok(());
    }
    Err(Turned::Away(FsError::failed_precondition(format!(
        "ZooKeeper at {} elects masters of cluster {found} (its node {path} says so), and the journal of this one \
         belongs to cluster {cluster}. Give this cluster an alluxio.zookeeper.election.path and \
         alluxio.zookeeper.leader.path of its own. If the other cluster is gone for good, delete that node.",
        zookeeper.address
    ))))
}

/// Somebody else may have been first: whoever calls looks again.
async fn write(client: &Client, path: &str, cluster: Uuid) -> Result<(), Error> {
    if let Some((parent, _)) = path.rsplit_once('/').filter(|(parent, _)| !parent.is_empty()) {
        client.mkdir(parent, &PERSISTENT).await?;
    }
    match client.create(path, cluster.to_string().as_bytes(), &PERSISTENT).await {
        Ok(_) | Err(Error::NodeExists) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn queue(client: &Client, zookeeper: &ZooKeeper) -> Result<Vec<String>, Error> {
    match client.list_children(&zookeeper.election_path).await {
        Err(Error::NoNode) => Ok(Vec::new()),
        names => names,
    }
}

/// The addresses of candidates that are not ours.
async fn strangers(client: &Client, zookeeper: &ZooKeeper) -> Result<Vec<String>, Error> {
    addresses(client, zookeeper, |name| !node::is_ours(name)).await
}

pub(crate) async fn addresses(
    client: &Client,
    zookeeper: &ZooKeeper,
    of: impl Fn(&str) -> bool,
) -> Result<Vec<String>, Error> {
    let mut addresses = Vec::new();
    let names = queue(client, zookeeper).await?;
    for name in names.iter().filter(|name| node::sequence(name).is_some() && of(name)) {
        match client.get_data(&format!("{}/{name}", zookeeper.election_path)).await {
            Ok((address, _)) => addresses.push(String::from_utf8_lossy(&address).into_owned()),
            Err(Error::NoNode) => {}
            Err(error) => return Err(error),
        }
    }
    addresses.sort_unstable();
    Ok(addresses)
}

/// The addresses of all masters that stand for election.
///
/// # Errors
/// What kept ZooKeeper from being asked.
pub async fn candidates(zookeeper: &ZooKeeper) -> FsResult<Vec<String>> {
    let asked = async {
        let client = zookeeper.connect(zookeeper.connection_timeout).await?;
        addresses(&client, zookeeper, |_| true).await
    };
    asked.await.map_err(|error: Error| zookeeper.unreachable(&error))
}

/// Lets another cluster elect here from now on: to be called before a journal is formatted.
///
/// # Errors
/// FAILED_PRECONDITION while masters stand; else what kept ZooKeeper from being asked.
pub async fn forget_cluster(zookeeper: &ZooKeeper) -> FsResult<()> {
    let forgotten = async {
        let client = zookeeper.connect(zookeeper.connection_timeout).await?;
        let stands = queue(&client, zookeeper).await?.iter().any(|name| node::sequence(name).is_some());
        if !stands {
            ignore_absent(client.delete(&cluster_path(zookeeper), None).await)?;
        }
        Ok(!stands)
    };
    match forgotten.await {
        Ok(true) => Ok(()),
        Ok(false) => Err(FsError::failed_precondition(format!(
            "Masters stand for election in ZooKeeper at {} under {}: stop them before their journal is formatted, \
             and wait for the end of their sessions.",
            zookeeper.address, zookeeper.election_path
        ))),
        Err(error) => Err(zookeeper.unreachable(&error)),
    }
}

/// Removes what a cluster has in ZooKeeper: who may elect there, the queue, the leader's folder, and the folder that holds them, if
/// nothing else is in it.
///
/// # Errors
/// As [`forget_cluster`].
pub async fn remove_cluster(zookeeper: &ZooKeeper) -> FsResult<()> {
    forget_cluster(zookeeper).await?;
    let removed = async {
        let client = zookeeper.connect(zookeeper.connection_timeout).await?;
        for folder in [&zookeeper.election_path, &zookeeper.leader_path, &instance::folder(zookeeper)] {
            let names = match client.list_children(folder).await {
                Err(Error::NoNode) => continue,
                names => names?,
            };
            for name in names {
                ignore_absent(client.delete(&format!("{folder}/{name}"), None).await)?;
            }
            ignore_absent(client.delete(folder, None).await)?;
        }
        let parent = |path: &str| path.rsplit_once('/').map(|(parent, _)| parent.to_owned());
        let own = parent(&zookeeper.election_path).filter(|folder| !folder.is_empty());
        match own.filter(|folder| parent(&zookeeper.leader_path).as_ref() == Some(folder)) {
            None => Ok(()),
            Some(folder) => match ignore_absent(client.delete(&folder, None).await) {
                Err(Error::NotEmpty) => Ok(()),
                deleted => deleted,
            },
        }
    };
    removed.await.map_err(|error| zookeeper.unreachable(&error))
}
