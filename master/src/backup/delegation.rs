//! The leader's side of a backup that a standby makes: whether, which, and how it goes on.

use std::time::Duration;

use alluxio_conf::{Configuration, Span, key};
use alluxio_fs::FsError;
use alluxio_proto::own::{DelegatedBackup, DelegatedStatus};
use tokio::{sync::mpsc, time::timeout};

use super::{Backups, delegates::Offer, error::BackupError, upload::Written};
use crate::meta::BackupOrder;

/// `alluxio.master.backup.*`: how standbys are asked.
pub struct Delegation {
    enabled: bool,
    /// For the answer to an order.
    transport: Option<Duration>,
    /// Between two signs of life.
    abandon: Option<Duration>,
}

impl Delegation {
    /// Without an election there is nobody to ask.
    pub fn new(conf: &Configuration) -> Self {
        let enabled = conf.get(key::ZOOKEEPER_ENABLED) && conf.get(key::MASTER_BACKUP_DELEGATION_ENABLED);
        let span = |span: Span| span.duration();
        Self {
            enabled,
            transport: span(conf.get(key::MASTER_BACKUP_TRANSPORT_TIMEOUT)),
            abandon: span(conf.get(key::MASTER_BACKUP_ABANDON_TIMEOUT)),
        }
    }
}

/// Within a time, if there is one.
async fn heard(
    limit: Option<Duration>,
    statuses: &mut mpsc::Receiver<DelegatedStatus>,
) -> Result<Option<DelegatedStatus>, Duration> {
    match limit {
        Some(limit) => timeout(limit, statuses.recv()).await.map_err(|_| limit),
        None => Ok(statuses.recv().await),
    }
}

impl Backups {
    /// The standbys that are asked to make it; `None`: this master makes it.
    pub(super) fn asked(&self, order: &BackupOrder) -> Result<Option<Vec<Offer>>, FsError> {
        if !self.delegation.enabled || order.bypass_delegation {
            return Ok(None);
        }
        let offers = self.delegates.offers();
        match (offers.is_empty(), order.allow_leader) {
            (false, _) => Ok(Some(offers)),
            (true, true) => Ok(None),
            // The beginning is the original's.
            (true, false) => Err(FsError::failed_precondition(
                "No master found to delegate backup. Start a standby, or let the leader make it: `--allow-leader`.",
            )),
        }
    }

    /// Has the first make it that does.
    pub(super) async fn delegate(
        &self,
        id: &str,
        order: &BackupOrder,
        offers: Vec<Offer>,
    ) -> Result<Written, BackupError> {
        let backup = DelegatedBackup {
            id: Some(id.to_owned()),
            folder: Some(self.folder_text(order).to_owned()),
            local: Some(order.local),
            // All that was acknowledged when the order came.
            sequence: Some(self.origin.namespace.journal().durable()),
        };
        let mut refusals = Vec::new();
        for offer in offers {
            let host = offer.host.clone();
            let refusal = match offer.send(backup.clone()) {
                None => "it is busy, or gone".to_owned(),
                Some(mut statuses) => match heard(self.delegation.transport, &mut statuses).await {
                    Ok(Some(first)) if first.error.is_none() => {
                        self.tell(id, |status| status.host.clone_from(&host));
                        tracing::info!(host, id, "a standby makes the backup");
                        return self.follow(id, &host, first, statuses).await;
                    }
                    Ok(Some(refused)) => refused.error().to_owned(),
                    Ok(None) => "it is gone, or leads now".to_owned(),
                    Err(limit) => format!("it has not answered within {limit:?}"),
                },
            };
            tracing::warn!("the standby on {host} does not make the backup {id}: {refusal}");
            refusals.push(format!("{host}: {refusal}"));
        }
        Err(BackupError::NotDelegated { reason: refusals.join("; ") })
    }

    async fn follow(
        &self,
        id: &str,
        host: &str,
        mut status: DelegatedStatus,
        mut statuses: mpsc::Receiver<DelegatedStatus>,
    ) -> Result<Written, BackupError> {
        let host = host.to_owned();
        loop {
            let entries = status.entries();
            self.tell(id, |told| told.entries = entries);
            if let Some(reason) = status.error {
                return Err(BackupError::Delegated { host, reason });
            }
            if let Some(uri) = status.uri {
                return Ok(Written { uri, entries });
            }
            status = match heard(self.delegation.abandon, &mut statuses).await {
                Ok(Some(status)) => status,
                Ok(None) => return Err(BackupError::DelegateLost { host }),
                Err(limit) => return Err(BackupError::DelegateSilent { host, limit }),
            };
        }
    }
}
