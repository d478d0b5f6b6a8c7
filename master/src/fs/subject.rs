//! Who asks: the user of the session with all groups, looked up before any lock is taken.

use std::sync::Arc;

use alluxio_fs::FsError;
use alluxio_rpc::Caller;

use super::{FileSystemMaster, limits::check_name};

#[derive(Clone, Debug)]
pub struct Subject {
    /// Empty when the cluster does not authenticate (NOSASL).
    pub user: String,
    pub groups: Arc<[String]>,
    /// Runs the master, or is in the supergroup: not bound by permissions.
    pub privileged: bool,
}

impl Subject {
    /// The group of what this user creates.
    pub fn primary_group(&self) -> &str {
        self.groups.first().map_or("", String::as_str)
    }
}

impl FileSystemMaster {
    pub async fn subject(&self, caller: &Caller) -> Result<Subject, FsError> {
        let user = caller.user.clone();
        if user.is_empty() {
            return Ok(Subject { user, groups: Arc::new([]), privileged: false });
        }
        check_name(&user)?;
        let groups = self.groups_of(&user).await?;
        let privileged = self.permissions.is_privileged(&user, &groups);
        Ok(Subject { user, groups, privileged })
    }

    /// For what is only between masters, and for those who run them.
    pub async fn require_privileged(&self, caller: &Caller) -> Result<(), FsError> {
        let subject = self.subject(caller).await?;
        if self.permissions.free(&subject) {
            return Ok(());
        }
        Err(FsError::permission_denied(format!(
            "User {} may not do this: it is for the user that runs the master and for the supergroup.",
            subject.user
        )))
    }

    /// The groups that the master's group mapping knows for a user; none of a user it does not know.
    pub(super) async fn groups_of(&self, user: &str) -> Result<Arc<[String]>, FsError> {
        self.groups.groups(user).await.map_err(|error| {
            FsError::unavailable(format!("The groups of user {user} could not be looked up: {error}"))
        })
    }

    /// The master itself, for what it does of its own accord.
    pub(super) fn own_subject(&self) -> Subject {
        Subject { user: self.permissions.process_user().to_owned(), groups: Arc::new([]), privileged: true }
    }
}
