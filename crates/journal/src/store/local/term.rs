//! Terms on a mounted path: claiming one by link(2), and the token that fences its writer (design 5.1).
//!
//! The token of term T is a file `fence/T.0` or `fence/T.1`. Its writer renames it from one name to the other
//! after the sync of each batch and before any answer. A new master renames it to `fence/T.revoked` first of
//! all. Both are renames of one name in one folder, so the file server puts them in an order, whatever the
//! clients have cached: either the writer's rename comes first, then its batch was synced before the new master
//! read anything; or it fails, and nothing is answered.
//!
//! The writer does not sync the folder after its rename. The rename fences by being evaluated, not by being
//! remembered: if a crash of the file server takes it back, the token has its former name, the writer's next
//! rename fails, and it steps down, which is safe. Only the revocation must not be taken back, so that one is
//! synced.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::names::Names;
use super::{file, folder, run};
use crate::store::{Fence, StoreError};

/// How often a revocation looks for a token before it concludes that there is none. A live writer's token is
/// missed only when it changes names between two renames that are microseconds apart, and it changes names once
/// per synced batch.
const REVOKE_TRIES: usize = 200;

/// Claims a term. False when another master has it, or one has claimed a later term meanwhile.
pub(super) fn claim(names: &Names, term: u64, owner: &str) -> io::Result<bool> {
    match fs::create_dir(names.term(term)) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
        _ => folder::sync(&names.terms())?,
    }
    let draft = names.term(term).join(format!("claim.{}", Uuid::new_v4()));
    let won = link_claim(names, term, owner, &draft);
    folder::remove_file(&draft)?;
    if !won? {
        return Ok(false);
    }
    folder::sync(&names.term(term))?;
    file::create(&names.tokens(term)[0])?;
    // The token is made before looking for later terms, and a later master claims its term before looking for
    // tokens: so either we see its claim here, or it finds our token.
    Ok(folder::terms(names)?.into_iter().all(|other| other <= term))
}

fn link_claim(names: &Names, term: u64, owner: &str, draft: &PathBuf) -> io::Result<bool> {
    let mut file = file::create(draft)?;
    io::Write::write_all(&mut file, owner.as_bytes())?;
    file.sync_all()?;
    match fs::hard_link(draft, names.claim(term)) {
        Ok(()) => Ok(true),
        // A network file system may repeat the request and then report its own first success as "exists": the
        // number of links tells.
        Err(_) if fs::metadata(draft)?.nlink() == 2 => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(e),
    }
}

/// Revokes the tokens of all terms below `term`.
pub(super) fn seal(names: &Names, term: u64) -> io::Result<()> {
    for earlier in folder::terms(names)?.into_iter().filter(|t| *t < term) {
        revoke(names, earlier)?;
    }
    folder::sync(&names.fence())
}

fn revoke(names: &Names, term: u64) -> io::Result<()> {
    let revoked = names.revoked(term);
    if revoked.try_exists()? {
        return Ok(());
    }
    for _ in 0..REVOKE_TRIES {
        for token in names.tokens(term) {
            match fs::rename(&token, &revoked) {
                Ok(()) => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
    }
    // Its master died between claiming the term and making the token, or will find our later term when it has
    // made it. Either way the term never had a writer; the mark saves the next master the search.
    file::create(&revoked).map(drop)
}

/// Removes what is left of a term: its folder, then its revoked token.
pub(super) fn forget(names: &Names, term: u64) -> io::Result<()> {
    match fs::remove_dir_all(names.term(term)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    folder::remove_file(&names.revoked(term))
}

/// The token of a live term.
pub(super) struct LocalFence {
    location: String,
    term: u64,
    tokens: [PathBuf; 2],
    /// Which of the two names it has.
    at: usize,
    held: Option<Arc<fs::File>>,
}

impl LocalFence {
    pub(super) fn new(names: &Names, term: u64, held: Option<Arc<fs::File>>) -> Self {
        Self { location: names.root().display().to_string(), term, tokens: names.tokens(term), at: 0, held }
    }

    async fn rename_from(&self, at: usize) -> Result<(), StoreError> {
        let (from, to) = (self.tokens[at].clone(), self.tokens[1 - at].clone());
        run(self.held.clone(), "rename the fence token", from, move |from| fs::rename(from, &to)).await
    }
}

#[async_trait]
impl Fence for LocalFence {
    async fn check(&mut self) -> Result<(), StoreError> {
        // A network file system may repeat the request and then report its own first success as "not found", so the
        // token may have the other name. Whichever rename succeeds says that nobody has revoked it.
        for from in [self.at, 1 - self.at] {
            match self.rename_from(from).await {
                Ok(()) => {
                    self.at = 1 - from;
                    return Ok(());
                }
                Err(e) if e.is_not_found() => {}
                Err(e) => return Err(e),
            }
        }
        Err(StoreError::Sealed { location: self.location.clone(), term: self.term })
    }
}
