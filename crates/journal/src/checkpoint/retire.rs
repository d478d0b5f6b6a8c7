//! Removes what two verified checkpoints make superfluous; the rule is in [`crate::core::retire`].

use std::collections::BTreeSet;
use std::sync::Arc;

use super::on_log::{OnLog, on_log};
use super::reader::CheckpointReader;
use crate::core::header::{HEADER_LENGTH, SegmentHeader};
use crate::core::retire;
use crate::error::{JournalError, Result};
use crate::position::{CheckpointId, FileId, SegmentId};
use crate::store::{Listed, Store};
use crate::writer::Shared;

/// Called when the fence has confirmed. Only the one who writes the journal removes anything: others do not know
/// that they have not been overtaken.
pub(crate) async fn retire(shared: &Shared, store: &Arc<dyn Store>) -> Result<()> {
    let files = store.list().await?;
    let mut checkpoints = checkpoints(&files);
    if *shared.cleaned.lock() == checkpoints {
        // To find out again that nothing can go, up to two checkpoints would be read.
        return Ok(());
    }
    let valid = valid_checkpoints(shared, store, &checkpoints).await;
    let Some(oldest_kept) = retire::oldest_kept(&valid) else { return Ok(()) };
    let covered = oldest_kept.sequence;
    // Segments before checkpoints: whatever a crash in between leaves can still be replayed.
    let ended = shared.ended.lock().clone();
    let superfluous = retire::segments(&ended, covered);
    for id in &superfluous {
        store.remove(FileId::Segment(*id)).await?;
        shared.ended.lock().retain(|span| span.id != *id);
    }
    let mut occupied = Vec::new();
    for listed in &files {
        let FileId::Segment(id) = listed.file else { continue };
        if superfluous.contains(&id) {
            continue;
        }
        let in_chain = ended.iter().any(|span| span.id == id);
        if id.term < shared.term && !in_chain && stray_and_covered(&**store, id, covered).await? {
            store.remove(FileId::Segment(id)).await?;
        } else {
            occupied.push(id.term);
        }
    }
    for listed in &files {
        match listed.file {
            FileId::Checkpoint(id) if id < oldest_kept => {
                store.remove(listed.file).await?;
                checkpoints.remove(&id);
                shared.verified.lock().remove(&id);
                shared.refused.lock().remove(&id);
            }
            // Given up, or too late.
            FileId::CheckpointDraft(id, _) if id < oldest_kept => store.remove(listed.file).await?,
            _ => {}
        }
    }
    for term in store.terms().await?.into_iter().filter(|t| *t < shared.term && !occupied.contains(t)) {
        store.forget(term).await?;
    }
    let settled = {
        let refused = shared.refused.lock();
        checkpoints.iter().all(|id| valid.contains(id) || refused.contains(id))
    };
    if settled {
        *shared.cleaned.lock() = checkpoints;
    }
    Ok(())
}

fn checkpoints(files: &[Listed]) -> BTreeSet<CheckpointId> {
    let checkpoint = |listed: &Listed| match listed.file {
        FileId::Checkpoint(id) => Some(id),
        _ => None,
    };
    files.iter().filter_map(checkpoint).collect()
}

/// The newest checkpoints that are valid, as many as are kept, oldest first. One that this process has not
/// verified, such as a standby's, is read now and looked for in the log: nothing is removed on the word of a file
/// name, or of another process.
async fn valid_checkpoints(
    shared: &Shared,
    store: &Arc<dyn Store>,
    ids: &BTreeSet<CheckpointId>,
) -> Vec<CheckpointId> {
    let mut valid = Vec::new();
    for id in ids.iter().rev().copied() {
        if valid.len() == retire::KEPT_CHECKPOINTS {
            break;
        }
        let known = shared.verified.lock().contains(&id);
        let refused = shared.refused.lock().contains(&id);
        if known || (!refused && verify(shared, store, id).await) {
            valid.push(id);
        }
    }
    valid.reverse();
    valid
}

/// Reads all of a checkpoint and looks for its place in the log. One that is refused is not read again.
async fn verify(shared: &Shared, store: &Arc<dyn Store>, id: CheckpointId) -> bool {
    let found = async {
        let reader = CheckpointReader::open(store.clone(), id, shared.cluster).await?;
        on_log(&**store, shared.cluster, reader.footer().position).await
    };
    match found.await {
        Ok(OnLog::Yes) => {
            shared.verified.lock().insert(id);
            shared.stats.checkpointed(id.sequence);
            return true;
        }
        // Its segment is open: it is looked at again.
        Ok(OnLog::NotShown) => return false,
        Ok(OnLog::Covered) => tracing::debug!(%id, "a checkpoint is older than the log"),
        Ok(OnLog::No(reason)) => {
            tracing::error!(%id, reason, "a checkpoint is not of this log and does not count")
        }
        Err(error @ JournalError::BadCheckpoint { .. }) => {
            tracing::warn!(%error, "a checkpoint is not valid and does not count");
        }
        Err(error) => {
            tracing::warn!(%error, "a checkpoint cannot be verified and does not count yet");
            return false;
        }
    }
    shared.refused.lock().insert(id);
    false
}

/// A segment of an earlier term that is not in the chain, and whose records would all be covered.
async fn stray_and_covered(store: &dyn Store, id: SegmentId, covered: u64) -> Result<bool> {
    let bytes = match store.read(FileId::Segment(id), 0, HEADER_LENGTH).await {
        Err(e) if e.is_not_found() => return Ok(false),
        bytes => bytes?,
    };
    Ok(SegmentHeader::decode(&bytes).is_ok_and(|header| header.start().sequence <= covered))
}
