//! Standbys that have offered the leader to make its backups, and the service through which they do.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alluxio_fs::FsError;
use alluxio_proto::own::{DelegatedBackup, DelegatedStatus, backup_delegation_server::BackupDelegation};
use futures::{Stream, StreamExt as _, future::pending, stream::BoxStream};
use parking_lot::Mutex;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::{fs::FileSystemMaster, namespace::Namespace};

/// For the first message of an offer.
const INTRODUCTION: Duration = Duration::from_secs(10);
/// Messages on their way to whoever waits for the backup.
const AHEAD: usize = 4;
/// Far more masters than a cluster has.
const MOST: usize = 64;

/// The standbys that stand by for backups now.
#[derive(Default)]
pub struct Delegates {
    offers: Mutex<Vec<Offer>>,
    last: AtomicU64,
}

/// A standby that can be told to make a backup.
#[derive(Clone)]
pub struct Offer {
    number: u64,
    pub host: String,
    errands: mpsc::Sender<Errand>,
}

/// A backup to be made, and who wants to hear of it.
pub(super) struct Errand {
    pub backup: DelegatedBackup,
    pub heard: mpsc::Sender<DelegatedStatus>,
}

impl Offer {
    /// What the standby says of the backup from now on; it ends with the backup, or with the standby. `None`: it has
    /// something else to do, or is gone.
    pub fn send(&self, backup: DelegatedBackup) -> Option<mpsc::Receiver<DelegatedStatus>> {
        let (heard, statuses) = mpsc::channel(AHEAD);
        self.errands.try_send(Errand { backup, heard }).ok()?;
        Some(statuses)
    }
}

impl Delegates {
    pub fn offers(&self) -> Vec<Offer> {
        self.offers.lock().clone()
    }

    pub(super) fn add(self: &Arc<Self>, host: String) -> Option<(Registered, mpsc::Receiver<Errand>)> {
        let (errands, taken) = mpsc::channel(1);
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let mut offers = self.offers.lock();
        if offers.len() == MOST {
            return None;
        }
        offers.push(Offer { number, host, errands });
        Some((Registered { delegates: Arc::downgrade(self), number }, taken))
    }
}

/// An offer, until it is dropped.
pub(super) struct Registered {
    delegates: Weak<Delegates>,
    number: u64,
}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(delegates) = self.delegates.upgrade() {
            delegates.offers.lock().retain(|offer| offer.number != self.number);
        }
    }
}

/// `alluxio.own.BackupDelegation`.
pub struct BackupDelegationService {
    fs: Arc<FileSystemMaster>,
    namespace: Arc<Namespace>,
    delegates: Arc<Delegates>,
}

impl BackupDelegationService {
    pub fn new(fs: Arc<FileSystemMaster>, namespace: Arc<Namespace>, delegates: Arc<Delegates>) -> Self {
        Self { fs, namespace, delegates }
    }
}

#[tonic::async_trait]
impl BackupDelegation for BackupDelegationService {
    type OfferStream = BoxStream<'static, Result<DelegatedBackup, Status>>;

    async fn offer(
        &self,
        request: Request<Streaming<DelegatedStatus>>,
    ) -> Result<Response<Self::OfferStream>, Status> {
        // Who makes the backups could leave out what it likes.
        self.fs.require_privileged(&alluxio_rpc::caller(&request)?).await?;
        let mut statuses = request.into_inner();
        let first = timeout(INTRODUCTION, statuses.message()).await;
        let first =
            first.map_err(|_| FsError::invalid_argument("The offer does not say who makes it."))??;
        let first = first.unwrap_or_default();
        let cluster = self.namespace.journal().status().cluster.to_string();
        if first.cluster_id() != cluster {
            return Err(FsError::failed_precondition(format!(
                "This master leads cluster {cluster}, and not {}, whose journal you follow.",
                first.cluster_id()
            ))
            .into());
        }
        let host = first.host().to_owned();
        let (registered, errands) = self
            .delegates
            .add(host)
            .ok_or_else(|| FsError::resource_exhausted(format!("{MOST} standbys make backups already.")))?;
        let (orders, sent) = mpsc::channel(1);
        tokio::spawn(carry(registered, errands, orders, statuses));
        Ok(Response::new(ReceiverStream::new(sent).map(Ok).boxed()))
    }
}

/// Between who wants backups and the standby, until either of them is gone, or a backup is waited for no more: the end of
/// its offer tells the standby to give it up. Then it offers anew.
pub(super) async fn carry(
    _registered: Registered,
    mut errands: mpsc::Receiver<Errand>,
    orders: mpsc::Sender<DelegatedBackup>,
    mut statuses: impl Stream<Item = Result<DelegatedStatus, Status>> + Unpin,
) {
    let mut current: Option<Errand> = None;
    loop {
        let given_up = async {
            match &current {
                Some(errand) => errand.heard.closed().await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = orders.closed() => return,
            () = given_up => return,
            errand = errands.recv() => {
                let Some(errand) = errand else { return };
                if orders.send(errand.backup.clone()).await.is_err() {
                    return;
                }
                // The standby gives up what it was making.
                current = Some(errand);
            }
            status = statuses.next() => {
                let Some(Ok(status)) = status else { return };
                if let Some(errand) = current.take_if(|errand| errand.backup.id == status.backup_id) {
                    let over = status.uri.is_some() || status.error.is_some();
                    if errand.heard.send(status).await.is_err() {
                        return;
                    }
                    current = Some(errand).filter(|_| !over);
                }
            }
        }
    }
}
