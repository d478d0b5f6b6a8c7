//! Whether a state in memory is on the sealed log.

use super::survey::Survey;
use super::tip::position_after;
use crate::core::place::Place;
use crate::error::Result;
use crate::follower::Restart;
use crate::position::Position;
use crate::store::Store;

/// None when the records after `base` can be applied to it; otherwise why it must be dropped.
pub(super) async fn check(store: &dyn Store, survey: &Survey, base: Position) -> Result<Option<Restart>> {
    let diverged = |reason: String| Ok(Some(Restart::Diverged { at: base, reason }));
    if base == survey.end {
        return Ok(None);
    }
    if base.sequence >= survey.end.sequence {
        return diverged(format!("the log ends at {}", survey.end));
    }
    match Place::find(&survey.chain, base) {
        Place::Behind => Ok(Some(Restart::Behind { at: base })),
        Place::Diverged(reason) => diverged(reason),
        Place::Ahead => diverged(format!("the log ends at {}", survey.end)),
        Place::Within(index) => {
            let found = position_after(store, &survey.chain.links[index], base.sequence).await?;
            match found {
                Some(found) if found == base => Ok(None),
                Some(found) => diverged(format!("the log was at {found}")),
                None => diverged(format!("the log ends at {}", survey.end)),
            }
        }
    }
}
