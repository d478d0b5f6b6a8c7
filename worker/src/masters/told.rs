//! What each master has been told of this worker's blocks.
//!
//! Each has a place of its own among the store's listeners. Whoever tells a master something has its lock meanwhile:
//! one report at a time, whether the master leads or stands by. So a master that has all as a standby needs no new
//! registration when it leads.

use super::{MasterLink, heartbeat::Lost};
use crate::store::{BlockStore, Delta, Listener};
use alluxio_client::{Cluster, MasterAddress, WorkerReportsClient};
use alluxio_fs::FsError;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::Mutex;

/// One master, leading or not.
pub struct ToldMaster {
    pub address: MasterAddress,
    pub link: MasterLink,
    pub reports: WorkerReportsClient,
    pub known: Mutex<Known>,
}

/// What it knows.
pub struct Known {
    store: BlockStore,
    pub listener: Listener,
    /// Under this id it has everything but what its listener still has. None: it is to be told all.
    pub id: Option<i64>,
    /// Failed folders that it was told of.
    pub lost: Lost,
    /// Heartbeats and registrations tell it all, also one that failed: nothing else does until another one leads.
    pub leads: bool,
    /// Of the registration with it as a standby, and of the last report that followed.
    pub registration: u64,
    pub sequence: u64,
    /// As it was in its last answer.
    pub turn: u64,
}

impl Known {
    /// What changed; `None`: too much, register again.
    pub fn changes(&self, limit: usize) -> Option<Sending> {
        let delta = self.store.delta(self.listener, limit)?;
        Some(Sending { store: self.store.clone(), listener: self.listener, delta, arrived: false })
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        self.store.unlisten(self.listener);
    }
}

/// A report on its way. Unless it arrives, its changes are part of the next one.
pub struct Sending {
    store: BlockStore,
    listener: Listener,
    pub delta: Delta,
    arrived: bool,
}

impl Sending {
    pub fn arrived(mut self) {
        self.arrived = true;
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.arrived {
            self.store.undelivered(self.listener, &self.delta);
        }
    }
}

/// The masters that were told something. Cheap to clone.
#[derive(Clone)]
pub struct ToldMasters {
    cluster: Cluster,
    store: BlockStore,
    masters: Arc<parking_lot::Mutex<HashMap<MasterAddress, Arc<ToldMaster>>>>,
}

impl ToldMasters {
    pub fn new(cluster: &Cluster, store: &BlockStore) -> ToldMasters {
        ToldMasters { cluster: cluster.clone(), store: store.clone(), masters: Arc::default() }
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The master that leads now.
    pub async fn leader(&self) -> Result<Arc<ToldMaster>, FsError> {
        Ok(self.of(&self.cluster.leader().await?))
    }

    pub fn of(&self, address: &MasterAddress) -> Arc<ToldMaster> {
        let mut masters = self.masters.lock();
        if let Some(told) = masters.get(address) {
            return Arc::clone(told);
        }
        let only = self.cluster.only(address.clone());
        let known = Known {
            store: self.store.clone(),
            listener: self.store.listen(),
            id: None,
            lost: Lost::default(),
            leads: false,
            registration: 0,
            sequence: 0,
            turn: 0,
        };
        let told = Arc::new(ToldMaster {
            address: address.clone(),
            link: MasterLink::new(&only),
            reports: WorkerReportsClient::new(&only),
            known: Mutex::new(known),
        });
        masters.insert(address.clone(), Arc::clone(&told));
        told
    }

    /// Forgets those that are not among `wanted` and that nobody tells anything at the moment: what they miss need
    /// not be kept for them.
    pub fn keep(&self, wanted: &[MasterAddress]) {
        self.masters.lock().retain(|address, told| wanted.contains(address) || Arc::strong_count(told) > 1);
    }

    pub fn all(&self) -> Vec<Arc<ToldMaster>> {
        self.masters.lock().values().cloned().collect()
    }
}
