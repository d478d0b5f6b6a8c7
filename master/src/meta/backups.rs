//! Backups, as those who ask for one and look after it see them.

use alluxio_fs::FsError;
use alluxio_proto::grpc::meta::{BackupPStatus, BackupState};
use async_trait::async_trait;
use uuid::Uuid;

/// What somebody wants a backup to be like.
#[derive(Clone, Debug, Default)]
pub struct BackupOrder {
    /// Whoever may have to repeat the order, because the answer was lost, gives an id of its own: it is carried out
    /// once.
    pub id: Option<Uuid>,
    /// `alluxio.master.backup.directory` without one.
    pub folder: Option<String>,
    /// The folder is one of the host of the master that makes it.
    pub local: bool,
    /// Where there is no standby to make it, the leader may.
    pub allow_leader: bool,
    /// The leader makes it, also where there are standbys.
    pub bypass_delegation: bool,
    /// The answer need not wait for its end.
    pub in_background: bool,
}

/// How a backup stands.
#[derive(Clone, Debug, Default)]
pub struct BackupStatus {
    pub id: String,
    pub host: String,
    /// The folder, and in the end the file.
    pub uri: String,
    /// Written so far.
    pub entries: u64,
    /// `None` while it is made.
    pub outcome: Option<BackupOutcome>,
}

#[derive(Clone, Debug)]
pub enum BackupOutcome {
    Made,
    Failed(FsError),
}

impl BackupStatus {
    /// A failure is an error of the call: on the wire the original sends an exception of Java, which nothing else
    /// can make.
    pub(super) fn to_wire(&self) -> Result<BackupPStatus, FsError> {
        let state = match &self.outcome {
            None => BackupState::Running,
            Some(BackupOutcome::Made) => BackupState::Completed,
            Some(BackupOutcome::Failed(error)) => return Err(error.clone()),
        };
        Ok(BackupPStatus {
            backup_id: Some(self.id.clone()),
            backup_state: Some(state as i32),
            backup_host: Some(self.host.clone()),
            backup_uri: Some(self.uri.clone()),
            entry_count: i64::try_from(self.entries).ok(),
            backup_error: None,
        })
    }
}

/// Makes backups. A standby may do so, too: what it is made from is a tree that is replayed.
#[async_trait]
pub trait Backups: Send + Sync {
    async fn back_up(&self, order: BackupOrder) -> Result<BackupStatus, FsError>;

    /// Of one of the last backups.
    fn status(&self, id: &str) -> Option<BackupStatus>;
}
