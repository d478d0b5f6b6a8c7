//! Files and directories whose time to live is over.

use std::{ops::Bound, sync::Arc};

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_proto::{
    grpc::{TtlAction, file::FreePOptions},
    journal::{JournalEntry, UpdateInodeEntry},
};
use tokio_util::sync::CancellationToken;

use super::{FileSystemMaster, delete::DeleteOptions};
use crate::{
    namespace::{MAX_INODES_PER_HOLD, now_ms},
    tree::Tree,
};

/// An inode whose time is over, by expiry and id.
type Expiry = (i64, i64);

/// What is to be done with it.
struct Expired {
    at: Expiry,
    path: AlluxioPath,
    action: TtlAction,
}

impl FileSystemMaster {
    pub async fn run_ttl_checker(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.options.ttl_interval) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.expire(now_ms()) => {}
            }
        }
    }

    /// Carries out what is due at `now_ms`. What fails is tried again by the next check.
    pub(super) async fn expire(self: &Arc<Self>, now_ms: i64) {
        let mut after = None;
        loop {
            let (due, last) = self.namespace.peek(|tree| due(tree, after, now_ms));
            let Some(last) = last else { return };
            after = Some(last);
            for expired in due {
                // To its end, also when the check is stopped: it may have changed the under storage.
                let fs = self.clone();
                let done = tokio::spawn(async move {
                    let result = fs.expire_one(&expired).await;
                    (expired, result)
                });
                match done.await {
                    Ok((_, Ok(()))) => {}
                    Ok((Expired { path, action, .. }, Err(error))) => {
                        tracing::warn!(%path, ?action, %error, "the end of its time to live has failed; it is tried again");
                    }
                    Err(error) => tracing::error!(%error, "the end of a time to live was cut off"),
                }
            }
        }
    }

    async fn expire_one(&self, expired: &Expired) -> Result<(), FsError> {
        // The record that set the time to live must be durable before anything follows from it.
        self.namespace.settled().await?;
        let subject = self.own_subject();
        let Expired { at: (_, id), path, action } = expired;
        tracing::info!(%path, ?action, "its time to live is over");
        match action {
            TtlAction::Delete | TtlAction::DeleteAlluxio => {
                let options = DeleteOptions {
                    recursive: true,
                    alluxio_only: *action == TtlAction::DeleteAlluxio,
                    only: Some(*id),
                    ..DeleteOptions::default()
                };
                self.delete_path(&subject, path, &options).await
            }
            TtlAction::Free => {
                let options =
                    FreePOptions { recursive: Some(true), forced: Some(true), ..FreePOptions::default() };
                self.free(&subject, path, &options).await?;
                self.end_ttl(*id, path).await
            }
        }
    }

    /// Freed once: what is cached again later stays.
    async fn end_ttl(&self, id: i64, path: &AlluxioPath) -> Result<(), FsError> {
        self.namespace
            .mutate(&[path], None, |tree, draft| {
                if tree.find(id).is_some() {
                    draft.push(JournalEntry {
                        update_inode: Some(UpdateInodeEntry {
                            id: Some(id),
                            ttl: Some(-1),
                            ..UpdateInodeEntry::default()
                        }),
                        ..JournalEntry::default()
                    });
                }
                Ok(())
            })
            .await
    }
}

/// The next inodes that are due, and the last one looked at; `None` when there are no more.
fn due(tree: &Tree, after: Option<Expiry>, now_ms: i64) -> (Vec<Expired>, Option<Expiry>) {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let due = tree.expiries().range((from, Bound::Included((now_ms, i64::MAX)))).take(MAX_INODES_PER_HOLD);
    let mut last = None;
    let mut expired = Vec::new();
    for at in due {
        last = Some(*at);
        let Some((slot, inode)) = tree.by_id(at.1) else { continue };
        let Some(action) = tree.rare(slot, inode).map(|rare| rare.ttl_action) else { continue };
        // One that was deleted waits for the reaper and has no path.
        expired.extend(tree.path_of(slot).map(|path| Expired { at: *at, path, action }));
    }
    (expired, last)
}

#[cfg(test)]
#[path = "ttl_tests.rs"]
mod tests;
