//! Closing and opening under storages for maintenance (`fsadmin ufs --mode`).

use alluxio_fs::FsError;
use alluxio_proto::{
    grpc::file::UfsPMode,
    journal::{JournalEntry, UfsMode, UpdateUfsModeEntry},
};
use alluxio_ufs::UfsUri;

use crate::{
    fs::{FileSystemMaster, Subject, ufs::ufs_error},
    tree::Tree,
};

impl FileSystemMaster {
    /// Applies to every mount at or below the address, or to the mount that holds it.
    pub async fn update_ufs_mode(
        &self,
        subject: &Subject,
        ufs_path: &str,
        mode: UfsPMode,
    ) -> Result<(), FsError> {
        self.permissions.superuser(subject)?;
        let address = UfsUri::parse(ufs_path).map_err(ufs_error)?;
        let mode = match mode {
            UfsPMode::NoAccess => UfsMode::NoAccess,
            UfsPMode::ReadOnly => UfsMode::ReadOnly,
            UfsPMode::ReadWrite => UfsMode::ReadWrite,
        };
        self.namespace
            .mutate(&[], None, |tree, draft| {
                let meant = meant(tree, &address);
                if meant.is_empty() {
                    return Err(FsError::invalid_argument(format!(
                        "No mount lies in the under storage {ufs_path}."
                    )));
                }
                for uri in meant {
                    draft.push(JournalEntry {
                        update_ufs_mode: Some(UpdateUfsModeEntry {
                            ufs_path: Some(uri),
                            ufs_mode: Some(mode as i32),
                        }),
                        ..JournalEntry::default()
                    });
                }
                Ok(())
            })
            .await?;
        tracing::info!(ufs = ufs_path, ?mode, user = subject.user, "under storage mode changed");
        Ok(())
    }
}

fn meant(tree: &Tree, address: &UfsUri) -> Vec<String> {
    let uris = || tree.mounts().iter().map(|mount| mount.ufs_uri.clone());
    let below: Vec<String> = uris().filter(|uri| address.relative(uri).is_ok()).collect();
    if !below.is_empty() {
        return below;
    }
    let text = address.to_string();
    uris().filter(|uri| UfsUri::parse(uri).is_ok_and(|uri| uri.relative(&text).is_ok())).collect()
}
