//! Paths that an operation keeps for itself while it does I/O on the under storage without holding the
//! tree's lock. Claims are taken all at once, so operations cannot wait for each other in a circle.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use alluxio_fs::{AlluxioPath, FsError};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Longest wait for somebody else's reservation. Under-storage calls are bounded more tightly, so a
/// reservation held longer belongs to an under storage that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What of a path is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The path itself.
    Edge,
    /// The path and all below.
    Subtree,
}

#[derive(Clone, Debug)]
pub struct Claim {
    pub path: AlluxioPath,
    pub scope: Scope,
    /// Others may hold the same when all of them are shared.
    pub exclusive: bool,
}

impl Claim {
    pub fn edge(path: &AlluxioPath) -> Self {
        Self { path: path.clone(), scope: Scope::Edge, exclusive: true }
    }

    pub fn subtree(path: &AlluxioPath) -> Self {
        Self { path: path.clone(), scope: Scope::Subtree, exclusive: true }
    }

    pub fn shared(path: &AlluxioPath) -> Self {
        Self { path: path.clone(), scope: Scope::Edge, exclusive: false }
    }

    fn meets(&self, other: &Self) -> bool {
        self.path == other.path
            || (self.scope == Scope::Subtree && other.path.starts_with(&self.path))
            || (other.scope == Scope::Subtree && self.path.starts_with(&other.path))
    }

    fn conflicts(&self, other: &Self) -> bool {
        (self.exclusive || other.exclusive) && self.meets(other)
    }
}

#[derive(Default)]
pub struct Reservations {
    held: Mutex<Held>,
    released: Notify,
}

#[derive(Default)]
struct Held {
    next: u64,
    claims: HashMap<u64, Vec<Claim>>,
}

/// Gives its claims back when dropped.
pub struct Reservation {
    all: Arc<Reservations>,
    id: u64,
}

impl Reservations {
    /// Takes all claims, or waits until that is possible.
    pub async fn reserve(self: &Arc<Self>, claims: Vec<Claim>) -> Result<Reservation, FsError> {
        loop {
            let changed = self.released.notified();
            if let Some(reservation) = self.try_reserve(claims.clone()) {
                return Ok(reservation);
            }
            self.wait(changed).await?;
        }
    }

    /// Takes all claims if that is possible now.
    pub fn try_reserve(self: &Arc<Self>, claims: Vec<Claim>) -> Option<Reservation> {
        let mut held = self.held.lock();
        let taken = held.claims.values().flatten().any(|other| claims.iter().any(|c| c.conflicts(other)));
        if taken {
            return None;
        }
        held.next += 1;
        let id = held.next;
        held.claims.insert(id, claims);
        Some(Reservation { all: self.clone(), id })
    }

    /// Whether somebody else has one of these paths for himself.
    pub(super) fn blocks(&self, paths: &[&AlluxioPath], holder: Option<&Reservation>) -> bool {
        let held = self.held.lock();
        if held.claims.is_empty() {
            return false;
        }
        held.claims
            .iter()
            .filter(|(id, _)| holder.is_none_or(|holder| holder.id != **id))
            .flat_map(|(_, claims)| claims)
            .any(|claim| paths.iter().any(|path| claim.conflicts(&Claim::edge(path))))
    }

    /// Whether a path is in somebody's hands: metadata sync leaves it alone.
    pub fn is_reserved(&self, path: &AlluxioPath) -> bool {
        self.blocks(&[path], None)
    }

    /// To be taken before looking: what is released in between is not missed.
    pub(super) fn changed(&self) -> impl Future<Output = ()> + '_ {
        self.released.notified()
    }

    pub(super) async fn wait(&self, changed: impl Future<Output = ()>) -> Result<(), FsError> {
        tokio::time::timeout(PATIENCE, changed).await.map_err(|_| {
            FsError::unavailable(
                "Another operation has held this path for over a minute; its under storage may hang. Try again.",
            )
        })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.all.held.lock().claims.remove(&self.id);
        self.all.released.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AlluxioPath {
        AlluxioPath::parse(text).unwrap()
    }

    #[test]
    fn claims_conflict_where_they_meet_unless_all_are_shared() {
        let subtree = Claim::subtree(&path("/a"));
        assert!(subtree.conflicts(&Claim::edge(&path("/a/b/c"))));
        assert!(Claim::edge(&path("/a/b")).conflicts(&subtree));
        assert!(!subtree.conflicts(&Claim::edge(&path("/ab"))));
        assert!(!Claim::edge(&path("/a")).conflicts(&Claim::edge(&path("/a/b"))));
        assert!(!Claim::shared(&path("/a")).conflicts(&Claim::shared(&path("/a"))));
        assert!(Claim::shared(&path("/a")).conflicts(&Claim::edge(&path("/a"))));
    }

    #[tokio::test]
    async fn a_second_reservation_waits_for_the_first() {
        let all = Arc::new(Reservations::default());
        let first = all.reserve(vec![Claim::subtree(&path("/a"))]).await.unwrap();
        assert!(all.is_reserved(&path("/a/b")) && !all.is_reserved(&path("/b")));
        assert!(!all.blocks(&[&path("/a/b")], Some(&first)), "one's own does not block");
        let other = all.clone();
        let second = tokio::spawn(async move { other.reserve(vec![Claim::edge(&path("/a/b"))]).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!second.is_finished());
        drop(first);
        drop(second.await.unwrap().unwrap());
        assert!(!all.is_reserved(&path("/a/b")));
    }
}
