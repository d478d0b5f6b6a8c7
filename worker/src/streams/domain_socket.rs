//! The same service on a unix domain socket, for clients on this host that share no storage folder with
//! the worker (containers).

use crate::error::WorkerError;
use alluxio_conf::{Configuration, key};
use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
};
use tokio::net::UnixListener;

/// A bound socket.
pub struct DomainSocket {
    listener: UnixListener,
    file: SocketFile,
}

/// The socket's file; deleted when nobody serves it any more.
pub struct SocketFile(PathBuf);

impl DomainSocket {
    /// Binds `alluxio.worker.data.server.domain.socket.address` when that is set. With `…as.uuid` it is a
    /// folder, in which the socket gets a name that no other host has: clients then look for the file.
    pub fn bind(conf: &Configuration) -> Result<Option<DomainSocket>, WorkerError> {
        let address = conf.opt(key::WORKER_DATA_SERVER_DOMAIN_SOCKET_ADDRESS).filter(|path| !path.is_empty());
        let Some(address) = address else { return Ok(None) };
        let mut path = PathBuf::from(address);
        if conf.get(key::WORKER_DATA_SERVER_DOMAIN_SOCKET_AS_UUID) {
            path.push(uuid::Uuid::new_v4().to_string());
        }
        match listen(&path) {
            Ok(listener) => Ok(Some(DomainSocket { listener, file: SocketFile(path) })),
            Err(source) => Err(WorkerError::DomainSocket { path, source }),
        }
    }

    pub fn path(&self) -> &Path {
        &self.file.0
    }

    pub fn into_parts(self) -> (UnixListener, SocketFile) {
        (self.listener, self.file)
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // A socket that a killed worker left; anything else at that place is not ours to delete.
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket()) {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    // Clients of all users; who they are is checked per session, as over TCP.
    fs::set_permissions(path, Permissions::from_mode(0o777))?;
    Ok(listener)
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(socket = %self.0.display(), %error, "domain socket not deleted");
        }
    }
}
