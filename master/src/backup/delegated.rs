//! The standby's side of a backup that the leader has it make: of its own tree, between two records.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use alluxio_conf::{Configuration, key};
use alluxio_proto::own::DelegatedBackup;
use alluxio_telemetry::metrics::Metrics;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    error::BackupError,
    file_name, gauges,
    place::RootStore,
    spool::{Portion, Spool},
    temporary_folder,
    upload::{Written, prepare, upload},
};
use crate::namespace::now_ms;

/// Who follows the journal hands its tree over, once it has this record.
pub struct WantedWalk {
    pub sequence: u64,
    pub portions: mpsc::Sender<Portion>,
    /// It has the record, and begins.
    pub begins: oneshot::Sender<()>,
}

/// What a standby makes backups with.
pub struct Delegated {
    root: RootStore,
    temporary: PathBuf,
    metrics: Metrics,
    /// How long the record may take to come: `alluxio.master.backup.abandon.timeout`.
    patience: Option<Duration>,
}

impl Delegated {
    pub fn new(conf: &Configuration, metrics: Metrics) -> Self {
        let root = RootStore::of_configuration(conf);
        let patience = conf.get(key::MASTER_BACKUP_ABANDON_TIMEOUT).duration();
        Self { root, temporary: temporary_folder(conf), metrics, patience }
    }

    /// Makes it. `walks` goes to who follows the journal.
    pub async fn make(
        &self,
        wanted: &DelegatedBackup,
        walks: &mpsc::Sender<WantedWalk>,
        progress: impl Fn(u64) + Send + 'static,
    ) -> Result<Written, BackupError> {
        let begun = Instant::now();
        let folder = self.root.place(wanted.folder(), wanted.local())?;
        prepare(&folder).await?;
        let spool = Spool::begin(&self.temporary, progress);
        let (begins, has_begun) = oneshot::channel();
        let walk = WantedWalk { sequence: wanted.sequence(), portions: spool.portions(), begins };
        let walk_begins = async {
            walks.send(walk).await.map_err(|_| BackupError::GivenUp)?;
            has_begun.await.map_err(|_| BackupError::GivenUp)
        };
        let patience = self.patience.unwrap_or(Duration::MAX);
        timeout(patience, walk_begins).await.map_err(|_| BackupError::Behind(patience))??;
        let spooled = spool.end().await?;
        let written = upload(spooled, &folder, &file_name(now_ms())).await?;
        gauges::made(&self.metrics, written.entries, begun.elapsed());
        Ok(written)
    }
}
