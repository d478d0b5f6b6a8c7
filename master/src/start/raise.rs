//! The journal's format goes up when all masters read a newer one, and have done so for a while: until then each of them may go back to the
//! release before. The leader decides; standbys say what they read when they register.

use std::{sync::Arc, time::Duration};

use alluxio_conf::{Configuration, key};
use alluxio_election::{ZooKeeper, candidates};
use alluxio_fs::FsError;
use alluxio_journal::{FIRST_FORMAT, FORMAT_VERSION};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    mandate::Mandate,
    meta::{Peer, Peers},
    namespace::Namespace,
};

/// From one look at the registered masters to the next. Only a leader that could write a newer format looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// From one question to ZooKeeper to the next, while nothing is due: each is a session of its own.
const ASK_EVERY: Duration = Duration::from_secs(60);

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
        let rule = Rule {
            masters: usize::try_from(self.conf.get(key::MASTER_JOURNAL_FORMAT_RAISE_MIN_MASTERS))
                .unwrap_or(usize::MAX),
            delay: self.conf.get(key::MASTER_JOURNAL_FORMAT_RAISE_DELAY).duration(),
        };
        let mut agreed = Agreed::default();
        let mut asked = None;
        while journal.format() < FORMAT_VERSION {
            if let Some(format) =
                self.agree(&rule, &mut agreed, &mut asked).await.filter(|_| self.mandate.is_valid())
            {
                // The journal says when it has been raised.
                if let Err(error) = journal.raise(format).await {
                    tracing::warn!(%error, format, "the journal's format was not raised; it is tried again");
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// The format to go on to now. `asked`: who stood for election when ZooKeeper was last asked.
    async fn agree(&self, rule: &Rule, agreed: &mut Agreed, asked: &mut Option<Asked>) -> Option<u32> {
        let written = self.namespace.journal().format();
        let registered = self.registered();
        // One of those who say what they read does not read it: no need to ask for the others.
        if newest(&registered) <= written {
            *agreed = Agreed::default();
            return None;
        }
        if !self.conf.get(key::ZOOKEEPER_ENABLED) {
            return agreed.for_long(written, registered, rule);
        }
        if let Some(known) = asked.as_ref().filter(|known| known.at.elapsed() < ASK_EVERY) {
            agreed.for_long(written, known.others(registered.clone()), rule)?;
        }
        // It is due, or it is time to look again.
        match self.ask().await {
            Ok(now) => agreed.for_long(written, asked.insert(now).others(registered), rule),
            Err(error) => {
                tracing::debug!(%error, "who stands for election is not known");
                *agreed = Agreed::default();
                None
            }
        }
    }

    /// The masters that were registered not long ago, whether or not they stand for election.
    fn registered(&self) -> Vec<Other> {
        let other = |peer: Peer| Other {
            address: format!("{}:{}", peer.address.host(), peer.address.rpc_port()),
            reads: peer.journal_format.unwrap_or(FIRST_FORMAT),
        };
        self.standbys.list().into_iter().map(other).collect()
    }

    async fn ask(&self) -> Result<Asked, FsError> {
        let mut candidates = candidates(&ZooKeeper::of(&self.conf)?).await?;
        candidates.retain(|address| *address != self.address);
        Ok(Asked { candidates, at: Instant::now() })
    }
}

/// The other masters that stand for election.
struct Asked {
    candidates: Vec<String>,
    at: Instant,
}

impl Asked {
    /// All other masters. One that stands and has not registered does not say what it reads.
    fn others(&self, mut registered: Vec<Other>) -> Vec<Other> {
        for address in &self.candidates {
            if !registered.iter().any(|other| other.address == *address) {
                registered.push(Other { address: address.clone(), reads: FIRST_FORMAT });
            }
        }
        registered
    }
}

/// Another master, with the newest format that it reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Other {
    address: String,
    reads: u32,
}

/// What all of them and this one read.
fn newest(others: &[Other]) -> u32 {
    others.iter().map(|other| other.reads).fold(FORMAT_VERSION, u32::min)
}

struct Rule {
    /// How many masters there must be. One that is away is in no list, and may come back as the release before.
    masters: usize,
    /// How long they must have read it; `None` is never.
    delay: Option<Duration>,
}

/// Since when the same masters have read the same.
#[derive(Default)]
struct Agreed(Option<(Vec<Other>, Instant)>);

impl Agreed {
    /// The format to go on to.
    fn for_long(&mut self, written: u32, mut others: Vec<Other>, rule: &Rule) -> Option<u32> {
        others.sort();
        let target = newest(&others);
        let enough = others.len() + 1 >= rule.masters;
        let since = match self.0.take() {
            Some((known, since)) if known == others => since,
            _ => Instant::now(),
        };
        self.0 = Some((others, since));
        (target > written && enough && since.elapsed() >= rule.delay?).then_some(target)
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
        let rule = Rule { masters: 1, delay: Some(Duration::from_secs(600)) };
        let mut agreed = Agreed::default();
        let new = || vec![other("a:1", FORMAT_VERSION), other("b:1", FORMAT_VERSION)];
        let step = async |agreed: &mut Agreed, others: Vec<Other>| {
            tokio::time::advance(Duration::from_secs(400)).await;
            agreed.for_long(WRITTEN, others, &rule)
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
        let at_once = |masters| Rule { masters, delay: Some(Duration::ZERO) };
        assert_eq!(agreed.for_long(FORMAT_VERSION, new(), &at_once(3)), None, "it is written");
        assert_eq!(agreed.for_long(WRITTEN, new(), &Rule { masters: 3, delay: None }), None, "never");
        assert_eq!(agreed.for_long(WRITTEN, Vec::new(), &at_once(1)), Some(FORMAT_VERSION), "alone");
        assert_eq!(agreed.for_long(WRITTEN, new(), &at_once(3)), Some(FORMAT_VERSION), "all three");
        assert_eq!(agreed.for_long(WRITTEN, new()[..1].to_vec(), &at_once(3)), None, "one is away");
    }

    #[test]
    fn who_stands_and_does_not_say_what_it_reads_reads_the_first() {
        let asked = Asked { candidates: vec!["a:1".into(), "c:1".into()], at: Instant::now() };
        let others = asked.others(vec![other("a:1", FORMAT_VERSION), other("b:1", FORMAT_VERSION)]);
        assert_eq!(others.len(), 3);
        assert_eq!(newest(&others), FIRST_FORMAT);
    }
}
