//! A bounded memory of group answers.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{GroupError, GroupLookup};

/// Users remembered at once. Each costs some hundred bytes; user names come from clients, so there
/// must be a bound.
const CAPACITY: usize = 10_000;

/// Keeps the answers of another lookup for a while. Two callers that miss at the same time both
/// ask: the answers are the same, and nobody waits for somebody else's slow lookup.
pub struct CachedGroups<L> {
    inner: L,
    ttl: Duration,
    known: Mutex<HashMap<String, Answer>>,
}

/// When it was asked for, and what came.
type Answer = (Instant, Arc<[String]>);

impl<L> CachedGroups<L> {
    pub fn new(inner: L, ttl: Duration) -> Self {
        Self { inner, ttl, known: Mutex::new(HashMap::new()) }
    }

    fn fresh(&self, user: &str) -> Option<Arc<[String]>> {
        let known = self.known.lock();
        let (asked, groups) = known.get(user)?;
        (asked.elapsed() < self.ttl).then(|| Arc::clone(groups))
    }

    fn remember(&self, user: &str, groups: &Arc<[String]>) {
        let mut known = self.known.lock();
        if known.len() >= CAPACITY && !known.contains_key(user) {
            known.retain(|_, (asked, _)| asked.elapsed() < self.ttl);
            if known.len() >= CAPACITY {
                // All are fresh: start over rather than grow or keep an order for this rare case.
                known.clear();
            }
        }
        known.insert(user.to_owned(), (Instant::now(), Arc::clone(groups)));
    }
}

#[async_trait]
impl<L: GroupLookup> GroupLookup for CachedGroups<L> {
    async fn groups(&self, user: &str) -> Result<Arc<[String]>, GroupError> {
        if let Some(groups) = self.fresh(user) {
            return Ok(groups);
        }
        let groups = self.inner.groups(user).await?;
        self.remember(user, &groups);
        Ok(groups)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    #[async_trait]
    impl GroupLookup for Counting {
        async fn groups(&self, user: &str) -> Result<Arc<[String]>, GroupError> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(Arc::new([format!("{user}s")]))
        }
    }

    #[tokio::test]
    async fn a_fresh_answer_is_not_asked_for_again() {
        let cache = CachedGroups::new(Counting::default(), Duration::from_secs(60));
        for _ in 0..3 {
            assert_eq!(*cache.groups("ann").await.unwrap(), ["anns".to_owned()]);
        }
        assert_eq!(cache.inner.0.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_stale_answer_is_asked_for_again() {
        let cache = CachedGroups::new(Counting::default(), Duration::ZERO);
        cache.groups("ann").await.unwrap();
        cache.groups("ann").await.unwrap();
        assert_eq!(cache.inner.0.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn it_forgets_rather_than_grows() {
        let cache = CachedGroups::new(Counting::default(), Duration::from_secs(60));
        for n in 0..=CAPACITY {
            cache.groups(&n.to_string()).await.unwrap();
        }
        assert!(cache.known.lock().len() <= CAPACITY);
    }
}
