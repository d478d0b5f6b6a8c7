//! Asks the leader which blocks may be evicted.
//!
//! A leader of the original does not know the question. With it this worker does as one of the original: it
//! evicts what the leader's list of pinned files does not hold. That list has the files to be persisted, too.

use super::{MasterLink, Registered, Registration};
use crate::store::{EvictionGate, GateError, Moment, Verdict};
use alluxio_fs::{ErrorKind, ids};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::{collections::HashSet, sync::Arc, time::Duration};

/// A leader of the original promises nothing. The store looks at its newest list again before each eviction;
/// this only bounds how old the look may be that chose the block.
const GOOD_BY_PINS: Duration = Duration::from_secs(60);

/// See the module.
pub struct LeaderGate {
    link: MasterLink,
    registered: Registered,
    /// The registration whose leader turned out to be one of the original.
    of_the_original: Mutex<Option<Registration>>,
    pins: Mutex<Option<Pins>>,
}

/// The newest list of pinned files, and the registration in which it came.
struct Pins {
    registration: Registration,
    files: Arc<HashSet<i64>>,
}

impl LeaderGate {
    pub fn new(link: MasterLink, registered: Registered) -> LeaderGate {
        LeaderGate { link, registered, of_the_original: Mutex::default(), pins: Mutex::default() }
    }

    /// What could be evicted, for other purposes than that. The leader does not stand by it.
    pub async fn look(&self, blocks: &[i64]) -> Result<Verdict, GateError> {
        let registration = self.registration()?;
        self.ask(registration, blocks, true).await?.ok_or(GateError::OfTheOriginal)
    }

    /// The list of pinned files has come.
    pub fn pinned(&self, registration: Registration, files: Arc<HashSet<i64>>) {
        *self.pins.lock() = Some(Pins { registration, files });
    }

    /// A leader that does not know this worker knows nothing of its blocks.
    fn registration(&self) -> Result<Registration, GateError> {
        let current = self.registered.current();
        current.ok_or_else(|| GateError::NoAnswer("this worker is not registered".into()))
    }

    /// `None` when the leader does not know the question. It is asked once in a registration then.
    async fn ask(
        &self,
        registration: Registration,
        blocks: &[i64],
        looking: bool,
    ) -> Result<Option<Verdict>, GateError> {
        if *self.of_the_original.lock() == Some(registration) {
            return Ok(None);
        }
        // The leader's time begins when it looks, which is later.
        let asked = Moment::now();
        let answer = self.link.may_evict(registration.id, blocks, looking).await;
        let Some(answer) = answer.map_err(|error| GateError::NoAnswer(error.to_string()))? else {
            if self.of_the_original.lock().replace(registration) != Some(registration) {
                tracing::info!("the master is one of Alluxio 2.9: all but pinned files may be evicted");
            }
            return Ok(None);
        };
        Ok(Some(Verdict {
            good_until: asked.after(Duration::from_millis(answer.valid_ms.unwrap_or(0))),
            evictable: answer.evictable.into_iter().collect(),
            not_persisted: answer.not_persisted.into_iter().collect(),
            pinned: answer.pinned.into_iter().collect(),
            by_pins_only: false,
        }))
    }

    fn by_pins(&self, registration: Registration, blocks: &[i64]) -> Result<Verdict, GateError> {
        let pins = self.pins.lock();
        let files = pins.as_ref().filter(|pins| pins.registration == registration).map(|pins| &pins.files);
        let files =
            files.ok_or_else(|| GateError::NoAnswer("its list of pinned files has not come yet".into()))?;
        let free = |block: &&i64| !files.contains(&ids::file_id_of_block(**block));
        Ok(Verdict {
            good_until: Moment::now().after(GOOD_BY_PINS),
            evictable: blocks.iter().filter(free).copied().collect(),
            not_persisted: HashSet::new(),
            pinned: HashSet::new(),
            by_pins_only: true,
        })
    }
}

#[async_trait]
impl EvictionGate for LeaderGate {
    async fn may_evict(&self, blocks: &[i64]) -> Result<Verdict, GateError> {
        let registration = self.registration()?;
        match self.ask(registration, blocks, false).await? {
            Some(verdict) => Ok(verdict),
            None => self.by_pins(registration, blocks),
        }
    }

    async fn is_persisted(&self, block: i64) -> bool {
        match self.link.file_info(ids::file_id_of_block(block)).await {
            Ok(info) => info.persistence_state.as_deref() == Some("PERSISTED"),
            Err(error) => error.kind == ErrorKind::NotFound,
        }
    }
}
