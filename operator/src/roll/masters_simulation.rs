//! Rolls against a model of a cluster in which the rest of the world does what it likes between two steps: pods
//! take long, leaders change, pods crash, edits come and go, the operator is killed and another one looks afresh.

use proptest::prelude::{
    Just, Strategy, TestCaseError, prop, prop_assert, prop_assert_eq, prop_assert_ne, prop_oneof, proptest,
};

use super::*;

const DEADLINE: Duration = Duration::from_secs(60);

/// A template that masters cannot start with.
const FATAL: u8 = 9;

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
            down_by_us: Vec::new(),
            touched: Vec::new(),
        };
        for ordinal in 0..count {
            cluster.create(ordinal);
            cluster.become_ready(ordinal);
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
            created: self.at(),
            terminating: false,
            ready: false,
            role: MasterRole::Unknown,
            failing: None,
        });
    }

    fn become_ready(&mut self, ordinal: u32) {
        let leads = !self.pods.iter().flatten().any(|pod| pod.role == MasterRole::Leader { serving: true });
        let Some(pod) = self.pods[ordinal as usize].as_mut() else { return };
        if pod.hash.as_deref() == Some(FATAL.to_string().as_str()) {
            return;
        }
        pod.ready = true;
        pod.role = match leads {
            true => MasterRole::Leader { serving: true },
            false => MasterRole::Standby { lag: Duration::ZERO },
        };
        self.down_by_us.retain(|down| *down != ordinal);
    }

    fn elect(&mut self, nth: usize) {
        let standbys: Vec<_> =
            self.pods.iter().flatten().filter(|pod| pod.ready && !pod.terminating).collect();
        if standbys.is_empty() {
            return;
        }
        let next = standbys[nth % standbys.len()].ordinal;
        for pod in self.pods.iter_mut().flatten().filter(|pod| pod.ready) {
            pod.role = match pod.ordinal == next {
                true => MasterRole::Leader { serving: true },
                false => MasterRole::Standby { lag: Duration::ZERO },
            };
        }
    }

    /// Ends, comes back, becomes ready: one step of one pod.
    fn progress(&mut self, nth: usize) {
        let moving: Vec<u32> = (0..self.count)
            .filter(|ordinal| {
                self.pods[*ordinal as usize].as_ref().is_none_or(|pod| pod.terminating || !pod.ready)
            })
            .collect();
        if moving.is_empty() {
            return;
        }
        let ordinal = moving[nth % moving.len()];
        match self.pods[ordinal as usize].as_ref() {
            None => self.create(ordinal),
            Some(pod) if pod.terminating => self.pods[ordinal as usize] = None,
            Some(_) => self.become_ready(ordinal),
        }
    }

    fn plan(&self) -> MastersPlan {
        let all = Masters {
            hash: self.hash.to_string(),
            count: self.count,
            current_count: self.count,
            template_observed: true,
            pods: self.pods.iter().flatten().cloned().collect(),
            strategy: crate::roll::Strategy::Rolling,
            now: self.at(),
            progress_deadline: DEADLINE,
            max_lag: Duration::ZERO,
            leaderless_since: None,
        };
        all.plan()
    }

    /// Acts on the plan, and checks what must hold for it.
    fn operator(&mut self) -> Result<(), TestCaseError> {
        let Step::Replace { pods, .. } = self.plan().step else { return Ok(()) };
        prop_assert_eq!(pods.len(), 1, "one at a time");
        let ordinal: u32 = pods[0].parse().unwrap();
        let current = self.hash.to_string();
        let victim = self.pods[ordinal as usize].clone().unwrap();
        prop_assert!(!victim.terminating, "a pod is not ended twice");
        prop_assert_ne!(victim.hash.as_deref(), Some(current.as_str()), "a pod that is as wanted stays");
        let others: Vec<_> = self.pods.iter().flatten().filter(|pod| pod.ordinal != ordinal).collect();
        if victim.ready {
            prop_assert_eq!(others.len(), self.count as usize - 1, "all the others exist");
            prop_assert!(others.iter().all(|pod| pod.ready && !pod.terminating), "all the others are well");
            prop_assert!(self.down_by_us.is_empty(), "never two down by us");
        }
        if victim.ready && matches!(victim.role, MasterRole::Leader { .. }) {
            let updated = |pod: &&Master| pod.hash.as_deref() == Some(current.as_str());
            prop_assert!(others.iter().all(updated), "the leader after the standbys");
        }
        if victim.ready {
            self.down_by_us.push(ordinal);
        }
        self.touched.push(ordinal);
        let pod = self.pods[ordinal as usize].as_mut().unwrap();
        (pod.terminating, pod.ready, pod.role) = (true, false, MasterRole::Unknown);
        if matches!(victim.role, MasterRole::Leader { .. }) {
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
                let ordinal = nth % self.count as usize;
                let led = self.pods[ordinal]
                    .as_ref()
                    .is_some_and(|pod| matches!(pod.role, MasterRole::Leader { .. }));
                if let Some(pod) = self.pods[ordinal].as_mut() {
                    (pod.ready, pod.role) = (false, MasterRole::Unknown);
                }
                if led {
                    self.elect(0);
                }
            }
            Event::Edit(hash) => self.hash = *hash,
            Event::Seconds(seconds) => self.now += i64::from(*seconds),
        }
        Ok(())
    }

    /// The world does its part, the operator its own, until nothing is left to do.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..200 {
            if self.plan().step == Step::Settled {
                return Ok(());
            }
            self.operator()?;
            self.progress(0);
        }
        Err(TestCaseError::fail(format!("never settled: {:?}", self.plan())))
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
        events in prop::collection::vec(
            prop_oneof![
                Just(Event::Operator), Just(Event::OperatorTwice),
                (0..8usize).prop_map(Event::Progress), (0..90u8).prop_map(Event::Seconds),
            ],
            0..80,
        ),
    ) {
        let mut cluster = Cluster::new(count);
        cluster.hash = FATAL;
        for event in &events {
            cluster.happen(event)?;
        }
        prop_assert!(cluster.touched.len() <= 1, "{:?}", cluster.touched);
        let leader = cluster.pods[0].as_ref().unwrap();
        prop_assert_eq!(leader.role, MasterRole::Leader { serving: true });
        cluster.hash = 0;
        cluster.settle()?;
        prop_assert!(cluster.touched.len() <= 2, "only the one that failed is replaced again");
    }
}
