//! Makes a backup: of the tree at one sequence number, while it goes on changing.

use std::path::Path;

use tokio::sync::mpsc;

use super::{
    error::BackupError,
    place::Place,
    spool::{Portion, Spool, Spooled},
    upload::{Written, prepare, upload},
};
use crate::{
    checkpoint::{Checkpointer, Look},
    namespace::Namespace,
};

/// Writes the backup `name` into `folder`, by way of a file in `temporary`.
pub async fn write(
    namespace: &Namespace,
    checkpointer: &Checkpointer,
    folder: &Place,
    name: &str,
    temporary: &Path,
    progress: impl Fn(u64) + Send + 'static,
) -> Result<Written, BackupError> {
    prepare(folder).await?;
    let spool = Spool::begin(temporary, progress);
    // Nobody waits for the walk after that.
    let walked = match checkpointer.look().await {
        Ok(look) => hand_over(look, &spool.portions()).await,
        Err(error) => Err(error.into()),
    };
    let spooled = ended(walked, spool).await?;
    // Who reads the backup must not see what a crash could still take back.
    namespace.settled().await?;
    upload(spooled, folder, name).await
}

/// Hands the whole tree over.
pub async fn hand_over(mut look: Look<'_>, to: &mpsc::Sender<Portion>) -> Result<(), BackupError> {
    let gone = |_| BackupError::GivenUp;
    for tables in look.tables() {
        to.send(Portion::Tables(tables)).await.map_err(gone)?;
    }
    while let Some(portions) = look.next() {
        for inodes in portions {
            to.send(Portion::Inodes(inodes)).await.map_err(gone)?;
        }
    }
    to.send(Portion::End).await.map_err(gone)
}

async fn ended(walked: Result<(), BackupError>, spool: Spool) -> Result<Spooled, BackupError> {
    let spooled = spool.end().await;
    match walked {
        // The other end was gone, and knows why.
        Err(BackupError::GivenUp) | Ok(()) => spooled,
        Err(reason) => Err(reason),
    }
}
