//! A standby offers the leader to make its backups, and makes them.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alluxio_conf::key;
use alluxio_fs::FsError;
use alluxio_proto::own::{
    DelegatedBackup, DelegatedStatus, backup_delegation_client::BackupDelegationClient,
};
use alluxio_rpc::SessionChannel;
use futures::future::{Either, pending};
use tokio::{sync::mpsc, time::sleep};
use tokio_stream::wrappers::ReceiverStream;

use super::process::Process;
use crate::backup::{BackupError, Delegated};

/// Messages on their way to the leader.
const AHEAD: usize = 4;

pub(super) struct BackupOffer {
    process: Arc<Process>,
    delegated: Delegated,
    /// `alluxio.master.backup.heartbeat.interval`
    interval: Duration,
    cluster: String,
}

impl BackupOffer {
    pub fn new(process: Arc<Process>, cluster: String) -> Self {
        let delegated = Delegated::new(&process.conf, process.metrics.clone());
        let interval = process.conf.get(key::MASTER_BACKUP_HEARTBEAT_INTERVAL).duration();
        Self { process, delegated, interval: interval.unwrap_or(Duration::MAX), cluster }
    }

    /// Until the leader ends it, or cannot be reached any more. Dropped, it gives up what it is making.
    pub async fn stand(&self, channel: SessionChannel) -> Result<(), FsError> {
        channel.connect().await?;
        let (statuses, sent) = mpsc::channel(AHEAD);
        let first = DelegatedStatus {
            host: Some(self.process.host.clone()),
            cluster_id: Some(self.cluster.clone()),
            ..DelegatedStatus::default()
        };
        statuses.try_send(first).map_err(|error| FsError::internal(error.to_string()))?;
        let mut client = BackupDelegationClient::new(channel);
        let mut orders = client.offer(ReceiverStream::new(sent)).await?.into_inner();
        let mut wanted: Option<DelegatedBackup> = None;
        loop {
            let making = match wanted.take() {
                Some(backup) => Either::Left(self.make(backup, &statuses)),
                None => Either::Right(pending()),
            };
            let mut making = pin!(making);
            // A new order means that nobody waits for the last one.
            let next = loop {
                tokio::select! {
                    next = orders.message() => break next?,
                    () = &mut making => making.set(Either::Right(pending())),
                }
            };
            match next {
                Some(backup) => wanted = Some(backup),
                None => return Ok(()),
            }
        }
    }

    async fn make(&self, backup: DelegatedBackup, statuses: &mpsc::Sender<DelegatedStatus>) {
        let entries = Arc::new(AtomicU64::new(0));
        let status = || DelegatedStatus {
            backup_id: backup.id.clone(),
            entries: Some(entries.load(Ordering::Relaxed)),
            ..DelegatedStatus::default()
        };
        let made = async {
            let following = self.process.role.following().ok_or(BackupError::NothingInMemory)?;
            // It is accepted. When the leader is gone, so is the stream, and this with it.
            let _ = statuses.send(status()).await;
            let entries = entries.clone();
            let progress = move |written| entries.store(written, Ordering::Relaxed);
            self.delegated.make(&backup, &following.walks, progress).await
        };
        let mut made = pin!(made);
        let last = loop {
            tokio::select! {
                made = &mut made => break made,
                () = sleep(self.interval) => {
                    let _ = statuses.send(status()).await;
                }
            }
        };
        let last = match last {
            Ok(written) => {
                tracing::info!(uri = written.uri, entries = written.entries, "backup made for the leader");
                DelegatedStatus { entries: Some(written.entries), uri: Some(written.uri), ..status() }
            }
            Err(error) => {
                tracing::error!(%error, "no backup was made for the leader");
                DelegatedStatus { error: Some(error.to_string()), ..status() }
            }
        };
        let _ = statuses.send(last).await;
    }
}
