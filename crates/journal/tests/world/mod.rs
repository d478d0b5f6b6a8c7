//! The masters, their clients, the store, and what must be true of them.

mod master;
mod record;
mod standby;

use std::sync::Arc;
use std::time::Duration;

use alluxio_journal::store::Store;
use alluxio_journal::store::mem::{Fencing, MemStore};
use alluxio_journal::{Existing, JournalError, JournalReader, ReadOptions, Result, Uuid, format};
use rand::Rng;
use rand::rngs::StdRng;

use self::master::Master;
use self::record::Ledger;
use self::standby::Standby;

const STANDBYS: usize = 2;

pub struct World {
    dice: StdRng,
    store: MemStore,
    ledger: Ledger,
    /// Masters that do not know yet that they have been overtaken; the process goes on.
    overtaken: Vec<Arc<Master>>,
    standbys: Vec<Standby>,
    fencing: Fencing,
}

impl World {
    pub async fn new(dice: StdRng, seed: u64, fencing: Fencing) -> Self {
        let store = MemStore::with(seed, fencing);
        format(&store, Uuid::from_u128(1), Existing::Keep).await.unwrap();
        let mut world = Self {
            dice,
            store,
            ledger: Ledger::default(),
            overtaken: Vec::new(),
            standbys: Vec::new(),
            fencing,
        };
        world.start_standbys();
        world
    }

    fn start_standbys(&mut self) {
        while self.standbys.len() < STANDBYS {
            self.standbys.push(Standby::start(self.store.clone(), self.ledger.clone()));
        }
    }

    pub async fn live(&mut self) {
        for _ in 0..self.dice.random_range(3..7) {
            let master = self.take_over().await;
            for _ in 0..self.dice.random_range(1..12) {
                self.step(&master).await;
                if self.store.crashed() {
                    break;
                }
            }
            self.end_life(master).await;
        }
        self.store.faults(|f| *f = Default::default());
        self.crash().await;
        let master = self.take_over().await;
        self.check_heals(&master).await;
        self.check_reader(&master).await;
        self.check_standbys(&master).await;
    }

    /// The next master: claims, seals, replays. The store may fail; a start that fails is tried again.
    async fn take_over(&mut self) -> Arc<Master> {
        for attempt in 0.. {
            if attempt == 8 {
                // So that even an unlucky seed gets on.
                self.store.faults(|f| *f = Default::default());
            }
            let standby = match self.dice.random_bool(0.5) {
                true => self.standbys.pop(),
                false => None,
            };
            let standby = match standby {
                Some(standby) => Some(standby.stop().await),
                None => None,
            };
            self.start_standbys();
            let roll_bytes = *[200, 1000, 1 << 20].get(self.dice.random_range(0..3)).unwrap();
            let start = |standby| Master::start(self.store.clone(), roll_bytes, &self.ledger, standby);
            let started = match self.dice.random_bool(0.2) {
                true => self.the_newer_of(tokio::join!(start(standby), start(None))),
                false => start(standby).await,
            };
            match started {
                Ok(master) => return Arc::new(master),
                Err(JournalError::Corrupt { file, offset, sequence, reason }) => {
                    panic!("{file} {offset} {sequence}: {reason}: nothing has damaged the journal")
                }
                Err(error @ (JournalError::Missing { .. } | JournalError::NotReplayed)) => panic!("{error}"),
                Err(_) if self.store.crashed() => self.crash().await,
                Err(_) => {}
            }
        }
        unreachable!("the loop ends with a master")
    }

    /// Of two that begin at the same time, the one with the lower term is overtaken, whether it knows or not.
    fn the_newer_of(&mut self, started: (Result<Master>, Result<Master>)) -> Result<Master> {
        let (newer, older) = match started {
            (Ok(one), Ok(other)) if one.term > other.term => (one, other),
            (Ok(one), Ok(other)) => (other, one),
            (Err(error @ JournalError::Corrupt { .. }), _)
            | (_, Err(error @ JournalError::Corrupt { .. })) => {
                return Err(error);
            }
            // It may have been overtaken by one that failed then; the next one will tell.
            (Ok(one), Err(_)) | (Err(_), Ok(one)) => {
                self.overtaken.push(Arc::new(one));
                return Err(JournalError::Closed);
            }
            (Err(error), Err(_)) => return Err(error),
        };
        self.overtaken.push(Arc::new(older));
        Ok(newer)
    }

    async fn step(&mut self, master: &Arc<Master>) {
        let choice = self.dice.random_range(0..100);
        tracing::info!(choice, operations = self.store.operations(), "step");
        match choice {
            0..45 => {
                let count = self.dice.random_range(1..10);
                let wait = self.dice.random_bool(0.7);
                let clients = master.clone().clients(&self.ledger, count);
                if wait {
                    for client in clients {
                        client.await.unwrap();
                    }
                }
            }
            45..55 => {
                let count = self.dice.random_range(1..4);
                for old in &self.overtaken {
                    drop(old.clone().clients(&self.ledger, count));
                    drop(tokio::spawn(old.clone().clean_up()));
                }
            }
            55..60 => drop(master.checkpoint().await),
            60..65 => drop(master.clone().clean_up().await),
            65..70 => drop(master.roll().await),
            70..75 => self.connect(master),
            75..90 => self.change_faults(),
            _ => tokio::time::sleep(Duration::from_millis(self.dice.random_range(1..3000))).await,
        }
    }

    /// A standby connects to a master, perhaps to one that has been overtaken.
    fn connect(&mut self, master: &Arc<Master>) {
        let standby = &self.standbys[self.dice.random_range(0..self.standbys.len())];
        let old = self.overtaken.first().filter(|_| self.dice.random_bool(0.2));
        if let Some(feeds) = standby.feeds() {
            let items = self.dice.random_range(1..100);
            tokio::spawn(old.unwrap_or(master).clone().feed(feeds, items));
        }
    }

    fn change_faults(&mut self) {
        let operations = self.store.operations();
        let dice = &mut self.dice;
        self.store.faults(|f| match dice.random_range(0..11) {
            0 => f.append_errors = dice.random_range(0..300),
            1 => f.sync_errors = dice.random_range(0..300),
            2 => f.change_errors = dice.random_range(0..200),
            3 => f.full = !f.full,
            4 => f.read_only = !f.read_only,
            5 => f.read_errors = dice.random_range(0..200),
            6 => f.stale = dice.random_range(0..700),
            7 => f.hangs = dice.random_range(0..100),
            8 => f.crash_at = Some(operations + dice.random_range(1..60)),
            _ => {
                let crash_at = f.crash_at;
                *f = Default::default();
                f.crash_at = crash_at;
            }
        });
    }

    async fn crash(&mut self) {
        self.store = self.store.restart();
        self.overtaken.clear();
        for standby in self.standbys.drain(..) {
            standby.stop().await;
        }
        self.start_standbys();
    }

    async fn end_life(&mut self, master: Arc<Master>) {
        let choice = self.dice.random_range(0..4);
        tracing::info!(choice, crashed = self.store.crashed(), "end of a life");
        match choice {
            _ if self.store.crashed() => self.crash().await,
            0 => self.crash().await,
            1 => {
                self.store.faults(|f| {
                    let crash_at = f.crash_at;
                    *f = Default::default();
                    f.crash_at = crash_at;
                });
                self.check_heals(&master).await;
                if master.shutdown().await.is_err() {
                    assert!(self.store.crashed(), "a shutdown fails only in a crash");
                    self.crash().await;
                }
            }
            // Paused, cut off, slow: it lives on beside its successor.
            _ => {
                self.overtaken.push(master);
                if self.overtaken.len() > 2 {
                    self.overtaken.remove(0);
                }
            }
        }
    }

    /// With the faults gone, all that was handed over becomes durable by itself.
    async fn check_heals(&mut self, master: &Arc<Master>) {
        tokio::time::sleep(Duration::from_secs(30)).await;
        if !self.store.crashed() {
            master.check_all_durable();
        }
    }

    /// Every standby that is connected, or can read the open segment, has all of it a second after it was written.
    async fn check_standbys(&mut self, master: &Arc<Master>) {
        master.roll().await.unwrap();
        tokio::time::sleep(Duration::from_secs(20)).await;
        if self.fencing == Fencing::Lease || self.dice.random_bool(0.5) {
            for standby in &self.standbys {
                tokio::spawn(master.clone().feed(standby.feeds().unwrap(), usize::MAX));
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        for client in master.clone().clients(&self.ledger, 3) {
            client.await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        for standby in self.standbys.drain(..) {
            assert_eq!(standby.state().len(), master.state().len());
            assert_eq!(standby.state(), master.state());
            assert!(
                standby.lag().is_some_and(|lag| lag <= Duration::from_millis(1001)),
                "{:?}",
                standby.lag()
            );
            standby.stop().await;
        }
    }

    /// What `readJournal` shows is the end of the same log.
    async fn check_reader(&mut self, master: &Arc<Master>) {
        // Where only closed segments are shown, the end of the log is told by the first of this master.
        for client in master.clone().clients(&self.ledger, 1) {
            client.await.unwrap();
        }
        master.roll().await.unwrap();
        let store: Arc<dyn Store> = Arc::new(self.store.clone());
        let mut reader = JournalReader::open(store, ReadOptions::default()).await.unwrap();
        let state = master.state();

        let mut last = None;
        while let Some(entry) = reader.next().await.unwrap() {
            assert_eq!(entry.payload, state[entry.sequence as usize - 1]);
            assert!(last.is_none_or(|last| entry.sequence == last + 1));
            last = Some(entry.sequence);
        }
        assert!(last.is_none_or(|last| last == state.len() as u64));
    }
}
