//! The journal's format goes up when all masters read a newer one, and have done so for a while: until then each of them may go back to the
//! release before. The leader decides; standbys say what they read when they register.

use std::{sync::Arc, time::Duration};

use alluxio_conf::{Configuration, key};
use alluxio_election::{ZooKeeper, candidates};
use alluxio_fs::FsError;
use alluxio_journal::{FIRST_FORMAT, FORMAT_VERSION};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{mandate::Mandate, meta::Peers, namespace::Namespace};

/// From one look at the masters to the next. Only a leader that could write a newer format looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

pub(super) struct Raising {
    pub conf: Configuration,
    /// `host:port` of this master.
    pub address: String,
    pub standbys: Arc<Peers>,
    pub namespace: Arc<Namespace>,
    pub mandate: Mandate,
}

impl Raising {
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.raise()).await;
    }

    async fn raise(&self) {
        let journal = self.namespace.journal();
        let delay = self.conf.get(key::MASTER_JOURNAL_FORMAT_RAISE_DELAY).duration();
        let mut agreed = Agreed::default();
        while journal.format() < FORMAT_VERSION {
            let others = match self.others().await {
                Ok(others) => Some(others),
                Err(error) => {
                    tracing::debug!(%error, "who stands for election is not known");
                    None
                }
            };
            let target = others.and_then(|others| agreed.for_long(journal.format(), others, delay));
            if let Some(format) = target.filter(|_| self.mandate.is_valid()) {
                match journal.raise(format).await {
                    Ok(()) => tracing::info!(
                        format,
                        "the journal is written in this format from now on: older releases cannot go on with it"
                    ),
                    Err(error) => {
                        tracing::warn!(%error, format, "the journal's format was not raised; it is tried again")
                    }
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// All other masters, each with the newest format that it reads: those that stand for election, whether or not they have registered,
    /// and those that were registered not long ago, whether or not they stand.
    async fn others(&self) -> Result<Vec<Other>, FsError> {
        let listed = self.standbys.list().into_iter().map(|peer| Other {
            address: format!("{}:{}", peer.address.host(), peer.address.rpc_port()),
            reads: peer.journal_format.unwrap_or(FIRST_FORMAT),
        });
        let mut others: Vec<Other> = listed.collect();
        if self.conf.get(key::ZOOKEEPER_ENABLED) {
            for address in candidates(&ZooKeeper::of(&self.conf)?).await? {
                if address != self.address && !others.iter().any(|other| other.address == address) {
                    others.push(Other { address, reads: FIRST_FORMAT });
                }
            }
        }
        others.sort();
        Ok(others)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Other {
    address: String,
    reads: u32,
}

/// Since when the same masters have read the same.
#[derive(Default)]
struct Agreed(Option<(Vec<Other>, Instant)>);

impl Agreed {
    /// The format to go on to. `delay`: `None` is never.
    fn for_long(&mut self, written: u32, others: Vec<Other>, delay: Option<Duration>) -> Option<u32> {
        let target = others.iter().map(|other| other.reads).fold(FORMAT_VERSION, u32::min);
        let since = match self.0.take() {
            Some((known, since)) if known == others => since,
            _ => Instant::now(),
        };
        self.0 = Some((others, since));
        (target > written && since.elapsed() >= delay?).then_some(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(address: &str, reads: u32) -> Other {
        Other { address: address.to_owned(), reads }
    }

    /// As a release that reads one format more than the log has.
    const WRITTEN: u32 = FORMAT_VERSION - 1;

    #[tokio::test(start_paused = true)]
    async fn the_same_masters_must_have_read_it_for_the_whole_delay() {
        let delay = Some(Duration::from_secs(600));
        let mut agreed = Agreed::default();
        let new = || vec![other("a:1", FORMAT_VERSION), other("b:1", FORMAT_VERSION)];
        let step = async |agreed: &mut Agreed, others: Vec<Other>| {
            tokio::time::advance(Duration::from_secs(400)).await;
            agreed.for_long(WRITTEN, others, delay)
        };
        assert_eq!(step(&mut agreed, new()).await, None, "known just now");
        assert_eq!(step(&mut agreed, new()).await, None, "not for long");
        assert_eq!(step(&mut agreed, new()).await, Some(FORMAT_VERSION));
        // One is away for a moment: it may come back as the release before.
        assert_eq!(step(&mut agreed, new()[..1].to_vec()).await, None);
        assert_eq!(step(&mut agreed, new()).await, None);
        assert_eq!(step(&mut agreed, new()).await, None);
        assert_eq!(step(&mut agreed, new()).await, Some(FORMAT_VERSION));
        let old = || vec![other("a:1", WRITTEN), other("b:1", FORMAT_VERSION)];
        for _ in 0..5 {
            assert_eq!(step(&mut agreed, old()).await, None, "one does not read it");
        }
        assert_eq!(agreed.for_long(FORMAT_VERSION, new(), Some(Duration::ZERO)), None, "it is written");
        assert_eq!(agreed.for_long(WRITTEN, new(), None), None, "never");
        assert_eq!(agreed.for_long(WRITTEN, Vec::new(), Some(Duration::ZERO)), Some(FORMAT_VERSION), "alone");
    }
}
