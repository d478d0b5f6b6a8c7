//! A round of all that is played, whenever something has changed.

use std::{fmt::Debug, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use futures::{FutureExt, Stream, StreamExt, stream::select_all};
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
    api::{DeleteParams, ListParams, PartialObjectMeta, Patch, PatchParams},
    runtime::{WatchStreamExt, watcher},
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

impl Play {
    /// A round whenever something has changed.
    pub async fn run(self, wake: Arc<Notify>) {
        let mut signs = select_all([
            self.signs::<StatefulSet>().boxed(),
            self.signs::<DaemonSet>().boxed(),
            self.signs::<Job>().boxed(),
            self.signs::<PodDisruptionBudget>().boxed(),
            self.signs::<PersistentVolumeClaim>().boxed(),
            self.signs::<Pod>().boxed(),
        ]);
        loop {
            if let Err(error) = self.round().await {
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

    fn signs<K>(&self) -> impl Stream<Item = ()> + Send + 'static
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Debug
            + Send
            + 'static,
    {
        let objects: Api<PartialObjectMeta<K>> = Api::namespaced(self.client.clone(), &self.namespace);
        watcher(objects, watcher::Config::default()).default_backoff().map(drop)
    }

    pub(super) fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn round(&self) -> Result<()> {
        // As the watches have it.
        let all = ListParams::default().match_any();
        let sets = self.api::<StatefulSet>().list(&all).await?.items;
        let daemons = self.api::<DaemonSet>().list(&all).await?.items;
        let jobs = self.api::<Job>().list(&all).await?.items;
        let pods = self.api::<Pod>().list(&all).await?.items;
        for set in &sets {
            self.stateful(set, &pods).await?;
        }
        for set in &daemons {
            self.daemon(set, &pods).await?;
        }
        for job in &jobs {
            self.job(job, &pods).await?;
        }
        let owners = sets.iter().map(ResourceExt::uid).chain(daemons.iter().map(ResourceExt::uid));
        let owners: Vec<_> = owners.chain(jobs.iter().map(ResourceExt::uid)).flatten().collect();
        for pod in &pods {
            let mut controllers =
                pod.owner_references().iter().filter(|owner| owner.controller == Some(true));
            let orphan = controllers.any(|owner| !owners.contains(&owner.uid));
            // As garbage is collected.
            if orphan { self.delete(&pod.name_any()).await? } else { self.kubelet(pod).await? }
        }
        for budget in self.api::<PodDisruptionBudget>().list(&all).await?.items {
            self.budget(&budget, &sets, &pods).await?;
        }
        for claim in self.api::<PersistentVolumeClaim>().list(&all).await?.items {
            self.claim(&claim).await?;
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

    /// At once, as by a kubelet when all containers have ended.
    pub(super) async fn delete(&self, name: &str) -> Result<()> {
        let deleted = self.api::<Pod>().delete(name, &DeleteParams::default().grace_period(0)).await;
        gone(deleted).with_context(|| format!("deleting {name}"))
    }
}

/// What the cache still had may be gone.
pub(super) fn gone<T>(done: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match done {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(error),
    }
}
