//! Paths that an operation keeps for itself while it does I/O on the under storage without holding the
//! tree's lock. Claims are taken all at once, and nobody asks for more while he holds some: so operations cannot
//! wait for each other in a circle, and whoever asks can stand in line behind those who asked before him. Without
//! the line a stream of small claims would keep a large one out for ever.

mod index;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alluxio_fs::{AlluxioPath, FsError};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, futures::OwnedNotified},
    time::Instant,
};

use self::index::{Among, ClaimIndex, Owner};

/// Longest wait for somebody else's reservation. Whoever waits for an under-storage call is told sooner, but a
/// call that goes on keeps its reservation: one held longer belongs to an under storage that hangs, or to a
/// large directory.
const PATIENCE: Duration = Duration::from_secs(60);

/// What of a path is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The path itself.
    Edge,
    /// The path and all below.
    Subtree,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub path: AlluxioPath,
    pub scope: Scope,
}

impl Claim {
    pub fn edge(path: &AlluxioPath) -> Self {
        Self { path: path.clone(), scope: Scope::Edge }
    }

    pub fn subtree(path: &AlluxioPath) -> Self {
        Self { path: path.clone(), scope: Scope::Subtree }
    }

    /// What the index answers for many claims at a time.
    #[cfg(test)]
    fn conflicts(&self, other: &Self) -> bool {
        self.path == other.path
            || (self.scope == Scope::Subtree && other.path.starts_with(&self.path))
            || (other.scope == Scope::Subtree && self.path.starts_with(&other.path))
    }
}

#[derive(Default)]
pub struct Reservations {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    next: Owner,
    claims: Claims,
    /// What others wait for, in the order in which they came.
    line: Claims,
}

#[derive(Default)]
struct Claims {
    by_owner: BTreeMap<Owner, Owned>,
    by_path: ClaimIndex,
}

struct Owned {
    claims: Vec<Claim>,
    /// Rings when they are given back. One bell each: thousands may wait, each for somebody else.
    gone: Arc<Notify>,
}

impl Claims {
    fn insert(&mut self, owner: Owner, claims: Vec<Claim>) {
        claims.iter().for_each(|claim| self.by_path.add(owner, claim));
        self.by_owner.insert(owner, Owned { claims, gone: Arc::default() });
    }

    fn remove(&mut self, owner: Owner) {
        let Some(owned) = self.by_owner.remove(&owner) else { return };
        for claim in &owned.claims {
            self.by_path.remove(owner, claim);
        }
        owned.gone.notify_waiters();
    }

    /// What ends when somebody goes whose claim meets one of these.
    fn met<'a>(
        &self,
        claims: impl IntoIterator<Item = (&'a AlluxioPath, Scope)>,
        among: Among,
    ) -> Option<Gone> {
        let mut claims = claims.into_iter();
        let owner = claims.find_map(|(path, scope)| self.by_path.met(path, scope, among))?;
        Some(self.by_owner.get(&owner)?.gone.clone().notified_owned())
    }
}

/// Somebody in the way has gone. It misses nothing from the moment it was made.
pub(super) type Gone = OwnedNotified;

/// Somebody's place in the line; left when dropped.
struct Place<'a> {
    all: &'a Reservations,
    id: Owner,
}

/// Until when somebody waits; set by the first wait.
#[derive(Default)]
pub(super) struct Patience(Option<Instant>);

/// Gives its claims back when dropped.
pub struct Reservation {
    all: Arc<Reservations>,
    id: Owner,
}

impl Reservations {
    /// Takes all claims, or waits until that is possible. Who asks holds no other reservation: those before him in
    /// the line might wait for it.
    pub async fn reserve(self: &Arc<Self>, claims: Vec<Claim>) -> Result<Reservation, FsError> {
        let (mut place, mut patience) = (None, Patience::default());
        loop {
            match self.take(&claims, place.as_ref()) {
                Ok(reservation) => return Ok(reservation),
                Err(gone) => {
                    place.get_or_insert_with(|| self.line_up(&claims));
                    patience.wait(gone).await?;
                }
            }
        }
    }

    /// Takes all claims if nobody has them or waits for them.
    pub fn try_reserve(self: &Arc<Self>, claims: Vec<Claim>) -> Option<Reservation> {
        self.take(&claims, None).ok()
    }

    /// The error is somebody who has one of them, or who came first.
    fn take(self: &Arc<Self>, claims: &[Claim], place: Option<&Place<'_>>) -> Result<Reservation, Gone> {
        let mut held = self.held.lock();
        let wanted = || claims.iter().map(|claim| (&claim.path, claim.scope));
        let earlier = place.map_or(Among::All, |place| Among::Before(place.id));
        let obstacle = held.claims.met(wanted(), Among::All);
        if let Some(gone) = obstacle.or_else(|| held.line.met(wanted(), earlier)) {
            return Err(gone);
        }
        held.next += 1;
        let id = held.next;
        held.claims.insert(id, claims.to_vec());
        Ok(Reservation { all: self.clone(), id })
    }

    fn line_up(&self, claims: &[Claim]) -> Place<'_> {
        let mut held = self.held.lock();
        held.next += 1;
        let id = held.next;
        held.line.insert(id, claims.to_vec());
        Place { all: self, id }
    }

    /// Whether somebody else has one of these paths for himself, and when he has gone.
    pub(super) fn blocks(&self, paths: &[&AlluxioPath], holder: Option<&Reservation>) -> Option<Gone> {
        let others = holder.map_or(Among::All, |holder| Among::AllBut(holder.id));
        self.held.lock().claims.met(paths.iter().map(|path| (*path, Scope::Edge)), others)
    }

    /// Whether a path is in somebody's hands: metadata sync leaves it alone.
    pub fn is_reserved(&self, path: &AlluxioPath) -> bool {
        self.blocks(&[path], None).is_some()
    }
}

impl Patience {
    /// Waits for whoever is in the way. That others come after him does not make anyone wait longer.
    pub(super) async fn wait(&mut self, gone: Gone) -> Result<(), FsError> {
        let until = *self.0.get_or_insert_with(|| Instant::now() + PATIENCE);
        tokio::time::timeout_at(until, gone).await.map_err(|_| {
            FsError::unavailable(
                "Another operation has held this path for over a minute; its under storage may hang. Try again.",
            )
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.all.held.lock().line.remove(self.id);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.all.held.lock().claims.remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AlluxioPath {
        AlluxioPath::parse(text).unwrap()
    }

    #[test]
    fn claims_conflict_where_they_meet() {
        let subtree = Claim::subtree(&path("/a"));
        assert!(subtree.conflicts(&Claim::edge(&path("/a/b/c"))));
        assert!(Claim::edge(&path("/a/b")).conflicts(&subtree));
        assert!(!subtree.conflicts(&Claim::edge(&path("/ab"))));
        assert!(!Claim::edge(&path("/a")).conflicts(&Claim::edge(&path("/a/b"))));
        assert!(Claim::edge(&path("/a")).conflicts(&Claim::edge(&path("/a"))));
    }

    #[tokio::test]
    async fn a_second_reservation_waits_for_the_first() {
        let all = Arc::new(Reservations::default());
        let first = all.reserve(vec![Claim::subtree(&path("/a"))]).await.unwrap();
        assert!(all.is_reserved(&path("/a/b")) && !all.is_reserved(&path("/b")));
        assert!(all.blocks(&[&path("/a/b")], Some(&first)).is_none(), "one's own does not block");
        let other = all.clone();
        let second = tokio::spawn(async move { other.reserve(vec![Claim::edge(&path("/a/b"))]).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!second.is_finished());
        drop(first);
        drop(second.await.unwrap().unwrap());
        assert!(!all.is_reserved(&path("/a/b")));
    }

    /// One small claim after the other, each long and never none held: whoever wants the whole directory gets it.
    #[tokio::test(start_paused = true)]
    async fn small_claims_do_not_keep_a_large_one_out() {
        let all = Arc::new(Reservations::default());
        for n in 0..4 {
            let all = all.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(150 * n)).await;
                loop {
                    let small = all.reserve(vec![Claim::edge(&path(&format!("/a/{n}")))]).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(600)).await;
                    drop(small);
                }
            });
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        let large =
            tokio::time::timeout(Duration::from_secs(5), all.reserve(vec![Claim::subtree(&path("/a"))]));
        drop(large.await.expect("not kept out").unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_does_not_overtake_who_waits() {
        let all = Arc::new(Reservations::default());
        let first = all.reserve(vec![Claim::edge(&path("/a/x"))]).await.unwrap();
        let other = all.clone();
        let waiting = tokio::spawn(async move { other.reserve(vec![Claim::subtree(&path("/a"))]).await });
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(all.try_reserve(vec![Claim::edge(&path("/a/y"))]).is_none());
        assert!(all.try_reserve(vec![Claim::edge(&path("/b"))]).is_some());
        drop(first);
        drop(waiting.await.unwrap().unwrap());
        assert!(all.try_reserve(vec![Claim::edge(&path("/a/y"))]).is_some());
    }

    /// Each of many has its turn, on one path as on many.
    #[tokio::test]
    async fn thousands_have_their_turn() {
        let all = Arc::new(Reservations::default());
        let first = all.reserve(vec![Claim::subtree(&path("/a"))]).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..3_000 {
            let (all, at) = (all.clone(), path(&format!("/a/{}", n % 300)));
            tasks.spawn(async move {
                let held = all.reserve(vec![Claim::edge(&at)]).await.unwrap();
                tokio::task::yield_now().await;
                drop(held);
            });
        }
        tokio::time::timeout(Duration::from_millis(50), tasks.join_next()).await.expect_err("all wait");
        drop(first);
        let rest = tokio::time::timeout(Duration::from_secs(60), tasks.join_all());
        assert_eq!(rest.await.expect("nobody is forgotten").len(), 3_000);
        assert!(all.held.lock().claims.by_path.is_empty() && all.held.lock().line.by_path.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_because_others_come_and_go() {
        let all = Arc::new(Reservations::default());
        let _hangs = all.reserve(vec![Claim::edge(&path("/a"))]).await.unwrap();
        let others = all.clone();
        tokio::spawn(async move {
            loop {
                drop(others.reserve(vec![Claim::edge(&path("/b"))]).await.unwrap());
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let waited = tokio::time::timeout(2 * PATIENCE, all.reserve(vec![Claim::edge(&path("/a"))])).await;
        assert_eq!(
            waited.expect("the wait is bounded").err().unwrap().kind,
            alluxio_fs::ErrorKind::Unavailable
        );
        assert!(all.held.lock().line.by_owner.is_empty(), "who gave up has left the line");
    }
}
