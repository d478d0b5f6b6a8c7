//! From a mount id to the under storage.

use super::Mount;
use crate::{failure, masters::MasterLink, metrics::SharedMetrics};
use alluxio_conf::Configuration;
use alluxio_fs::{ErrorKind, FsError};
use alluxio_ufs::open_mount;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// Mounts are asked for anew after this time: a changed mount has a new id, but clients may go on with the old one.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// Mounts remembered. More than any cluster has; beyond it all are asked for anew.
const MOST: usize = 4096;

#[derive(Default)]
struct Remembered {
    mounts: HashMap<i64, Known>,
    /// Counts [`Mounts::forget`]: what was asked before is not remembered after.
    turn: u64,
}

struct Known {
    mount: Arc<Mount>,
    since: Instant,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Mounts {
    conf: Configuration,
    link: MasterLink,
    metrics: SharedMetrics,
    known: Arc<Mutex<Remembered>>,
}

impl Mounts {
    pub fn new(conf: Configuration, link: MasterLink, metrics: SharedMetrics) -> Mounts {
        Mounts { conf, link, metrics, known: Arc::default() }
    }

    /// The under storage mounted under this id. An id that the master does not know is UNAVAILABLE: that
    /// is what clients of the original handle.
    pub async fn get(&self, mount: i64) -> Result<Arc<Mount>, FsError> {
        let turn = {
            let known = self.known.lock();
            let fresh = known.mounts.get(&mount).filter(|known| known.since.elapsed() < FRESH);
            if let Some(fresh) = fresh {
                return Ok(fresh.mount.clone());
            }
            known.turn
        };
        let info = self.link.ufs_info(mount).await.map_err(|error| match error.kind {
            ErrorKind::NotFound | ErrorKind::InvalidArgument => {
                FsError::unavailable(format!("Mount {mount} is not known to the master: {error}"))
            }
            _ => error,
        })?;
        let uri = info.uri.filter(|uri| !uri.is_empty());
        let uri = uri
            .ok_or_else(|| FsError::unavailable(format!("The master knows no address of mount {mount}.")))?;
        let options = info.properties.unwrap_or_default();
        let under = open_mount(&self.conf, &self.metrics.registry, &uri, &options.properties)
            .map_err(|error| failure::of_ufs(&error))?;
        let found = Arc::new(Mount::new(under, options.read_only(), self.metrics.of_ufs(&uri)));
        let mut known = self.known.lock();
        if known.turn != turn {
            return Ok(found);
        }
        if known.mounts.len() >= MOST {
            known.mounts.clear();
        }
        known.mounts.insert(mount, Known { mount: found.clone(), since: Instant::now() });
        Ok(found)
    }

    /// Asks for all mounts anew. After a registration, with another leader or one that was restarted: the root
    /// mount is made of the master's configuration and keeps its id.
    pub fn forget(&self) {
        let mut known = self.known.lock();
        known.mounts.clear();
        known.turn += 1;
    }
}
