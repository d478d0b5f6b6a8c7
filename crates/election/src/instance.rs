//! Which of two processes has an address. Where Kubernetes has lost a node it starts that node's pod elsewhere, under its name, though the former one may
//! live: a fresh folder tells the later one, which writes itself down and takes the place of the other.

use alluxio_fs::FsError;
use uuid::Uuid;
use zookeeper_client::{Client, Error};

use crate::{
    Life, MasterAddress, ZooKeeper,
    entrance::{Turned, addresses},
    nodes::PERSISTENT,
};

/// Beside the queue, in which the Java client takes all for masters.
pub(crate) fn folder(zookeeper: &ZooKeeper) -> String {
    format!("{}_instances", zookeeper.election_path)
}

/// The one whose folder is fresh takes the address over; to be called each time before a master stands.
pub(crate) async fn claim(
    client: &Client,
    zookeeper: &ZooKeeper,
    address: &MasterAddress,
    life: &Life,
) -> Result<(), Turned> {
    let folder = folder(zookeeper);
    let path = format!("{folder}/{address}");
    let own = life.instance();
    loop {
        let found = match client.get_data(&path).await {
            Ok((found, stat)) => Some((String::from_utf8_lossy(&found).into_owned(), stat.version)),
            Err(Error::NoNode) => None,
            Err(error) => return Err(error.into()),
        };
        if let (Some((found, _)), Some(own)) = (&found, own) {
            if *found == own.to_string() {
                return Ok(());
            }
            // Should that one be gone, this one goes on.
            if addresses(client, zookeeper, |_| true).await?.contains(&address.to_string()) {
                return Err(replaced(address));
            }
        }
        let id = own.unwrap_or_else(Uuid::new_v4);
        let text = id.to_string();
        let written = match found {
            Some((_, version)) => client.set_data(&path, text.as_bytes(), Some(version)).await.map(drop),
            None => {
                client.mkdir(&folder, &PERSISTENT).await?;
                client.create(&path, text.as_bytes(), &PERSISTENT).await.map(drop)
            }
        };
        match written {
            Ok(()) => {
                life.is_instance(id);
                return Ok(());
            }
            // Somebody else was faster.
            Err(Error::BadVersion | Error::NodeExists | Error::NoNode) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn replaced(address: &MasterAddress) -> Turned {
    Turned::Away(FsError::failed_precondition(format!(
        "Another master was started in place of this one, with its address {address}, and stands for election: this one's \
         node may be cut off from Kubernetes."
    )))
}
