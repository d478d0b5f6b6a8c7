//! Rolls against a model of a cluster in which the rest of the world does what it likes between two steps: pods
//! take long, leaders change, pods crash or fall behind, ZooKeeper goes away, edits come and go, the operator is killed and
//! another one looks afresh.

use proptest::prelude::{
    Just, Strategy, TestCaseError, prop, prop_assert, prop_assert_eq, prop_assert_ne, prop_oneof, proptest,
};

use super::*;

const DEADLINE_SECONDS: i64 = 60;
const LEADS: MasterRole = MasterRole::Leader { serving: true };
const CUT_OFF: MasterRole = MasterRole::Leader { serving: false };
const FOLLOWS: MasterRole = MasterRole::Standby { lag: Duration::ZERO };
const BEHIND: MasterRole = MasterRole::Standby { lag: Duration::from_secs(60) };

/// Templates that masters do not become ready with: they crash, do not answer, or answer that they cannot follow.
const CRASHES: u8 = 7;
const HANGS: u8 = 8;
const NEVER_READY: u8 = 9;

#[derive(Clone, Debug)]
enum Event {
    /// The operator looks, and acts.
    Operator,
    /// It is killed after it acted on a part of what it saw: it acts, and the next one acts at once again.
    OperatorTwice,
    /// A pod that ended comes back; one that starts becomes ready. Which one: the n-th of those that can.
    Progress(usize),
    /// Another standby leads.
    Election(usize),
    Crash(usize),
    /// A standby is not ready any more, and says so.
    FallsBehind(usize),
    /// While it is away the leader does not serve and is not ready, and nobody else leads.
    ZooKeeper {
        away: bool,
    },
    Edit(u8),
    Seconds(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => Just(Event::Operator),
        2 => Just(Event::OperatorTwice),
        6 => (0..8usize).prop_map(Event::Progress),
        1 => (0..8usize).prop_map(Event::Election),
        1 => (0..8usize).prop_map(Event::Crash),
        2 => (0..8usize).prop_map(Event::FallsBehind),
        1 => (0..2u8).prop_map(|away| Event::ZooKeeper { away: away == 1 }),
        1 => (0..4u8).prop_map(Event::Edit),
        3 => (0..40u8).prop_map(Event::Seconds),
    ]
}

#[derive(Clone, Debug)]
struct Cluster {
    hash: u8,
    count: u32,
    now: i64,
    pods: Vec<Option<Master>>,
    zookeeper: bool,
    leaderless_since: Option<i64>,
    /// Pods that were ready when the operator took them away, and are not ready again.
    down_by_us: Vec<u32>,
    touched: Vec<u32>,
}

impl Cluster {
    fn new(count: u32) -> Self {
        let mut cluster = Self {
            hash: 0,
            count,
            now: 0,
            pods: vec![None; count as usize],
            zookeeper: true,
            leaderless_since: None,
            down_by_us: Vec::new(),
            touched: Vec::new(),
        };
        for ordinal in 0..count {
            cluster.create(ordinal);
            cluster.progress_of(ordinal);
            cluster.progress_of(ordinal);
        }
        cluster
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_second(self.now).unwrap()
    }

    fn create(&mut self, ordinal: u32) {
        self.pods[ordinal as usize] = Some(Master {
            pod: ordinal.to_string(),
            ordinal,
            hash: Some(self.hash.to_string()),
            terminating: false,
            ready: false,
            ready_changed: self.at(),
            started: false,
            role: MasterRole::Unknown,
            silent_since: Some(self.at()),
            failing: None,
        });
    }

    fn set(&mut self, ordinal: u32, ready: bool, role: MasterRole) {
        let now = self.at();
        let Some(pod) = self.pods[ordinal as usize].as_mut() else { return };
        if pod.ready != ready {
            (pod.ready, pod.ready_changed) = (ready, now);
        }
        pod.role = role;
        match role {
            MasterRole::Unknown => drop(pod.silent_since.get_or_insert(now)),
            _ => pod.silent_since = None,
        }
        if ready {
            self.down_by_us.retain(|down| *down != ordinal);
        }
    }

    fn leader(&self) -> Option<u32> {
        let mut leaders =
            self.pods.iter().flatten().filter(|pod| matches!(pod.role, MasterRole::Leader { .. }));
        leaders.next().map(|pod| pod.ordinal)
    }

    /// One of those that are ready leads, if ZooKeeper lets it.
    fn elect(&mut self, nth: usize) {
        let ready = |pod: &&Master| pod.ready && !pod.terminating;
        let ready: Vec<u32> = self.pods.iter().flatten().filter(ready).map(|pod| pod.ordinal).collect();
        if ready.is_empty() || !self.zookeeper {
            return;
        }
        if let Some(old) = self.leader() {
            self.set(old, true, FOLLOWS);
        }
        self.set(ready[nth % ready.len()], true, LEADS);
    }

    /// Ends, comes back, starts, becomes ready: one step of one pod.
    fn progress(&mut self, nth: usize) {
        let moving = |ordinal: &u32| {
            self.pods[*ordinal as usize].as_ref().is_none_or(|pod| pod.terminating || !pod.ready)
        };
        let moving: Vec<u32> = (0..self.count).filter(moving).collect();
        if let Some(ordinal) = moving.get(nth % moving.len().max(1)) {
            self.progress_of(*ordinal);
        }
    }

    fn progress_of(&mut self, ordinal: u32) {
        let Some(pod) = self.pods[ordinal as usize].as_mut() else { return self.create(ordinal) };
        if pod.terminating {
            self.pods[ordinal as usize] = None;
            return;
        }
        let hash: u8 = pod.hash.as_deref().unwrap().parse().unwrap();
        pod.started = true;
        match (hash, pod.role) {
            (CRASHES, _) => pod.failing = Some("CrashLoopBackOff".to_owned()),
            (HANGS, _) => {}
            (NEVER_READY, _) => self.set(ordinal, false, BEHIND),
            (_, CUT_OFF) => {}
            (_, MasterRole::Unknown) => self.set(ordinal, false, BEHIND),
            _ => {
                self.set(ordinal, true, FOLLOWS);
                if self.leader().is_none() {
                    self.elect(0);
                }
            }
        }
    }

    fn zookeeper(&mut self, away: bool) {
        self.zookeeper = !away;
        match (self.leader(), away) {
            (Some(leader), true) => self.set(leader, false, CUT_OFF),
            (Some(leader), false) => self.set(leader, true, LEADS),
            (None, _) => self.elect(0),
        }
    }

    fn seconds(&mut self, seconds: u8) {
        self.now += i64::from(seconds);
        self.leaderless_since = (!self.serves()).then(|| self.leaderless_since.unwrap_or(self.now));
    }

    fn serves(&self) -> bool {
        self.pods.iter().flatten().any(|pod| pod.role == LEADS)
    }

    fn leaderless(&self) -> Option<i64> {
        self.leaderless_since.filter(|_| !self.serves())
    }

    fn seen(&self) -> Masters {
        Masters {
            hash: self.hash.to_string(),
            count: self.count,
            current_count: self.count,
            template_observed: true,
            pods: self.pods.iter().flatten().cloned().collect(),
            strategy: crate::roll::Strategy::Rolling,
            now: self.at(),
            progress_deadline: Duration::from_secs(DEADLINE_SECONDS.cast_unsigned()),
            max_lag: Duration::ZERO,
            leaderless_since: self.leaderless().map(|since| Timestamp::from_second(since).unwrap()),
            ever_served: true,
        }
    }

    /// Acts on the plan, and checks what must hold for it.
    fn operator(&mut self) -> Result<(), TestCaseError> {
        let Step::Replace { pod, .. } = self.seen().plan().step else { return Ok(()) };
        let ordinal: u32 = pod.parse().unwrap();
        let current = self.hash.to_string();
        let updated = |pod: &Master| pod.hash.as_deref() == Some(current.as_str());
        let victim = self.pods[ordinal as usize].clone().unwrap();
        prop_assert!(!victim.terminating, "a pod is not ended twice");
        prop_assert!(!updated(&victim), "a pod that is as wanted stays");
        let others: Vec<_> = self.pods.iter().flatten().filter(|pod| pod.ordinal != ordinal).collect();
        prop_assert!(others.iter().all(|pod| !pod.terminating), "one at a time");
        let leaderless = self.leaderless().is_some_and(|since| self.now - since >= DEADLINE_SECONDS);
        let old = |since: Timestamp| self.now - since.as_second() >= DEADLINE_SECONDS;
        let given_up = |pod: &Master| !updated(pod) && !pod.ready && (leaderless || old(pod.ready_changed));
        let well = others.len() + 1 == self.count as usize
            && others.iter().all(|pod| pod.ready || given_up(pod))
            && (self.count == 1 || leaderless || self.serves());
        let no_master = !victim.ready
            && victim.role == MasterRole::Unknown
            && (!victim.started || victim.failing.is_some() || victim.silent_since.is_some_and(old));
        prop_assert!(well || no_master, "all the others are well, and somebody serves");
        if victim.ready {
            prop_assert!(self.down_by_us.is_empty(), "never two down by us: {:?}", self.down_by_us);
            self.down_by_us.push(ordinal);
        }
        if matches!(victim.role, MasterRole::Leader { .. }) {
            prop_assert!(others.iter().all(|pod| updated(pod)), "the leader after the standbys");
        }
        self.touched.push(ordinal);
        self.set(ordinal, false, MasterRole::Unknown);
        self.pods[ordinal as usize].as_mut().unwrap().terminating = true;
        if self.leader().is_none() {
            self.elect(0);
        }
        Ok(())
    }

    fn happen(&mut self, event: &Event) -> Result<(), TestCaseError> {
        match event {
            Event::Operator => self.operator()?,
            Event::OperatorTwice => {
                self.operator()?;
                self.operator()?;
            }
            Event::Progress(nth) => self.progress(*nth),
            Event::Election(nth) => self.elect(*nth),
            Event::Crash(nth) => {
                self.set((nth % self.count as usize) as u32, false, MasterRole::Unknown);
                if self.leader().is_none() {
                    self.elect(0);
                }
            }
            Event::FallsBehind(nth) => {
                let standbys = self.pods.iter().flatten().filter(|pod| pod.role == FOLLOWS);
                let standbys: Vec<u32> = standbys.map(|pod| pod.ordinal).collect();
                if let Some(ordinal) = standbys.get(nth % standbys.len().max(1)) {
                    self.set(*ordinal, false, BEHIND);
                }
            }
            Event::ZooKeeper { away } => self.zookeeper(*away),
            Event::Edit(hash) => self.hash = *hash,
            Event::Seconds(seconds) => self.seconds(*seconds),
        }
        Ok(())
    }

    /// The world does its part, the operator its own, until nothing is left to do.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        self.zookeeper(false);
        for look in 0..400 {
            if self.seen().plan().step == Step::Settled {
                return Ok(());
            }
            self.operator()?;
            self.progress(look);
            self.seconds(1);
        }
        Err(TestCaseError::fail(format!("never settled: {:?}", self.seen().plan())))
    }
}

proptest! {
    #[test]
    fn safe_at_each_step_and_done_in_the_end(
        count in prop_oneof![Just(1u32), Just(2), Just(3), Just(5)],
        events in prop::collection::vec(event(), 0..120),
    ) {
        let mut cluster = Cluster::new(count);
        for event in &events {
            cluster.happen(event)?;
        }
        cluster.settle()?;
        let hash = cluster.hash.to_string();
        prop_assert!(cluster.pods.iter().flatten().all(|pod| pod.hash.as_deref() == Some(hash.as_str())));
    }

    /// What cannot start costs one standby, whatever the operator does; the edit taken back, it is well again.
    #[test]
    fn a_fatal_edit_touches_one_standby_only(
        count in prop_oneof![Just(2u32), Just(3), Just(5)],
        edit in prop_oneof![Just(CRASHES), Just(HANGS), Just(NEVER_READY)],
        events in prop::collection::vec(
            prop_oneof![
                Just(Event::Operator), Just(Event::OperatorTwice),
                (0..8usize).prop_map(Event::Progress), (0..90u8).prop_map(Event::Seconds),
            ],
            0..80,
        ),
    ) {
        let mut cluster = Cluster::new(count);
        cluster.hash = edit;
        for event in &events {
            cluster.happen(event)?;
        }
        prop_assert!(cluster.touched.len() <= 1, "{:?}", cluster.touched);
        let leader = cluster.pods[0].as_ref().unwrap();
        prop_assert_eq!(leader.role, LEADS);
        cluster.hash = 0;
        cluster.settle()?;
        prop_assert!(cluster.touched.len() <= 2, "only the one that failed is replaced again");
    }

    /// While ZooKeeper is away, and for as long as anybody waits for it, an edit costs nothing.
    #[test]
    fn without_zookeeper_nobody_is_replaced(
        count in prop_oneof![Just(2u32), Just(3), Just(5)],
        nth in 0..8usize,
        looks in 1..12usize,
    ) {
        let mut cluster = Cluster::new(count);
        cluster.happen(&Event::Election(nth))?;
        cluster.zookeeper(true);
        cluster.hash = 1;
        for _ in 0..looks {
            cluster.operator()?;
            cluster.seconds(5);
        }
        prop_assert!(cluster.touched.is_empty(), "{:?}", cluster.touched);
        cluster.settle()?;
        prop_assert_ne!(cluster.touched.len(), 0);
    }
}
