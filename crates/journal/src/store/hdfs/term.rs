//! Terms on HDFS: claiming one by a rename without overwriting, sealing one by moving its folder away, and the token that fences its
//! writer.
//!
//! A term's folder is made aside, with the claim and the token in it, and gets its name in one step. Its writer renames the token to
//! and fro after the sync of each batch. A new master moves the folders of all earlier terms to `sealed`: from then on the old writer's
//! renames fail and it can create no file. What it still has open is then taken from it (the lease is recovered), which also settles how
//! long the file is; only after that is anything read.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use uuid::Uuid;

use super::identity::Identity;
use super::{FOLDER_PERMISSIONS, Place, hold, names};
use crate::store::local::Sharing;
use crate::store::{Claim, Fence, StoreError};

/// How often it is asked whether a file is closed by now.
const RECOVERY_POLL: Duration = Duration::from_millis(100);
/// A recovery waits for the heartbeat of a DataNode; when that one dies meanwhile, the NameNode tries another after 90 s.
const RECOVERY_LIMIT: Duration = Duration::from_secs(150);

/// Longest claim that is read; ours have less than 400 bytes.
const CLAIM_LIMIT: usize = 4096;

/// Claims a term.
pub(super) async fn claim(
    place: &std::sync::Arc<Place>,
    term: u64,
    owner: &str,
) -> Result<Claim, StoreError> {
    let id = Uuid::new_v4();
    let draft = format!("{}/{term}-{id}", place.names.drafts());
    let text = Identity::of_this_process(owner, id, place.sharing == Sharing::Exclusive).to_string();
    let fence = HdfsFence { place: place.clone(), term, tokens: place.names.tokens(term, id), at: 0 };
    let won = match make(place, &draft, &fence, &text).await {
        Ok(()) => true,
        // Taken; or ours, and only the answer was lost; or the draft was swept away by a later master.
        Err(error) => match read_claim(place, term).await? {
            Some(found) => found == text,
            None if place.terms().await?.into_iter().any(|other| other >= term) => false,
            None => return Err(place.error("claim", &place.names.term(term), error)),
        },
    };
    if !won {
        place.hdfs.remove(&draft).await.map_err(|e| place.error("remove", &draft, e))?;
        return Ok(Claim::Taken);
    }
    // Our term has its name before we look for later ones, and a later master's has before it looks for earlier ones: so either we
    // see its term here, or it moves ours away. The same if `term` was sealed and its name taken again by us.
    if place.terms().await?.into_iter().any(|other| other > term) {
        return Ok(Claim::Taken);
    }
    hold::keep_alive(place, term);
    Ok(Claim::Won(Box::new(fence)))
}

async fn make(place: &Place, draft: &str, fence: &HdfsFence, text: &str) -> io::Result<()> {
    let token = fence.tokens[0].rsplit('/').next().unwrap_or_default();
    place.hdfs.make_folders(draft, FOLDER_PERMISSIONS).await?;
    place.write(&format!("{draft}/claim"), text).await?;
    place.write(&format!("{draft}/{token}"), "").await?;
    place.hdfs.rename(draft, &place.names.term(fence.term), false).await
}

/// Who has claimed a term that is not sealed.
pub(super) async fn read_claim(place: &Place, term: u64) -> Result<Option<String>, StoreError> {
    let path = place.names.claim(term);
    match place.hdfs.read(&path, 0, CLAIM_LIMIT).await {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(place.error("read", &path, error)),
    }
}

/// Seals all terms below `term`.
pub(super) async fn seal(place: &Place, term: u64) -> Result<(), StoreError> {
    for earlier in place.terms_in(&place.names.terms()).await?.into_iter().filter(|t| *t < term) {
        move_away(place, earlier).await?;
    }
    for earlier in place.terms_in(&place.names.sealed_terms()).await?.into_iter().filter(|t| *t < term) {
        take_files(place, earlier).await?;
        place.sealed.lock().insert(earlier);
    }
    sweep_drafts(place, term).await
}

async fn move_away(place: &Place, term: u64) -> Result<(), StoreError> {
    let (living, sealed) = (place.names.term(term), place.names.sealed_term(term));
    match place.hdfs.rename(&living, &sealed, false).await {
        Ok(()) => Ok(()),
        // Another master seals, too.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        // The term was sealed long ago, and its name taken again by a master that came late: that one finds later terms, and never
        // writes.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            place.hdfs.remove(&living).await.map(drop).map_err(|e| place.error("remove", &living, e))
        }
        Err(error) => match place.hdfs.status(&living).await {
            // Only the answer was lost.
            Ok(None) => Ok(()),
            _ => Err(place.error("seal", &living, error)),
        },
    }
}

/// Takes the files of a sealed term from their old writer.
async fn take_files(place: &Place, term: u64) -> Result<(), StoreError> {
    let folder = place.names.sealed_term(term);
    let entries = place.list(&folder).await?;
    let mark = place.names.recovered(term);
    if entries.iter().any(|entry| mark.ends_with(&format!("/{}", entry.name))) {
        return Ok(());
    }
    let segments = entries.iter().filter(|entry| names::segment(term, &entry.name).is_some());
    let paths: Vec<_> = segments.map(|entry| format!("{folder}/{}", entry.name)).collect();
    recover(place, &paths).await?;
    match place.write(&mark, "").await {
        // By another master.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // Forgotten by another master.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        written => written.map_err(|e| place.error("write", &mark, e)),
    }
}

/// Closes files whose writers may still live, and waits until their lengths are settled.
pub(super) async fn recover(place: &Place, paths: &[String]) -> Result<(), StoreError> {
    let began = Instant::now();
    let mut open: Vec<&String> = paths.iter().collect();
    loop {
        let mut still = Vec::new();
        for path in open {
            match place.hdfs.recover_lease(path).await {
                Ok(true) => {}
                // "Already being created" is what the NameNode says when the last block waits for its first copy to be reported.
                Ok(false) => still.push(path),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => still.push(path),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(place.error("close", path, error)),
            }
        }
        let Some(first) = still.first() else { return Ok(()) };
        if began.elapsed() > RECOVERY_LIMIT {
            let reason =
                format!("no DataNode that has its last block has answered within {RECOVERY_LIMIT:?}");
            return Err(place.error("close", first, io::Error::new(ErrorKind::TimedOut, reason)));
        }
        open = still;
        tokio::time::sleep(RECOVERY_POLL).await;
    }
}

/// Removes what masters left that died while they claimed a term below `term`.
async fn sweep_drafts(place: &Place, term: u64) -> Result<(), StoreError> {
    for entry in place.list(&place.names.drafts()).await? {
        let claimed = entry.name.split_once('-').and_then(|(number, _)| number.parse::<u64>().ok());
        if claimed.is_some_and(|claimed| claimed < term) {
            let path = format!("{}/{}", place.names.drafts(), entry.name);
            place.hdfs.remove(&path).await.map_err(|e| place.error("remove", &path, e))?;
        }
    }
    Ok(())
}

/// Whether the folder of a living term is certainly not there any more.
pub(super) async fn is_gone(place: &Place, term: u64) -> bool {
    matches!(place.hdfs.status(&place.names.term(term)).await, Ok(None))
}

/// The token of a living term.
struct HdfsFence {
    place: Arc<Place>,
    term: u64,
    tokens: [String; 2],
    /// Which of the two names it had last.
    at: usize,
}

#[async_trait]
impl Fence for HdfsFence {
    /// A rename, not a look: it is in the NameNode's log before it is answered, so a NameNode that has been replaced without knowing it
    /// cannot confirm.
    async fn check(&mut self) -> Result<(), StoreError> {
        let mut failed = None;
        // An answer may have been lost, so the token may have either name. A rename that is answered happened just now.
        for from in [self.at, 1 - self.at] {
            match self.place.hdfs.rename(&self.tokens[from], &self.tokens[1 - from], false).await {
                Ok(()) => {
                    self.at = 1 - from;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => failed = Some(error),
            }
        }
        Err(match failed {
            None => StoreError::Sealed { location: self.place.location(), term: self.term },
            Some(error) => self.place.error("rename", &self.tokens[self.at], error),
        })
    }

    /// The NameNode may be restarting. When it is back, it knows where the token is.
    fn may_confirm_later(&self, error: &StoreError) -> bool {
        !matches!(error, StoreError::Sealed { .. })
    }
}
