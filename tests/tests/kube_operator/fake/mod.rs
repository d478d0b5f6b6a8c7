//! What an API server without controllers and nodes lacks: pods of StatefulSets and DaemonSets, Jobs that end, disruption budgets that
//! are counted, claims that go, masters that say who leads, and a ZooKeeper that answers.

mod answers;
mod controllers;
mod kubelet;
mod play;
mod roles;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use alluxio_tests::ports::free_port;
use anyhow::Result;
use kube::Client;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// Addresses of masters in a namespace: two clusters with five, or a few with less.
const ADDRESSES: u8 = 12;

#[derive(Default)]
struct State {
    /// By cluster; chosen among the ready ones when there is none.
    leaders: BTreeMap<String, String>,
    /// The clusters that ever had one.
    led: BTreeSet<String>,
    term: u64,
    /// Answers by address.
    roles: BTreeMap<Ipv4Addr, Value>,
    /// How often masters were asked.
    asked: u64,
    addresses: BTreeMap<String, Ipv4Addr>,
    /// Pods with this in their image never become ready.
    fatal: Option<String>,
    /// Pods that do not come up until told.
    held: BTreeSet<String>,
    /// Pods that came up and are not ready now.
    unwell: BTreeSet<String>,
    /// What a Job says, and whether it completes; `None`: it goes on running.
    job: Option<(bool, String)>,
    /// The ids of Jobs that have ended: the watch may be behind.
    ended: BTreeSet<String>,
    nodes: Vec<String>,
    zookeeper_down: bool,
    faults: Vec<String>,
}

/// Acts until it is dropped.
pub struct Fake {
    state: Arc<Mutex<State>>,
    /// Told when a test has changed something.
    wake: Arc<Notify>,
    web_port: u16,
    zookeeper: String,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Fake {
    pub async fn start(client: Client, namespace: &str) -> Result<Self> {
        static NETWORKS: AtomicU8 = AtomicU8::new(1);
        let network = NETWORKS.fetch_add(1, Ordering::Relaxed);
        let formatted = json!({ "outcome": "formatted", "clusterId": format!("id-of-{namespace}") });
        let state = State {
            job: Some((true, formatted.to_string())),
            nodes: vec!["n1".to_owned(), "n2".to_owned()],
            ..State::default()
        };
        let (state, wake) = (Arc::new(Mutex::new(state)), Arc::new(Notify::new()));
        let web_port = free_port()?;
        let mut tasks = Vec::new();
        for host in 1..=ADDRESSES {
            let address = Ipv4Addr::new(127, 77, network, host);
            let listener = TcpListener::bind((address, web_port)).await?;
            tasks.push(tokio::spawn(answers::masters(listener, address, state.clone())));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let zookeeper = listener.local_addr()?.to_string();
        tasks.push(tokio::spawn(answers::zookeeper(listener, state.clone())));
        let play = play::Play { client, namespace: namespace.to_owned(), state: state.clone(), network };
        tasks.push(tokio::spawn(play.run(wake.clone())));
        Ok(Self { state, wake, web_port, zookeeper, tasks })
    }

    pub fn web_port(&self) -> u16 {
        self.web_port
    }

    pub fn zookeeper(&self) -> &str {
        &self.zookeeper
    }

    pub fn zookeeper_is_down(&self, down: bool) {
        self.state.lock().zookeeper_down = down;
    }

    /// Pods with this in their image do not become ready.
    pub fn fatal(&self, image: &str) {
        self.change(|state| state.fatal = Some(image.to_owned()));
    }

    /// What a Job's container leaves as its last word, and whether the Job completes; `None`: it goes on running.
    pub fn job(&self, says: Option<(bool, Value)>) {
        self.change(|state| state.job = says.map(|(complete, word)| (complete, word.to_string())));
    }

    /// These are there, instead of `n1` and `n2`.
    pub fn nodes(&self, names: &[&str]) {
        self.change(|state| state.nodes = names.iter().map(|&name| name.to_owned()).collect());
    }

    /// Another one leads from now on, without any pod ending.
    pub fn elect(&self, pod: &str) {
        self.change(|state| {
            if let Some((cluster, _)) = pod.rsplit_once("-masters-") {
                state.leaders.insert(cluster.to_owned(), pod.to_owned());
            }
            state.term += 1;
        });
    }

    /// A pod of that name that has not come up does not, until told.
    pub fn hold(&self, pod: &str, held: bool) {
        self.change(|state| {
            if held {
                state.held.insert(pod.to_owned())
            } else {
                state.held.remove(pod)
            };
        });
    }

    /// The pod of that name is not ready, though it answers.
    pub fn unwell(&self, pod: &str, unwell: bool) {
        self.change(|state| {
            if unwell {
                state.unwell.insert(pod.to_owned())
            } else {
                state.unwell.remove(pod)
            };
        });
    }

    /// How often masters were asked for their role.
    pub fn asked(&self) -> u64 {
        self.state.lock().asked
    }

    /// What the API server refused of what was played: a fault of the test, or of the objects.
    pub fn faults(&self) -> Vec<String> {
        self.state.lock().faults.clone()
    }

    /// What was refused up to now is no fault: the API server was away.
    pub fn forgive(&self) {
        self.state.lock().faults.clear();
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
        self.wake.notify_one();
    }
}
