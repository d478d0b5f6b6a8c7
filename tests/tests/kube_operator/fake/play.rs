//! A round of all that is played, whenever something has changed.

use std::{fmt::Debug, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use futures::{
    FutureExt, StreamExt,
    stream::{BoxStream, select_all},
};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{DaemonSet, StatefulSet},
        batch::v1::Job,
        core::v1::{PersistentVolumeClaim, Pod},
        policy::v1::PodDisruptionBudget,
    },
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    runtime::{
        WatchStreamExt,
        reflector::{self, Store},
        watcher,
    },
};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::{sync::Notify, time::sleep};

use super::{State, roles};

pub(super) struct Play {
    pub client: Client,
    pub namespace: String,
    pub state: Arc<Mutex<State>>,
    pub network: u8,
}

/// What is there, as the watches tell it.
struct Seen {
    sets: Store<StatefulSet>,
    daemons: Store<DaemonSet>,
    jobs: Store<Job>,
    budgets: Store<PodDisruptionBudget>,
    claims: Store<PersistentVolumeClaim>,
    pods: Store<Pod>,
}

impl Play {
    /// A round whenever something has changed.
    pub async fn run(self, wake: Arc<Notify>) {
        let (sets, of_sets) = self.watched();
        let (daemons, of_daemons) = self.watched();
        let (jobs, of_jobs) = self.watched();
        let (budgets, of_budgets) = self.watched();
        let (claims, of_claims) = self.watched();
        let (pods, of_pods) = self.watched();
        let seen = Seen { sets, daemons, jobs, budgets, claims, pods };
        let mut signs = select_all([of_sets, of_daemons, of_jobs, of_budgets, of_claims, of_pods]);
        loop {
            if let Err(error) = self.round(&seen).await {
                let mut state = self.state.lock();
                if state.faults.len() < 20 {
                    state.faults.push(format!("{error:#}"));
                }
            }
            tokio::select! {
                _ = signs.next() => {}
                () = wake.notified() => {}
                // What failed is tried again.
                () = sleep(Duration::from_secs(1)) => {}
            }
            while let Some(Some(())) = signs.next().now_or_never() {}
        }
    }

    /// A copy of all of a kind, and a sign whenever it has changed.
    fn watched<K>(&self) -> (Store<K>, BoxStream<'static, ()>)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Debug
            + Send
            + Sync
            + 'static,
    {
        let (seen, writer) = reflector::store();
        let watch = watcher(self.api::<K>(), watcher::Config::default()).default_backoff();
        (seen, watch.reflect(writer).map(drop).boxed())
    }

    pub(super) fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn round(&self, seen: &Seen) -> Result<()> {
        let (sets, daemons, jobs, pods) =
            (seen.sets.state(), seen.daemons.state(), seen.jobs.state(), seen.pods.state());
        for set in &sets {
            self.stateful(set, &pods).await?;
        }
        for set in &daemons {
            self.daemon(set, &pods).await?;
        }
        for job in &jobs {
            self.job(job, &pods).await?;
        }
        let owners = sets.iter().map(|it| it.uid()).chain(daemons.iter().map(|it| it.uid()));
        let owners: Vec<_> = owners.chain(jobs.iter().map(|it| it.uid())).flatten().collect();
        for pod in &pods {
            let mut controllers =
                pod.owner_references().iter().filter(|owner| owner.controller == Some(true));
            let orphan = controllers.any(|owner| !owners.contains(&owner.uid));
            // As garbage is collected.
            if orphan { self.delete(pod).await? } else { self.kubelet(pod).await? }
        }
        for budget in &seen.budgets.state() {
            self.budget(budget, &sets, &pods).await?;
        }
        for claim in &seen.claims.state() {
            self.claim(claim).await?;
        }
        roles::elect(&mut self.state.lock(), &pods);
        Ok(())
    }

    pub(super) async fn status<K>(&self, name: &str, status: Value) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Clone + Debug,
    {
        let patch = Patch::Merge(json!({ "status": status }));
        let patched = self.api::<K>().patch_status(name, &PatchParams::default(), &patch).await;
        gone(patched).with_context(|| format!("the status of {name}"))
    }

    /// At once, as by a kubelet when all containers have ended; not one that came back under the name.
    pub(super) async fn delete(&self, pod: &Pod) -> Result<()> {
        let name = pod.name_any();
        let this = Preconditions { uid: pod.uid(), resource_version: None };
        let now = DeleteParams::default().grace_period(0).preconditions(this);
        gone(self.api::<Pod>().delete(&name, &now).await).with_context(|| format!("deleting {name}"))
    }
}

/// What was seen may be gone, and there may be another one of its name.
pub(super) fn gone<T>(done: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match done {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(error) => Err(error),
    }
}
