//! What all reconciles share.

use std::{collections::HashMap, sync::Arc};

use k8s_openapi::{
    api::{core::v1::Node, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Client, Resource,
    api::{ObjectMeta, PostParams},
    runtime::reflector::Store,
};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::{
    apply::Contests,
    crd::{AlluxioCluster, PinnedImage},
    observe::{
        by_hand::ByHand,
        health::Health,
        lasting::Lasting,
        pulse::{ClusterKey, Pulse},
        quiet::Quiet,
        refused::Refused,
    },
    process::Metrics,
    status::{Occurrence, Severity},
};

/// The clusters of all watched namespaces. Clones are the same.
#[derive(Clone)]
pub struct Clusters(Arc<[Store<AlluxioCluster>]>);

impl Clusters {
    pub fn of(stores: impl IntoIterator<Item = Store<AlluxioCluster>>) -> Self {
        Self(stores.into_iter().collect())
    }

    pub fn state(&self) -> Vec<Arc<AlluxioCluster>> {
        self.0.iter().flat_map(Store::state).collect()
    }
}

/// The contests of each cluster.
#[derive(Default)]
pub struct Contested(Mutex<HashMap<ClusterKey, Contests>>);

impl Contested {
    pub fn of(&self, cluster: &ClusterKey) -> Contests {
        self.0.lock().entry(cluster.clone()).or_default().clone()
    }

    pub(super) fn forget(&self, cluster: &ClusterKey) {
        self.0.lock().remove(cluster);
    }
}

pub struct Context {
    /// Lets nothing out that changes something once the lease is lost.
    pub client: Client,
    pub health: Health,
    pub pulse: Pulse,
    pub quiet: Quiet,
    /// Which workers somebody took out of service.
    pub by_hand: ByHand,
    /// Which masters do not answer.
    pub silent: Lasting,
    /// What the masters' next step waits for.
    pub waits: Lasting,
    /// Which groups of workers have fewer pods than they shall have.
    pub missing: Lasting,
    /// One permit: a leader whose under storages hang shall not take more than one of the few places of reconciles.
    pub mounting: Semaphore,
    /// Which groups of workers have a set that would not make pods as they shall be.
    pub unseen: Lasting,
    /// Which pods a disruption budget does not let go.
    pub refused: Refused,
    /// Whose objects others change again and again.
    pub contests: Contested,
    pub metrics: Metrics,
    /// Who tells, in events.
    pub pod: String,
    /// `None` where the operator may not read nodes: then no node ever leaves a group, and cordons are not noticed.
    pub nodes: Option<Store<Node>>,
    /// The clusters that this operator looks after.
    pub clusters: Clusters,
    /// The images of the operator's own release.
    pub release: PinnedImage,
}

impl Context {
    /// Of an operator that looks after nothing yet and may not read nodes.
    #[cfg(test)]
    pub(crate) fn for_test(api: &crate::fake_api::FakeApi) -> Self {
        // A second test in the same process finds it installed.
        drop(rustls::crypto::ring::default_provider().install_default());
        let health = Health::new().unwrap();
        Self {
            client: api.client(),
            pulse: Pulse::new(health.clone()),
            health,
            quiet: Quiet::default(),
            by_hand: ByHand::default(),
            silent: Lasting::default(),
            waits: Lasting::default(),
            missing: Lasting::default(),
            mounting: Semaphore::new(1),
            unseen: Lasting::default(),
            refused: Refused::default(),
            contests: Contested::default(),
            metrics: Metrics::new().unwrap(),
            pod: "operator-0".to_owned(),
            nodes: None,
            clusters: Clusters::of([]),
            release: PinnedImage { repository: "r".to_owned(), tag: "t".to_owned() },
        }
    }

    /// What is kept in memory of a cluster that is gone.
    pub fn forget(&self, cluster: &ClusterKey) {
        self.pulse.forget(cluster);
        self.quiet.forget(cluster);
        self.by_hand.forget(cluster);
        self.silent.forget(cluster);
        self.waits.forget(cluster);
        self.missing.forget(cluster);
        self.unseen.forget(cluster);
        self.refused.forget(cluster);
        self.contests.forget(cluster);
    }

    pub async fn tell(&self, cluster: &AlluxioCluster, occurrences: &[Occurrence]) {
        tell(&self.client, cluster, occurrences, &self.pod).await;
    }
}

/// Tells what happened to the cluster; `pod` is who tells. An event that cannot be written is no reason to stop: what it tells stands in
/// the status, too. Each is an object of its own: kube's recorder would count a second leader change as the first one again.
pub(super) async fn tell(client: &Client, cluster: &AlluxioCluster, occurrences: &[Occurrence], pod: &str) {
    let namespace = cluster.metadata.namespace.clone().unwrap_or_default();
    let events: Api<Event> = Api::namespaced(client.clone(), &namespace);
    for occurrence in occurrences {
        let event = event(cluster, occurrence, pod, Timestamp::now());
        if let Err(error) = events.create(&PostParams::default(), &event).await {
            tracing::warn!(reason = occurrence.reason, %error, "the event was not written");
        }
    }
}

fn event(cluster: &AlluxioCluster, occurrence: &Occurrence, pod: &str, now: Timestamp) -> Event {
    let name = cluster.metadata.name.as_deref().unwrap_or_default();
    let severity = match occurrence.severity {
        Severity::Normal => "Normal",
        Severity::Warning => "Warning",
    };
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{name}.{:x}", now.as_nanosecond())),
            namespace: cluster.metadata.namespace.clone(),
            ..ObjectMeta::default()
        },
        type_: Some(severity.to_owned()),
        reason: Some(occurrence.reason.to_owned()),
        note: Some(shortened(&occurrence.note)),
        action: Some("Reconcile".to_owned()),
        regarding: Some(cluster.object_ref(&())),
        event_time: Some(MicroTime(now)),
        reporting_controller: Some("alluxio.org/operator".to_owned()),
        reporting_instance: Some(pod.to_owned()),
        ..Event::default()
    }
}

/// An event's note has at most 1 kB.
fn shortened(note: &str) -> String {
    let end = note.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= 1000).last();
    note[..end.unwrap_or(0)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn notes_fit() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(""), "");
        assert_eq!(shortened(&"ä".repeat(1000)).len(), 1000);
    }
}
