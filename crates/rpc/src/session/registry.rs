//! The table of live sessions.

use std::{
    collections::{HashMap, hash_map::Entry},
    future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use uuid::Uuid;

use crate::Caller;

/// Sessions open at once. One costs about 5 kB with its stream, so this is 500 MB at worst; a
/// thousand clients with a hundred sessions each stay below it.
const CAPACITY: usize = 100_000;

/// How seldom and how often idle sessions are looked for. Their limit is days, by default.
const PURGE_PERIODS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));

pub(super) struct Registry {
    live: RwLock<HashMap<Uuid, Arc<Session>>>,
    /// Times below are milliseconds since this, so that they fit in an atomic.
    epoch: Instant,
    /// None: sessions may idle forever.
    idle_limit: Option<Duration>,
}

struct Session {
    caller: Caller,
    last_used_ms: AtomicU64,
    revoked: CancellationToken,
}

/// A session's place in the table, held by its handshake stream: dropping it forgets the id.
pub(crate) struct Live {
    registry: Arc<Registry>,
    id: Uuid,
    session: Arc<Session>,
}

impl Registry {
    pub(super) fn new(idle_limit: Option<Duration>) -> Self {
        Self { live: RwLock::default(), epoch: Instant::now(), idle_limit }
    }

    pub(super) fn len(&self) -> usize {
        self.live.read().len()
    }

    /// Opens a session. A live id is refused and keeps its first owner: the second is a mistake or
    /// an attack, and the first has calls under way.
    pub(super) fn open(self: &Arc<Self>, id: Uuid, caller: Caller) -> Result<Live, Status> {
        let session = Arc::new(Session {
            caller,
            last_used_ms: AtomicU64::new(self.now_ms()),
            revoked: CancellationToken::new(),
        });
        let mut live = self.live.write();
        if live.len() >= CAPACITY {
            return Err(Status::resource_exhausted(format!("Too many sessions are open ({CAPACITY}).")));
        }
        match live.entry(id) {
            Entry::Occupied(_) => Err(Status::internal(format!("Channel: {id} is already authenticated."))),
            Entry::Vacant(free) => {
                free.insert(Arc::clone(&session));
                Ok(Live { registry: Arc::clone(self), id, session })
            }
        }
    }

    pub(super) fn caller(&self, id: Uuid) -> Option<Caller> {
        let live = self.live.read();
        let session = live.get(&id)?;
        session.last_used_ms.store(self.now_ms(), Ordering::Relaxed);
        Some(session.caller.clone())
    }

    pub(super) fn revoke_all(&self) {
        let ended = std::mem::take(&mut *self.live.write());
        for session in ended.values() {
            session.revoked.cancel();
        }
    }

    pub(super) async fn purge_forever(&self) {
        let Some(limit) = self.idle_limit else { return future::pending().await };
        loop {
            tokio::time::sleep(limit.clamp(PURGE_PERIODS.0, PURGE_PERIODS.1)).await;
            let purged = self.purge(limit);
            if purged > 0 {
                tracing::info!(purged, "ended idle sessions");
            }
        }
    }

    fn purge(&self, limit: Duration) -> usize {
        let now = self.now_ms();
        let limit = millis(limit);
        let mut purged = 0;
        self.live.write().retain(|_, session| {
            let idle = now.saturating_sub(session.last_used_ms.load(Ordering::Relaxed));
            let keep = idle < limit;
            if !keep {
                session.revoked.cancel();
                purged += 1;
            }
            keep
        });
        purged
    }

    fn now_ms(&self) -> u64 {
        millis(self.epoch.elapsed())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Live {
    /// Completes when the server ends the session.
    pub(super) async fn revoked(&self) {
        self.session.revoked.cancelled().await;
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // After a revocation the id may already belong to a new session.
        if let Entry::Occupied(entry) = self.registry.live.write().entry(self.id)
            && Arc::ptr_eq(entry.get(), &self.session)
        {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> Caller {
        Caller { user: "ann".into(), connection_user: "ann".into() }
    }

    #[test]
    fn a_live_id_keeps_its_first_owner() {
        let registry = Arc::new(Registry::new(None));
        let id = Uuid::new_v4();
        let first = registry.open(id, ann()).unwrap();
        assert!(registry.open(id, Caller::default()).is_err());
        assert_eq!(registry.caller(id), Some(ann()));
        drop(first);
        assert_eq!(registry.caller(id), None);
        assert!(registry.open(id, Caller::default()).is_ok());
    }

    #[test]
    fn dropping_a_revoked_session_does_not_end_its_successor() {
        let registry = Arc::new(Registry::new(None));
        let id = Uuid::new_v4();
        let first = registry.open(id, Caller::default()).unwrap();
        registry.revoke_all();
        let _second = registry.open(id, ann()).unwrap();
        drop(first);
        assert_eq!(registry.caller(id), Some(ann()));
    }

    #[tokio::test]
    async fn an_idle_session_is_purged_and_told() {
        let registry = Arc::new(Registry::new(None));
        let live = registry.open(Uuid::new_v4(), ann()).unwrap();
        assert_eq!(registry.purge(Duration::from_secs(60)), 0);
        assert_eq!(registry.purge(Duration::ZERO), 1);
        live.revoked().await;
        assert_eq!(registry.len(), 0);
    }
}
