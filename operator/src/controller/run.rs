//! What is watched, and what a change of it leads to.

use std::sync::Arc;

use futures::{FutureExt, StreamExt, channel::mpsc, future::select_all};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{DaemonSet, StatefulSet},
        batch::v1::Job,
        core::v1::{ConfigMap, Node, Pod, Service, ServiceAccount},
        policy::v1::PodDisruptionBudget,
    },
};
use kube::{
    Api, Client, Resource, ResourceExt,
    runtime::{
        Config, Controller,
        controller::Error,
        reflector::{ObjectRef, Store},
        watcher,
    },
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{
    Context,
    context::{Clusters, Contested},
    nodes,
    reconcile::{after_failure, reconcile},
    selectors,
};
use crate::{
    act::while_it_lasts,
    build::INSTANCE,
    crd::{AlluxioCluster, PinnedImage},
    lease::Tenure,
    observe::{
        by_hand::ByHand, health::Health, lasting::Lasting, pulse::Pulse, quiet::Quiet, refused::Refused,
    },
    process::{Metrics, Namespaces},
};

/// So many clusters are reconciled at the same time. More would take longer each, not be done sooner: each keeps several requests under way, and
/// a small API server is busy with that many. (Of 200 new clusters on two processors with 8 at a time 90 of 100 reconciles took up to 2.5 s, with 3
/// 99 up to 1 s, and all were available as soon.)
const AT_ONCE: u16 = 3;

/// Several changes within that time lead to one reconcile.
const DEBOUNCE: std::time::Duration = std::time::Duration::from_millis(200);

/// So long nothing is done before the nodes are known.
const NODES_LISTED: std::time::Duration = std::time::Duration::from_secs(60);

/// Who is told of changed clusters may be this far behind.
const PULSES: usize = 1024;

/// What the controllers of all namespaces share.
#[derive(Clone)]
pub struct Parts {
    pub client: Client,
    pub health: Health,
    pub metrics: Metrics,
    pub pod: String,
    pub release: PinnedImage,
    /// Of this operator.
    pub tenure: Tenure,
}

/// Looks after clusters until `stop`, and ends the reconciles under way before it returns.
pub async fn run(parts: Parts, namespaces: &Namespaces, stop: CancellationToken) {
    let places: Vec<Option<&str>> = match namespaces {
        Namespaces::All => vec![None],
        Namespaces::Only(names) => names.iter().map(|name| Some(name.as_str())).collect(),
    };
    let controllers: Vec<_> = places.iter().map(|place| controller(&parts.client, *place)).collect();
    let clusters = Clusters::of(controllers.iter().map(Controller::store));
    // One sign is as good as many.
    let (tell, changes): (Vec<_>, Vec<_>) = places.iter().map(|_| mpsc::channel(1)).unzip();
    let (nodes, watch) = match nodes::watch(parts.client.clone(), parts.metrics.clone(), tell).await {
        Some((nodes, watch)) => (Some(nodes), watch.left_future()),
        None => (None, std::future::pending().right_future()),
    };
    let mut running: Vec<_> = controllers
        .into_iter()
        .zip(changes)
        .map(|(controller, changes)| {
            let seen = Seen { clusters: clusters.clone(), nodes: nodes.clone(), changes };
            one(parts.clone(), controller, seen, stop.clone()).boxed()
        })
        .collect();
    let all = async {
        if let Some(nodes) = &nodes {
            known(nodes, &stop).await;
        }
        // All end with `stop`; one that ends before is a fault, and takes the others along.
        while !running.is_empty() {
            let (_, _, rest) = select_all(running).await;
            stop.cancel();
            running = rest;
        }
    };
    // The watch never ends by itself.
    tokio::select! { () = all => {}, () = watch => {} }
}

/// Waits until all nodes were listed: a worker's node that nobody knows yet is no reason for anything. Not for ever, since clusters
/// without their nodes are better looked after than none.
async fn known(nodes: &Store<Node>, stop: &CancellationToken) {
    tokio::select! {
        listed = tokio::time::timeout(NODES_LISTED, nodes.wait_until_ready()) => {
            if !matches!(listed, Ok(Ok(()))) {
                tracing::warn!("the nodes cannot be listed: until they are, no worker leaves and none is put back");
            }
        }
        () = stop.cancelled() => {}
    }
}

fn controller(client: &Client, namespace: Option<&str>) -> Controller<AlluxioCluster> {
    let ours = watcher::Config::default().labels(&selectors::ours());
    Controller::new(api::<AlluxioCluster>(client, namespace), watcher::Config::default())
        .with_config(Config::default().concurrency(AT_ONCE).debounce(DEBOUNCE))
        .owns(api::<StatefulSet>(client, namespace), ours.clone())
        .owns(api::<DaemonSet>(client, namespace), ours.clone())
        .owns(api::<Service>(client, namespace), ours.clone())
        .owns(api::<ConfigMap>(client, namespace), ours.clone())
        .owns(api::<ServiceAccount>(client, namespace), ours.clone())
        .owns(api::<PodDisruptionBudget>(client, namespace), ours.clone())
        .owns(api::<Job>(client, namespace), ours.clone())
        .watches(api::<Pod>(client, namespace), ours, |pod| cluster_of(&pod))
}

/// What the controller of a namespace sees beyond it.
struct Seen {
    clusters: Clusters,
    nodes: Option<Store<Node>>,
    /// Signs of changed nodes.
    changes: mpsc::Receiver<()>,
}

async fn one(parts: Parts, controller: Controller<AlluxioCluster>, seen: Seen, stop: CancellationToken) {
    let client = parts.client.clone();
    let Seen { clusters, nodes, changes } = seen;
    let pulse = Pulse::new(parts.health.clone());
    let (told, pulses) = mpsc::channel(PULSES);
    let beating = tokio::spawn(pulse.clone().run(told));
    let context = Arc::new(Context {
        client,
        health: parts.health,
        pulse,
        quiet: Quiet::default(),
        by_hand: ByHand::default(),
        silent: Lasting::default(),
        waits: Lasting::default(),
        missing: Lasting::default(),
        mounting: Semaphore::new(1),
        unseen: Lasting::default(),
        refused: Refused::default(),
        contests: Contested::default(),
        metrics: parts.metrics.clone(),
        pod: parts.pod,
        nodes,
        clusters: clusters.clone(),
        release: parts.release,
    });
    let tenure = parts.tenure;
    controller
        .reconcile_all_on(changes)
        .reconcile_on(pulses.map(|key| ObjectRef::new(&key.name).within(&key.namespace)))
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(
            move |cluster, context| while_it_lasts(tenure.clone(), reconcile(cluster, context)),
            after_failure,
            context,
        )
        .for_each(|done| {
            match done {
                // A failed reconcile was told where it is tried again; a cluster that is gone is no fault.
                Ok(_) | Err(Error::ReconcilerFailed(..) | Error::ObjectNotFound(_)) => {}
                Err(error) => {
                    parts.metrics.watch_failed();
                    tracing::warn!(%error, "a watch broke off; trying again");
                }
            }
            let phases = clusters.state().into_iter().map(|cluster| {
                match cluster.status.as_ref().and_then(|it| it.phase) {
                    Some(phase) => format!("{phase:?}"),
                    None => "New".to_owned(),
                }
            });
            parts.metrics.phases(phases);
            std::future::ready(())
        })
        .await;
    beating.abort();
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// The cluster whose pod it is.
fn cluster_of(pod: &Pod) -> Option<ObjectRef<AlluxioCluster>> {
    let name = pod.labels().get(INSTANCE)?;
    Some(ObjectRef::new(name).within(&pod.namespace()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake_api::FakeApi;

    #[tokio::test]
    async fn no_cluster_is_looked_at_before_the_nodes_are_known() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let api = FakeApi::default();
        api.hold("/nodes");
        let parts = Parts {
            client: api.client(),
            health: Health::new().unwrap(),
            metrics: Metrics::new().unwrap(),
            pod: "op".to_owned(),
            release: PinnedImage { repository: "r".to_owned(), tag: "t".to_owned() },
            tenure: Tenure::endless(),
        };
        let stop = CancellationToken::new();
        let asked = |part| !api.asked(&http::Method::GET, part).is_empty();
        let running = run(parts, &Namespaces::All, stop.clone());
        let looks = async {
            until(|| asked("/nodes")).await;
            // All else that could be asked would have been by now.
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
            assert!(!asked("/alluxioclusters"));
            api.release();
            until(|| asked("/alluxioclusters")).await;
            stop.cancel();
        };
        tokio::join!(running, looks);
    }

    async fn until(seen: impl Fn() -> bool) {
        let limit = std::time::Duration::from_secs(30);
        let seen = async {
            while !seen() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(limit, seen).await.expect("it comes");
    }

    #[test]
    fn pods_lead_to_their_cluster() {
        let pod = |labels: serde_json::Value| {
            serde_json::from_value(json!({ "metadata": { "name": "p", "namespace": "n", "labels": labels } }))
                .unwrap()
        };
        let cluster = cluster_of(&pod(json!({ INSTANCE: "ab" }))).unwrap();
        assert_eq!((cluster.name.as_str(), cluster.namespace.as_deref()), ("ab", Some("n")));
        assert_eq!(cluster_of(&pod(json!({}))), None);
    }
}
