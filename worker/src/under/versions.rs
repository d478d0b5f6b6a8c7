//! Which version of a file its blocks must be of.
//!
//! Each block is read by itself, perhaps long after the one before and by another worker. A file that is replaced in
//! the under storage meanwhile would be read half old, half new. So what is opened for a block is compared with what the
//! master knows of the file; until a sync has seen the new version, the old one is an error.

use crate::masters::MasterLink;
use alluxio_fs::{ErrorKind, FsError, ids};
use alluxio_ufs::Fingerprint;
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};

/// Files remembered: enough for those that are read at a time. Beyond it all are asked for anew.
const MOST: usize = 4096;
/// For the master's answer: readers wait for it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long nobody asks again after there was no answer in time, or nothing to compare with.
const PAUSE: Duration = Duration::from_secs(5);

/// See the module. Cheap to clone.
#[derive(Clone, Default)]
pub struct Versions {
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    files: HashMap<i64, Seen>,
    /// The master did not answer in time.
    silent_until: Option<Instant>,
}

#[derive(PartialEq)]
enum Verdict {
    /// Or nobody can tell at present.
    Same,
    /// Unless the master knows a newer one.
    Other,
    Unknown,
}

enum Seen {
    Print(Fingerprint),
    /// A file that was never compared with the under storage, or not since it was renamed there.
    NoneUntil(Instant),
}

impl Known {
    /// What is remembered says about reading a version.
    fn verdict(&self, file: i64, same: impl Fn(&Fingerprint) -> bool) -> Verdict {
        let is_later = |until: &Instant| Instant::now() < *until;
        match self.files.get(&file) {
            Some(Seen::Print(known)) if same(known) => Verdict::Same,
            Some(Seen::Print(_)) => Verdict::Other,
            Some(Seen::NoneUntil(until)) if is_later(until) => Verdict::Same,
            _ if self.silent_until.as_ref().is_some_and(is_later) => Verdict::Same,
            _ => Verdict::Unknown,
        }
    }

    fn remember(&mut self, file: i64, seen: Seen) {
        if self.files.len() >= MOST {
            self.files.clear();
        }
        self.files.insert(file, seen);
        self.silent_until = None;
    }
}

impl Versions {
    /// Whether a block of the file at `path` may be read, whose content has this hash now.
    pub async fn check(&self, link: &MasterLink, block: i64, path: &str, hash: &str) -> Result<(), FsError> {
        let file = ids::file_id_of_block(block);
        let same = |known: &Fingerprint| !known.has_other_content(hash);
        let verdict = self.known.lock().verdict(file, same);
        if verdict == Verdict::Same {
            return Ok(());
        }
        // What is remembered may be older than what the master knows.
        let info = match timeout(PATIENCE, link.file_info(file)).await {
            Ok(Ok(info)) => info,
            Ok(Err(error)) if error.kind == ErrorKind::NotFound => return Err(replaced(path)),
            // A master that is away keeps nobody from reading, unless it would be a mixture of two versions.
            answer => {
                if answer.is_err() {
                    self.known.lock().silent_until = Some(Instant::now() + PAUSE);
                }
                let error = answer.map(Result::err);
                if verdict == Verdict::Other {
                    return Err(replaced(path));
                }
                tracing::debug!(?error, file, "read without knowing of which version it is to be");
                return Ok(());
            }
        };
        let Ok(known) = info.ufs_fingerprint().parse::<Fingerprint>() else {
            self.known.lock().remember(file, Seen::NoneUntil(Instant::now() + PAUSE));
            return Ok(());
        };
        if !same(&known) {
            return Err(replaced(path));
        }
        self.known.lock().remember(file, Seen::Print(known));
        Ok(())
    }
}

/// Clients, the original's too, have the master look at the file anew after this kind of error.
pub fn replaced(path: &str) -> FsError {
    FsError::out_of_range(format!(
        "{path} was changed in the under storage since Alluxio looked at it. Read it again."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_allows_only_what_nothing_is_known_of() {
        let mut known = Known::default();
        let print = "TYPE|FILE UFS|local OWNER|_ GROUP|_ MODE|420 CONTENT_HASH|0ab ";
        known.remember(1, Seen::Print(print.parse().unwrap()));
        known.remember(2, Seen::NoneUntil(Instant::now() + PAUSE));
        known.silent_until = Some(Instant::now() + PAUSE);
        assert!(known.verdict(1, |_| true) == Verdict::Same);
        assert!(known.verdict(1, |_| false) == Verdict::Other, "never a mixture of two versions");
        assert!(known.verdict(2, |_| false) == Verdict::Same && known.verdict(3, |_| false) == Verdict::Same);
        known.silent_until = None;
        assert!(known.verdict(3, |_| false) == Verdict::Unknown);
    }
}
