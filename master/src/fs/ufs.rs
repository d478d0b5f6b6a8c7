//! The under storages behind the mounts, opened when first needed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use alluxio_conf::Configuration;
use alluxio_fs::{AlluxioPath, ErrorKind, FsError};
use alluxio_proto::journal::{JournalEntry, UpdateInodeEntry};
use alluxio_telemetry::metrics::Metrics;
use alluxio_ufs::{UfsError, UfsErrorKind, UfsPath, UnderFs, open_mount};
use parking_lot::Mutex;

use super::{FileSystemMaster, mandated::Mandated};
use crate::{
    mandate::Mandate,
    namespace::{Draft, Reservation},
    tree::{Lookup, Mount, Persistence, Tree, UfsMode},
};

/// Longest wait for one call of an under storage: less than others wait for a reservation.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// The same for a call that may have to touch everything in a directory.
pub const DIRECTORY_PATIENCE: Duration = Duration::from_secs(600);

/// Open under storages by mount id. A mount that is replaced gets a new id.
pub struct UfsTable {
    conf: Configuration,
    metrics: Metrics,
    mandate: Mandate,
    open: Mutex<HashMap<i64, Arc<dyn UnderFs>>>,
}

impl UfsTable {
    pub fn new(conf: &Configuration, metrics: &Metrics, mandate: Mandate) -> Self {
        Self { conf: conf.clone(), metrics: metrics.clone(), mandate, open: Mutex::default() }
    }

    /// Opens an under storage that is no mount, or not yet.
    pub fn open(&self, uri: &str, options: &BTreeMap<String, String>) -> Result<Arc<dyn UnderFs>, FsError> {
        open_mount(&self.conf, &self.metrics, uri, options).map_err(ufs_error)
    }

    pub fn get(&self, mount: &Mount) -> Result<Arc<dyn UnderFs>, FsError> {
        if let Some(ufs) = self.open.lock().get(&mount.id) {
            return Ok(ufs.clone());
        }
        // Opening does no I/O, so two that race cost nothing but an object.
        let inner = self.open(&mount.ufs_uri, &mount.properties)?;
        let ufs: Arc<dyn UnderFs> = Arc::new(Mandated::new(&*inner, self.mandate.clone()));
        self.open.lock().insert(mount.id, ufs.clone());
        Ok(ufs)
    }

    /// Puts another under storage in the place of a mount's, for tests.
    #[cfg(test)]
    pub fn replace(&self, mount_id: i64, ufs: Arc<dyn UnderFs>) {
        self.open.lock().insert(mount_id, ufs);
    }

    pub fn forget(&self, mount_id: i64) {
        self.open.lock().remove(&mount_id);
    }
}

/// A path of the namespace in its under storage.
#[derive(Clone, Debug)]
pub struct UfsPlace {
    pub mount: Arc<Mount>,
    pub ufs: Arc<dyn UnderFs>,
    pub path: UfsPath,
}

impl FileSystemMaster {
    /// Where a path lies in its under storage.
    pub(super) fn ufs_place(&self, mount: Arc<Mount>, path: &AlluxioPath) -> Result<UfsPlace, FsError> {
        let ufs = self.ufs.get(&mount)?;
        let below = path.below(&mount.path).unwrap_or_default();
        let path = UfsPath::parse(below).map_err(ufs_error)?;
        Ok(UfsPlace { mount, ufs, path })
    }

    /// The same, for the mount that the tree has for the path now.
    pub(super) fn ufs_place_of(&self, path: &AlluxioPath) -> Result<UfsPlace, FsError> {
        let mount = self.namespace.peek(|tree| tree.mounts().mount_of(path));
        self.ufs_place(mount.ok_or_else(|| no_mount(path))?, path)
    }
}

pub fn no_mount(path: &AlluxioPath) -> FsError {
    FsError::internal(format!("No under storage is mounted for {path}: the root mount is missing."))
}

/// Refuses writes below a read-only mount, or while an operator has closed the under storage.
pub fn check_writable(tree: &Tree, path: &AlluxioPath) -> Result<(), FsError> {
    let Some(mount) = tree.mounts().mount_of(path) else { return Err(no_mount(path)) };
    if mount.read_only {
        return Err(FsError::permission_denied(format!(
            "A write operation on {path} is denied because it is under a readonly mount point {}",
            mount.path
        )));
    }
    Ok(())
}

/// Refuses to touch an under storage that an operator has closed (`fsadmin ufs --mode`).
pub fn check_mode(tree: &Tree, mount: &Mount, write: bool) -> Result<(), FsError> {
    let refused = match tree.mounts().modes().get(&mount.ufs_uri) {
        Some(UfsMode::NoAccess) => true,
        Some(UfsMode::ReadOnly) => write,
        Some(UfsMode::ReadWrite) | None => false,
    };
    if refused {
        return Err(FsError::permission_denied(format!(
            "The under storage {} is closed for this operation; an operator opens it with `alluxio fsadmin ufs --mode readWrite {}`.",
            mount.ufs_uri, mount.ufs_uri
        )));
    }
    Ok(())
}

/// What a failure of the under storage is to the caller of the file system.
pub fn ufs_error(error: UfsError) -> FsError {
    let kind = match error.kind() {
        UfsErrorKind::NotFound => ErrorKind::NotFound,
        UfsErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
        UfsErrorKind::InvalidPath | UfsErrorKind::InvalidArgument => ErrorKind::InvalidArgument,
        UfsErrorKind::DirectoryNotEmpty => ErrorKind::FailedPrecondition,
        UfsErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        UfsErrorKind::ResourceExhausted => ErrorKind::ResourceExhausted,
        // The rest are what Java calls an IOException.
        _ => ErrorKind::Unknown,
    };
    FsError::new(kind, error.to_string())
}

/// One call of an under storage, bounded in time. Its own failure is the caller's to judge.
pub async fn ufs_call<T>(
    call: impl Future<Output = Result<T, UfsError>>,
) -> Result<Result<T, UfsError>, FsError> {
    tokio::time::timeout(PATIENCE, call).await.map_err(|_| {
        FsError::unavailable(format!(
            "The under storage has not answered for {} seconds. Try again when it does.",
            PATIENCE.as_secs()
        ))
    })
}

/// The same, where every failure is the caller's.
pub async fn bounded<T>(call: impl Future<Output = Result<T, UfsError>>) -> Result<T, FsError> {
    ufs_call(call).await?.map_err(ufs_error)
}

/// One change of an under storage whose paths are reserved. Who waits for it is told after `patience` that it
/// has not ended. The change goes on, for nothing can stop it, and keeps the reservation until it has ended:
/// before that nobody may rely on what the paths look like.
pub async fn held<T: Send + 'static>(
    reservation: &Arc<Reservation>,
    patience: Duration,
    change: impl Future<Output = Result<T, UfsError>> + Send + 'static,
) -> Result<Result<T, UfsError>, FsError> {
    let reservation = reservation.clone();
    let change = tokio::spawn(async move {
        let result = change.await;
        drop(reservation);
        result
    });
    match tokio::time::timeout(patience, change).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(panic)) => {
            tracing::error!(%panic, "a call of the under storage ended by a panic");
            Err(FsError::internal("A call of the under storage failed; the master's log says why."))
        }
        Err(_) => Err(FsError::unavailable(format!(
            "The under storage has not answered for {} seconds; what was asked may still take effect. \
             Repeat the operation when it answers: until then the path is kept.",
            patience.as_secs()
        ))),
    }
}

/// Marks the directories that lead to a path as persisted, from its mount point down: something below
/// them is in the under storage, so they are.
pub fn mark_persisted(tree: &Tree, path: &AlluxioPath, lookup: &Lookup, draft: &mut Draft) {
    // The inode at depth n of the path is the n-th found.
    let mount_depth = tree.mounts().mount_of(path).map_or(0, |mount| mount.path.depth());
    let inodes = lookup.found.iter().skip(mount_depth).filter_map(|slot| tree.get(*slot));
    for inode in inodes.filter(|inode| inode.is_directory() && !inode.is_persisted()) {
        draft.push(JournalEntry {
            update_inode: Some(UpdateInodeEntry {
                id: Some(inode.id),
                persistence_state: Some(Persistence::Persisted.as_str().to_owned()),
                ..UpdateInodeEntry::default()
            }),
            ..JournalEntry::default()
        });
    }
}
