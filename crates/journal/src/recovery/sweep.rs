//! Removes what earlier masters left behind and what can never count again.
//!
//! Done after our own header is durable and the fence has confirmed, so a deposed master never removes what its
//! successor reads. A file that could matter to anyone stays: it goes when checkpoints cover it.

use std::collections::BTreeSet;

use super::survey::Survey;
use crate::core::header::HEADER_LENGTH;
use crate::position::{FileId, SegmentId};
use crate::store::{Store, StoreError};

/// Sweeps. A failure costs only space, so it is reported and not passed on.
pub(super) async fn sweep(store: &dyn Store, term: u64, survey: &Survey) {
    if let Err(error) = try_sweep(store, term, survey).await {
        tracing::warn!(%error, "left-over journal files could not be removed; the next start tries again");
    }
}

async fn try_sweep(store: &dyn Store, term: u64, survey: &Survey) -> Result<(), StoreError> {
    for draft in &survey.drafts {
        store.remove(*draft).await?;
    }
    let mut occupied = BTreeSet::from([term]);
    for file in &survey.found {
        let id = file.id;
        let empty = file.never_begun() || file.length <= HEADER_LENGTH as u64 || survey.empty == Some(id);
        // Where our own header cannot be read yet, nothing leads others to the copy; they read the original, until
        // checkpoints cover both.
        let replaced = !store.hides_open_files() && has_copy(survey, id);
        if id.term < term && !is_in_chain(survey, id) && (empty || replaced) {
            store.remove(FileId::Segment(file.id)).await?;
        } else {
            occupied.insert(file.id.term);
        }
    }
    for old in store.terms().await?.into_iter().filter(|t| *t < term && !occupied.contains(t)) {
        store.forget(old).await?;
    }
    Ok(())
}

fn is_in_chain(survey: &Survey, id: SegmentId) -> bool {
    survey.chain.links.iter().any(|link| link.id == id)
}

/// Whether the chain has a copy in its place.
fn has_copy(survey: &Survey, id: SegmentId) -> bool {
    survey.chain.links.iter().any(|link| link.id != id && link.header.id == id)
}
