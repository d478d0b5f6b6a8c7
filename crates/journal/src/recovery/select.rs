//! Chooses the checkpoint that a replay begins with.

use std::sync::Arc;

use uuid::Uuid;

use super::survey::{Survey, bad_segment};
use crate::checkpoint::CheckpointReader;
use crate::core::chain::{BadSegment, Base, Chain};
use crate::error::{JournalError, Result};
use crate::format::file_name;
use crate::position::{CheckpointId, FileId, Position};
use crate::store::Store;

/// The newest checkpoint that reads back valid; None when the log itself begins at the first record and there is
/// no checkpoint.
pub(crate) async fn newest_checkpoint(
    store: &Arc<dyn Store>,
    cluster: Uuid,
    chain: &Chain,
    checkpoints: &[CheckpointId],
) -> Result<Option<CheckpointReader>> {
    let start = chain.start();
    let mut unusable = Vec::new();
    let mut unreadable = None;
    for id in checkpoints {
        let file = file_name(&**store, FileId::Checkpoint(*id));
        if id.sequence < start.sequence {
            // This one and those before it are too old for the segments that are left.
            break;
        }
        match CheckpointReader::open(store.clone(), *id, cluster).await {
            Ok(reader) => {
                check_past(chain, &reader, file)?;
                return Ok(Some(reader));
            }
            // Also when it cannot be read: with the older one all is there too, it only takes longer.
            Err(error) => {
                tracing::warn!(%error, "a checkpoint cannot be used; going back to the one before it");
                unusable.push(error.to_string());
                if !matches!(error, JournalError::BadCheckpoint { .. }) {
                    unreadable = Some(error);
                }
            }
        }
    }
    if start == Position::START {
        return Ok(None);
    }
    if let Some(error) = unreadable {
        // Nothing is known to be wrong with the journal.
        return Err(error);
    }
    Err(match chain.base {
        Base::Damaged(id, flaw) => bad_segment(&**store, BadSegment { id, flaw }),
        Base::Missing(id) => JournalError::Missing {
            file: file_name(&**store, FileId::Segment(id)),
            sequence: start.sequence + 1,
            checkpoints: unusable.iter().map(|text| format!(" ({text})")).collect(),
        },
        // The base of a chain that starts later than the first record is one of the two above.
        Base::Beginning => JournalError::NotReplayed,
    })
}

/// A checkpoint at the border of a segment must have the same past as the log. (Inside a segment the replay
/// checks it.)
fn check_past(chain: &Chain, checkpoint: &CheckpointReader, file: String) -> Result<()> {
    let position = checkpoint.footer().position;
    let ends = chain.links.iter().filter_map(|link| link.end).map(|end| end.end);
    let known = ends.chain([chain.start()]).find(|known| known.sequence == position.sequence);
    match known {
        Some(known) if known != position => Err(JournalError::Corrupt {
            file,
            offset: 0,
            sequence: position.sequence,
            reason: format!(
                "the checkpoint was taken at {position}, but the log was at {known}: another log's"
            ),
        }),
        _ => Ok(()),
    }
}

/// A checkpoint gets its name only after its last record was durable. So one that is ahead of the log's end says
/// that records have been lost.
pub(super) fn check_nothing_lost(store: &dyn Store, survey: &Survey) -> Result<()> {
    match survey.checkpoints.iter().find(|id| id.sequence > survey.end.sequence) {
        Some(id) => Err(lost_records(store, survey, &file_name(store, FileId::Checkpoint(*id)), id.sequence)),
        None => Ok(()),
    }
}

fn lost_records(store: &dyn Store, survey: &Survey, checkpoint: &str, sequence: u64) -> JournalError {
    let (file, offset) = match survey.predecessor {
        Some(p) => (file_name(store, FileId::Segment(p.segment)), p.length),
        None => (store.location(), 0),
    };
    JournalError::Corrupt {
        file,
        offset,
        sequence: survey.end.sequence + 1,
        reason: format!(
            "the log ends here, but {checkpoint} was taken after record {sequence}: records are lost"
        ),
    }
}
