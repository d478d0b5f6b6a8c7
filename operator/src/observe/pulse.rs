//! Looks at the masters of every cluster once a second, and at ZooKeeper every five, so that a new leader is noticed at once. It
//! changes nothing: what it sees otherwise than the time before has the cluster reconciled.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, channel::mpsc, future::join_all};
use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::{health::Health, zookeeper};
use crate::roll::MasterRole;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Pause between two questions to ZooKeeper.
const ZOOKEEPER_PAUSE: Duration = Duration::from_secs(5);

/// So many clusters are looked at at the same time.
const AT_ONCE: usize = 256;

/// Which cluster, for the one who is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClusterKey {
    pub namespace: String,
    pub name: String,
}

/// A master's pod and where to ask it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub pod: String,
    pub host: String,
    pub port: u16,
}

/// What matters about a master: not its lag, which is another one each second.
type Seen = BTreeMap<String, Option<(bool, u64)>>;

/// What is looked at for a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    pub masters: Vec<Target>,
    /// `host:port` of the ensemble; empty without one.
    pub zookeeper: Vec<String>,
}

impl Targets {
    /// The servers by the names under which a cluster of this namespace has them.
    fn ensemble(&self, namespace: &str) -> Option<Vec<zookeeper::Server>> {
        let servers: Vec<_> =
            self.zookeeper.iter().map(|address| zookeeper::server(address, namespace)).collect();
        (!servers.is_empty()).then_some(servers)
    }
}

#[derive(Default)]
struct Watched {
    targets: Targets,
    seen: Option<Seen>,
    /// Whether ZooKeeper answered.
    answers: Option<bool>,
}

/// Clones are the same.
#[derive(Clone)]
pub struct Pulse {
    health: Health,
    clusters: Arc<Mutex<HashMap<ClusterKey, Watched>>>,
    /// There is an ensemble that was not asked yet.
    unasked: Arc<Notify>,
}

impl Pulse {
    pub fn new(health: Health) -> Self {
        Self { health, clusters: Arc::default(), unasked: Arc::default() }
    }

    /// From now on these are looked at.
    pub fn watch(&self, cluster: ClusterKey, targets: Targets) {
        let mut clusters = self.clusters.lock();
        let watched = clusters.entry(cluster).or_default();
        if watched.targets.zookeeper != targets.zookeeper {
            watched.answers = None;
            self.unasked.notify_one();
        }
        watched.targets = targets;
    }

    pub fn forget(&self, cluster: &ClusterKey) {
        self.clusters.lock().remove(cluster);
    }

    /// Whether its ZooKeeper answers; `None` when it was not asked yet, or there is none.
    pub fn zookeeper(&self, cluster: &ClusterKey) -> Option<bool> {
        self.clusters.lock().get(cluster)?.answers
    }

    /// Looks again and again; sends each cluster in which something changed. Ends when nobody listens.
    pub async fn run(self, changed: mpsc::Sender<ClusterKey>) {
        // An ensemble that is cut off keeps its question for long; masters must not wait for that.
        let masters = async {
            while self.send(self.look().await, &changed) {
                sleep(PAUSE).await;
            }
        };
        let zookeeper = async {
            while self.send(self.look_at_zookeeper().await, &changed) {
                sleep(PAUSE).await;
                // Either way they are asked again.
                let _ = timeout(ZOOKEEPER_PAUSE - PAUSE, self.unasked.notified()).await;
            }
        };
        tokio::join!(masters, zookeeper);
    }

    /// Whether anybody listens.
    fn send(&self, clusters: Vec<ClusterKey>, changed: &mpsc::Sender<ClusterKey>) -> bool {
        for cluster in clusters {
            match changed.clone().try_send(cluster.clone()) {
                Ok(()) => {}
                Err(error) if error.is_disconnected() => return false,
                // It counts as not seen yet, so the next look sends it again.
                Err(_) => self.unsee(&cluster),
            }
        }
        !changed.is_closed()
    }

    /// The clusters in which a master is not as it was at the last look.
    async fn look(&self) -> Vec<ClusterKey> {
        let looks = self.all().into_iter().map(|(cluster, targets)| async move {
            let asked = targets.masters.iter().map(|target| self.ask(target));
            let seen = join_all(asked).await.into_iter().collect();
            (cluster, targets, seen)
        });
        let looks: Vec<(_, _, Seen)> = futures::stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
        let mut clusters = self.clusters.lock();
        let changed = looks.into_iter().filter_map(|(key, targets, seen)| {
            // Other targets in the meantime: the next look is the first of these.
            let watched = clusters.get_mut(&key).filter(|watched| watched.targets == targets)?;
            let before = watched.seen.replace(seen);
            (before != watched.seen).then_some(key)
        });
        changed.collect()
    }

    /// The clusters whose ZooKeeper answers, and did not, or the other way round. Clusters with the same one share the question.
    async fn look_at_zookeeper(&self) -> Vec<ClusterKey> {
        let all = self.all();
        let ensembles: BTreeSet<_> =
            all.iter().filter_map(|(key, targets)| targets.ensemble(&key.namespace)).collect();
        let asked = ensembles.into_iter().map(|ensemble| async move {
            let answers = zookeeper::reachable(&ensemble).await;
            (ensemble, answers)
        });
        let answers: BTreeMap<_, _> = join_all(asked).await.into_iter().collect();
        let mut clusters = self.clusters.lock();
        let changed = all.into_iter().filter_map(|(key, targets)| {
            // Masters may have come and gone meanwhile: that is nothing to ZooKeeper.
            let same = |watched: &&mut Watched| watched.targets.zookeeper == targets.zookeeper;
            let watched = clusters.get_mut(&key).filter(same)?;
            let now = targets.ensemble(&key.namespace).and_then(|ensemble| answers.get(&ensemble)).copied();
            let before = std::mem::replace(&mut watched.answers, now);
            (before != now).then_some(key)
        });
        changed.collect()
    }

    fn all(&self) -> Vec<(ClusterKey, Targets)> {
        self.clusters.lock().iter().map(|(key, watched)| (key.clone(), watched.targets.clone())).collect()
    }

    fn unsee(&self, cluster: &ClusterKey) {
        if let Some(watched) = self.clusters.lock().get_mut(cluster) {
            (watched.seen, watched.answers) = (None, None);
        }
    }

    async fn ask(&self, target: &Target) -> (String, Option<(bool, u64)>) {
        let answer = self.health.role(&target.host, target.port).await;
        let seen = answer.map(|answer| (answer.role() == MasterRole::Leader { serving: true }, answer.term));
        (target.pod.clone(), seen)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use axum::{Json, Router, routing::get};
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn tells_when_another_serves_and_not_otherwise() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let leads = Arc::new(AtomicBool::new(false));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = leads.clone();
        let role = get(move || async move {
            let role = if shared.load(Ordering::Acquire) { "PRIMARY" } else { "STANDBY" };
            Json(json!({ "role": role, "serving": role == "PRIMARY", "lagMs": rand_lag() }))
        });
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/role", role)).await });

        let pulse = Pulse::new(Health::new().unwrap());
        let key = ClusterKey { namespace: "n".to_owned(), name: "a".to_owned() };
        let masters = vec![Target { pod: "a-master-0".to_owned(), host: "127.0.0.1".to_owned(), port }];
        let targets = Targets { masters, zookeeper: vec![format!("127.0.0.1:{port}")] };
        pulse.watch(key.clone(), targets.clone());
        assert_eq!(pulse.look().await, std::slice::from_ref(&key), "the first look");
        assert_eq!(pulse.look().await, []);
        leads.store(true, Ordering::Release);
        assert_eq!(pulse.look().await, std::slice::from_ref(&key));
        pulse.watch(key.clone(), targets.clone());
        assert_eq!(pulse.look().await, [], "the same targets are nothing new");
        pulse.unsee(&key);
        assert_eq!(pulse.look().await, std::slice::from_ref(&key), "what could not be told is told again");
        assert_eq!(pulse.zookeeper(&key), None, "not asked yet");
        let fewer = Targets { masters: Vec::new(), ..targets };
        let (changed, ()) =
            tokio::join!(pulse.look_at_zookeeper(), async { pulse.watch(key.clone(), fewer) });
        assert_eq!(
            changed,
            std::slice::from_ref(&key),
            "a port of HTTP is none of ZooKeeper, whatever masters do"
        );
        assert_eq!(pulse.look_at_zookeeper().await, []);
        assert_eq!(pulse.zookeeper(&key), Some(false));
        pulse.forget(&key);
        assert_eq!(pulse.look().await, []);
    }

    fn rand_lag() -> u64 {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos().into()
    }
}
