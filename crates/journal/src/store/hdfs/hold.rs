//! Keeping a second master out where no election does: the writer shows that it lives by changing the time of its claim, and a master
//! that starts watches that time for a while. A crashed holder of the same machine is seen to be dead at once.

use std::io::ErrorKind;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::identity::Identity;
use super::{Place, term};
use crate::store::local::Sharing;
use crate::store::{Hold, StoreError};

/// How often the holder shows that it lives.
const BEAT: Duration = Duration::from_secs(2);
/// How long a starting master watches. A holder that is cut off from HDFS for longer is taken for dead; the fence sees to it that it
/// can acknowledge nothing afterwards.
const WATCH: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(500);

/// Takes the folder; refuses when somebody lives who must not be disturbed. Masters that know of each other do not watch: an election
/// has chosen them.
pub(super) async fn hold(place: &Arc<Place>) -> Result<Hold, StoreError> {
    if let Some(term) = place.terms_in(&place.names.terms()).await?.pop_last()
        && let Some(claim) = term::read_claim(place, term).await?
    {
        let identity = Identity::parse(&claim);
        let alone = identity.as_ref().is_none_or(Identity::is_alone);
        let dead = identity.as_ref().is_some_and(Identity::is_dead);
        if (alone || place.sharing == Sharing::Exclusive) && !dead {
            watch(place, term, identity.map_or("another master".to_owned(), |i| i.owner().to_owned()))
                .await?;
        }
    }
    let guard = Arc::new(());
    *place.held.lock() = Arc::downgrade(&guard);
    Ok(Hold::new(guard))
}

async fn watch(place: &Place, term: u64, by: String) -> Result<(), StoreError> {
    tracing::info!(by, "the journal was in use; whether that master still lives is watched for {WATCH:?}");
    let until = Instant::now() + WATCH;
    let first = shown(place, term).await?;
    while Instant::now() < until {
        tokio::time::sleep(LOOK).await;
        // Gone: somebody has just taken over.
        if shown(place, term).await? != first {
            return Err(StoreError::InUse { location: place.location(), by });
        }
    }
    Ok(())
}

/// The time of a claim; None when it is not there.
async fn shown(place: &Place, term: u64) -> Result<Option<u64>, StoreError> {
    let path = place.names.claim(term);
    let status = place.hdfs.status(&path).await.map_err(|e| place.error("look at", &path, e))?;
    Ok(status.map(|entry| entry.modified))
}

/// Shows that the writer of `term` lives, as long as it holds the folder.
pub(super) fn keep_alive(place: &Arc<Place>, term: u64) {
    let held = place.held.lock().clone();
    if held.strong_count() > 0 {
        tokio::spawn(beat(place.clone(), held, term));
    }
}

async fn beat(place: Arc<Place>, held: Weak<()>, term: u64) {
    let path = place.names.claim(term);
    let mut last = 0;
    while held.strong_count() > 0 {
        // Another one each time, whatever the clock does.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis());
        last = u64::try_from(now).unwrap_or(u64::MAX).max(last + 1);
        match place.hdfs.set_times(&path, last).await {
            // Sealed: the writer finds out by its fence.
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => tracing::debug!(%error, path, "the journal's holder could not show that it lives"),
            Ok(()) => {}
        }
        tokio::time::sleep(BEAT).await;
    }
}
