//! From this host's disk to the store.

use std::{fs::File, io::Read, time::Duration};

use alluxio_ufs::{Attributes, CreateOptions, MkdirsOptions, UfsWriter};
use bytes::Bytes;
use tokio::{task::spawn_blocking, time::timeout};

use super::{error::BackupError, place::Place, spool::Spooled};
use crate::fs::bounded;

/// What is handed to the store at once.
const WRITE_BYTES: u64 = 1 << 20;
/// For the call that completes the file: a store may take all of it then.
const CLOSE: Duration = Duration::from_secs(600);
/// For the master's user alone: the options of mounts are in it, and with them keys to stores.
const MODE: u16 = 0o600;

/// A backup that was written.
#[derive(Clone, Debug)]
pub struct Written {
    pub uri: String,
    pub entries: u64,
}

/// Makes the folder, and finds out whether the store answers, before anybody has to wait for a walk.
pub async fn prepare(folder: &Place) -> Result<(), BackupError> {
    let options = MkdirsOptions::with_parents(Attributes::default());
    bounded(folder.ufs.mkdirs(&folder.path, options)).await?;
    Ok(())
}

/// Writes the backup `name` into `folder`, and beside it the empty file that says that it is whole. Of one that fails
/// nothing is left; of one that is cut off while it is completed the file may be, without the other: that goes when newer
/// backups go (`daily`).
pub async fn upload(spooled: Spooled, folder: &Place, name: &str) -> Result<Written, BackupError> {
    let Spooled { file: mut spool, entries } = spooled;
    let file = folder.child(name)?;
    let attributes = Attributes::mode(MODE);
    let options = CreateOptions { attributes, ..CreateOptions::default() };
    let mut writer = bounded(file.ufs.create(&file.path, options)).await?;
    let copied = async {
        loop {
            let chunk;
            (spool, chunk) = next_chunk(spool).await?;
            if chunk.is_empty() {
                return Ok(());
            }
            bounded(writer.write(chunk)).await?;
        }
    };
    if let Err(error) = copied.await {
        abort(writer).await;
        return Err(error);
    }
    let closed = timeout(CLOSE, writer.close()).await.map_err(|_| BackupError::NotClosed(CLOSE))?;
    closed?;
    if let Err(error) = mark_complete(folder, name).await {
        if let Err(left) = bounded(file.ufs.delete_file(&file.path)).await {
            tracing::warn!(%left, "a backup without its mark of completeness could not be removed");
        }
        return Err(error);
    }
    Ok(Written { uri: file.uri(), entries })
}

async fn next_chunk(mut spool: File) -> Result<(File, Bytes), BackupError> {
    spawn_blocking(move || {
        let mut chunk = Vec::new();
        (&mut spool).take(WRITE_BYTES).read_to_end(&mut chunk).map_err(BackupError::Spool)?;
        Ok((spool, chunk.into()))
    })
    .await?
}

async fn abort(writer: Box<dyn UfsWriter>) {
    if let Err(left) = bounded(writer.abort()).await {
        tracing::warn!(%left, "what was written of a backup could not be removed");
    }
}

async fn mark_complete(folder: &Place, name: &str) -> Result<(), BackupError> {
    let complete = folder.child(&format!("{name}.complete"))?;
    let writer = bounded(complete.ufs.create(&complete.path, CreateOptions::default())).await?;
    bounded(writer.close()).await?;
    Ok(())
}
