//! Which of two processes has an address. Where Kubernetes has lost a node it starts that node's pod elsewhere, under its name, though the former one may
//! live: a fresh folder tells the later one, which writes itself down and takes the place of the other.

use std::{fmt, str::FromStr};

use alluxio_fs::FsError;
use uuid::Uuid;
use zookeeper_client::{Client, Error};

use crate::{
    Life, MasterAddress, ZooKeeper,
    entrance::{Turned, addresses},
    nodes::PERSISTENT,
};

/// All processes with one folder. A later one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instance {
    number: u64,
    /// Where two have one number, as after the node was removed, all take the same one for the later.
    id: Uuid,
}

impl Instance {
    pub(crate) fn after(former: Option<Self>) -> Self {
        Self { number: former.map_or(0, |former| former.number) + 1, id: Uuid::new_v4() }
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.id)
    }
}

impl FromStr for Instance {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (number, id) = text.trim().split_once(' ').ok_or(())?;
        Ok(Self { number: number.parse().map_err(drop)?, id: id.parse().map_err(drop)? })
    }
}

/// Beside the queue, in which the Java client takes all for masters.
pub(crate) fn folder(zookeeper: &ZooKeeper) -> String {
    format!("{}_instances", zookeeper.election_path)
}

/// The latest takes the address; to be called each time before a master stands. False where a later one is written down but
/// does not stand: this one goes on, until that one comes back.
pub(crate) async fn claim(
    client: &Client,
    zookeeper: &ZooKeeper,
    address: &MasterAddress,
    life: &Life,
) -> Result<bool, Turned> {
    let folder = folder(zookeeper);
    let path = format!("{folder}/{address}");
    loop {
        let (found, version) = match client.get_data(&path).await {
            // What is no text of ours is nobody.
            Ok((text, stat)) => (String::from_utf8_lossy(&text).parse().ok(), Some(stat.version)),
            Err(Error::NoNode) => (None, None),
            Err(error) => return Err(error.into()),
        };
        let own = life.instance().unwrap_or_else(|| Instance::after(found));
        if found == Some(own) {
            return Ok(true);
        }
        if found.is_some_and(|found| found > own) {
            return if addresses(client, zookeeper, |_| true).await?.contains(&address.to_string()) {
                Err(replaced(address))
            } else {
                Ok(false)
            };
        }
        let text = own.to_string();
        let written = match version {
            Some(version) => client.set_data(&path, text.as_bytes(), Some(version)).await.map(drop),
            None => {
                client.mkdir(&folder, &PERSISTENT).await?;
                client.create(&path, text.as_bytes(), &PERSISTENT).await.map(drop)
            }
        };
        match written {
            Ok(()) => {
                life.is_instance(own);
                return Ok(true);
            }
            // Somebody else was faster.
            Err(Error::BadVersion | Error::NodeExists | Error::NoNode) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

pub(crate) fn replaced(address: &MasterAddress) -> Turned {
    Turned::Away(FsError::failed_precondition(format!(
        "Another master was started in place of this one, with its address {address}, and stands for election: this one's \
         node may be cut off from Kubernetes."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_one_is_later_than_all_before_it() {
        let first = Instance::after(None);
        let second = Instance::after(Some(first));
        assert!(second > first && Instance::after(Some(second)) > second);
        assert_eq!(second.to_string().parse(), Ok(second));
        assert!("2".parse::<Instance>().is_err() && second.id.to_string().parse::<Instance>().is_err());
        assert_ne!(Instance::after(None), first);
    }
}
