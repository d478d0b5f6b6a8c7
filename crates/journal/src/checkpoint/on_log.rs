//! Whether a state is one that the log leads to, by what the store shows while a writer may be at work.

use uuid::Uuid;

use crate::core::place::Place;
use crate::error::Result;
use crate::follower::View;
use crate::position::Position;
use crate::recovery::position_after;
use crate::store::Store;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OnLog {
    /// It is.
    Yes,
    /// Its place is not shown yet: the segment is open.
    NotShown,
    /// Its place has been removed: newer checkpoints cover it.
    Covered,
    /// It is not.
    No(String),
}

/// Looks for `position` in the log.
pub(super) async fn on_log(store: &dyn Store, cluster: Uuid, position: Position) -> Result<OnLog> {
    let look = View::default().look(store, cluster).await?;
    let index = match Place::find(&look.chain, position) {
        Place::Ahead => return Ok(OnLog::NotShown),
        Place::Behind => return Ok(OnLog::Covered),
        Place::Diverged(reason) => return Ok(OnLog::No(reason)),
        Place::Within(index) => index,
    };
    Ok(match position_after(store, &look.chain.links[index], position.sequence).await? {
        Some(found) if found == position => OnLog::Yes,
        Some(found) => OnLog::No(format!("the log was at {found}")),
        None => OnLog::NotShown,
    })
}
