//! A namespace that enforces the strictest pod security, with what is played in it and an operator.

use std::{
    fmt::Debug,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use alluxio_operator::crd::AlluxioCluster;
use alluxio_tests::kube::{
    ApiServer,
    audit::{Position, Request},
};
use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::{
    ClusterResourceScope, NamespaceResourceScope,
    api::{
        apps::v1::{DaemonSet, StatefulSet},
        batch::v1::Job,
        core::v1::{ConfigMap, Namespace, Service, ServiceAccount},
        events::v1::Event,
        policy::v1::PodDisruptionBudget,
        rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    },
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    fake::Fake,
    operator::{Operator, Pod},
};

/// A look that takes a second on a machine that does nothing else takes ten on one that builds meanwhile.
const LIMIT: Duration = Duration::from_secs(120);

/// The release of which operators are where a test does not say it.
pub const RELEASE: &str = "1";

/// Of the operator, and of a second one: so that the audit log tells them apart.
pub const ACCOUNTS: [&str; 2] = ["alluxio-operator", "alluxio-operator-2"];

pub struct World<'s> {
    pub server: &'s ApiServer,
    pub client: Client,
    pub namespace: String,
    pub fake: Fake,
    /// How long is waited for anything.
    pub limit: Duration,
    began: Position,
    everywhere: bool,
    started: AtomicU32,
    /// Of all operators, also of those that have ended.
    logs: Mutex<Vec<PathBuf>>,
    operator: Option<Operator>,
}

impl World<'static> {
    /// With an operator that runs.
    pub async fn new(name: &str) -> Result<Self> {
        let mut world = Self::without_operator(name).await?;
        world.start_operator().await?;
        Ok(world)
    }

    pub async fn without_operator(name: &str) -> Result<Self> {
        World::make(ApiServer::shared().await?, name, false).await
    }
}

impl<'s> World<'s> {
    /// On a server of its own: its operator looks after all namespaces.
    pub async fn everywhere(server: &'s ApiServer, name: &str) -> Result<Self> {
        let mut world = Self::make(server, name, true).await?;
        world.start_operator().await?;
        Ok(world)
    }

    /// On a server of its own.
    pub async fn apart(server: &'s ApiServer, name: &str) -> Result<Self> {
        let mut world = Self::make(server, name, false).await?;
        world.start_operator().await?;
        Ok(world)
    }

    async fn make(server: &'s ApiServer, name: &str, everywhere: bool) -> Result<Self> {
        let client = server.client().await?;
        let began = server.audit().end()?;
        let namespace = server.namespace(name).await?;
        let restricted =
            json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "restricted" } } });
        let namespaces: Api<Namespace> = Api::all(client.clone());
        namespaces.patch(&namespace, &PatchParams::default(), &Patch::Merge(restricted)).await?;
        let fake = Fake::start(client.clone(), &namespace).await?;
        let world = Self {
            server,
            client,
            namespace,
            fake,
            limit: LIMIT,
            began,
            everywhere,
            started: AtomicU32::new(0),
            logs: Mutex::default(),
            operator: None,
        };
        for account in ACCOUNTS {
            world.create::<ServiceAccount>(json!({ "metadata": { "name": account } })).await?;
        }
        world.grant("rbac.yaml", &world.namespace).await?;
        let rights: &[&str] = match everywhere {
            true => &["rbac-everywhere.yaml", "rbac-nodes.yaml"],
            false => &["rbac-namespace.yaml"],
        };
        for file in rights {
            world.grant(file, &world.namespace).await?;
        }
        Ok(world)
    }

    /// The rights of a file in a namespace, or in all, for this namespace's accounts.
    pub async fn grant(&self, file: &str, namespace: &str) -> Result<()> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/operator").join(file);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        for document in serde_yaml::Deserializer::from_str(&text) {
            let mut object = Value::deserialize(document)?;
            if !object["subjects"].is_null() {
                let subject =
                    |name| json!({ "kind": "ServiceAccount", "name": name, "namespace": self.namespace });
                object["subjects"] = json!(ACCOUNTS.map(subject));
            }
            match object["kind"].as_str() {
                Some("Role") => self.grant_one::<Role>(object, namespace).await?,
                Some("RoleBinding") => self.grant_one::<RoleBinding>(object, namespace).await?,
                Some("ClusterRole") => self.create_for_all::<ClusterRole>(object).await?,
                Some("ClusterRoleBinding") => self.create_for_all::<ClusterRoleBinding>(object).await?,
                _ => {}
            }
        }
        Ok(())
    }

    async fn grant_one<K>(&self, mut object: Value, namespace: &str) -> Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + DeserializeOwned
            + Serialize
            + Clone
            + Debug,
    {
        object["metadata"]["namespace"] = json!(namespace);
        let object: K = serde_json::from_value(object)?;
        Api::namespaced(self.client.clone(), namespace).create(&PostParams::default(), &object).await?;
        Ok(())
    }

    /// Another operator, as one of the accounts.
    pub async fn start(&self, account: &str) -> Result<Operator> {
        let watches = if self.everywhere { "" } else { &self.namespace };
        self.start_with(account, watches, RELEASE).await
    }

    /// The same of another release, or one that looks after other namespaces.
    pub async fn start_with(&self, account: &str, watches: &str, release: &str) -> Result<Operator> {
        self.run(account, watches, release, &[]).await
    }

    /// What the chart runs once the operator is uninstalled, in the namespace that it looked after.
    pub async fn leave(&self) -> Result<Operator> {
        self.run(ACCOUNTS[0], &self.namespace, RELEASE, &["leave"]).await
    }

    async fn run(&self, account: &str, watches: &str, release: &str, words: &[&str]) -> Result<Operator> {
        let login = self.server.login(&self.namespace, account).await?;
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let pod = Pod { name: account, namespace: &self.namespace, watches, release };
        let user = format!("system:serviceaccount:{}:{account}", self.namespace);
        let log = login.with_extension(format!("{number}.log"));
        self.logs.lock().push(log.clone());
        Operator::start(&login, &pod, user, &log, words)
    }

    pub async fn start_operator(&mut self) -> Result<()> {
        self.operator = Some(self.start(ACCOUNTS[0]).await?);
        Ok(())
    }

    /// In the place of the one that [`World::new`] started, which ends.
    pub async fn follow_with(&mut self, watches: &str, release: &str) -> Result<()> {
        if let Some(before) = self.operator.take() {
            before.stop()?;
        }
        self.operator = Some(self.start_with(ACCOUNTS[0], watches, release).await?);
        Ok(())
    }

    pub fn operator(&self) -> Result<&Operator> {
        self.operator.as_ref().context("no operator was started")
    }

    /// The one that [`World::new`] started, out of its care.
    pub fn take_operator(&mut self) -> Result<Operator> {
        self.operator.take().context("no operator was started")
    }

    /// What the operators asked since then.
    pub fn asked_since(&self, position: Position) -> Result<Vec<Request>> {
        let ours = format!("system:serviceaccount:{}:", self.namespace);
        self.server.audit().since_by(position, &ours)
    }

    pub fn asked_from_the_start(&self) -> Result<Vec<Request>> {
        self.asked_since(self.began)
    }

    /// What they changed since then, but for their Lease.
    pub fn changed_since(&self, position: Position) -> Result<Vec<Request>> {
        let all = self.asked_since(position)?;
        Ok(all
            .into_iter()
            .filter(|it| it.is_change() && it.resource != "leases.coordination.k8s.io")
            .collect())
    }

    /// Lets the operator look at the cluster again, from beginning to end, at all that was before this call.
    pub async fn looked_again(&self, cluster: &str) -> Result<()> {
        let operator = self.operator()?;
        // The one that is under way may have begun before.
        for _ in 0..2 {
            let looks = operator.looks().await?;
            let theirs = json!({ "metadata": { "annotations": { "theirs": format!("{looks} looks") } } });
            self.edit::<Service>(&format!("{cluster}-leader"), theirs).await?;
            operator.until_looked(looks + 1.0).await?;
        }
        Ok(())
    }

    /// At the end of a test: nothing was forbidden to the operators, nothing that they made was refused, and none logged an error.
    pub fn check(&self) -> Result<()> {
        let faults = self.fake.faults();
        ensure!(faults.is_empty(), "{faults:#?}");
        let forbidden = self.asked_from_the_start()?.into_iter().filter(|it| it.code == 403);
        // Where it looks after its namespace only it asks once whether it may read nodes.
        let asks = |it: &Request| !self.everywhere && it.verb == "list" && it.resource == "nodes";
        let forbidden: Vec<_> = forbidden.filter(|it| !asks(it)).collect();
        ensure!(forbidden.is_empty(), "{forbidden:#?}");
        for log in self.logs.lock().iter() {
            let text = std::fs::read_to_string(log).with_context(|| log.display().to_string())?;
            let errors: Vec<_> =
                text.lines().filter(|line| line.contains("ERROR") || line.contains("panicked")).collect();
            ensure!(errors.is_empty(), "{}: {errors:#?}", log.display());
        }
        Ok(())
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub async fn create<K>(&self, object: Value) -> Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + DeserializeOwned
            + Serialize
            + Clone
            + Debug,
    {
        let object: K = serde_json::from_value(object)?;
        Ok(self.api().create(&PostParams::default(), &object).await?)
    }

    pub async fn create_for_all<K>(&self, object: Value) -> Result<()>
    where
        K: Resource<Scope = ClusterResourceScope, DynamicType = ()>
            + DeserializeOwned
            + Serialize
            + Clone
            + Debug,
    {
        let object: K = serde_json::from_value(object)?;
        Api::all(self.client.clone()).create(&PostParams::default(), &object).await?;
        Ok(())
    }

    pub async fn create_cluster(&self, object: Value) -> Result<AlluxioCluster> {
        self.create(object).await
    }

    /// A merge patch, as a user's.
    pub async fn edit<K>(&self, name: &str, patch: Value) -> Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + Debug,
    {
        Ok(self.api().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?)
    }

    pub async fn edit_cluster(&self, name: &str, patch: Value) -> Result<AlluxioCluster> {
        self.edit(name, patch).await
    }

    pub async fn delete<K>(&self, name: &str) -> Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + Debug,
    {
        self.api::<K>().delete(name, &DeleteParams::background()).await?;
        Ok(())
    }

    /// What belonged to clusters that are gone goes, as garbage is collected.
    pub async fn collect_garbage(&self) -> Result<()> {
        let clusters = self.api::<AlluxioCluster>().list(&ListParams::default()).await?;
        let alive: Vec<_> = clusters.iter().filter_map(ResourceExt::uid).collect();
        self.collect::<StatefulSet>(&alive).await?;
        self.collect::<DaemonSet>(&alive).await?;
        self.collect::<Job>(&alive).await?;
        self.collect::<Service>(&alive).await?;
        self.collect::<ConfigMap>(&alive).await?;
        self.collect::<ServiceAccount>(&alive).await?;
        self.collect::<PodDisruptionBudget>(&alive).await
    }

    async fn collect<K>(&self, alive: &[String]) -> Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + Debug,
    {
        for object in self.api::<K>().list(&ListParams::default()).await? {
            let owner = object.owner_references().iter().find(|owner| owner.controller == Some(true));
            if owner.is_some_and(|owner| !alive.contains(&owner.uid)) {
                self.delete::<K>(&object.name_any()).await?;
            }
        }
        Ok(())
    }

    pub async fn cluster(&self, name: &str) -> Result<AlluxioCluster> {
        Ok(self.api().get(name).await?)
    }

    /// A cluster that serves.
    pub async fn settled(&self, object: Value) -> Result<AlluxioCluster> {
        let made = self.create_cluster(object).await?;
        self.until(&made.name_any(), "it settles", crate::objects::settled).await
    }

    pub async fn names<K>(&self) -> Result<Vec<String>>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + Debug,
    {
        let listed = self.api::<K>().list(&ListParams::default()).await?;
        Ok(listed.items.iter().map(ResourceExt::name_any).collect())
    }

    /// Reason and note of the events about a cluster, in the order of their times.
    pub async fn events(&self, cluster: &str) -> Result<Vec<(String, String)>> {
        let mut events = self.api::<Event>().list(&ListParams::default()).await?.items;
        events.sort_by_key(|event| event.event_time.as_ref().map(|time| time.0));
        let about =
            |event: &Event| event.regarding.as_ref().and_then(|it| it.name.as_deref()) == Some(cluster);
        let told = events.into_iter().filter(about);
        Ok(told.map(|event| (event.reason.unwrap_or_default(), event.note.unwrap_or_default())).collect())
    }

    /// The same when this was told so often: an event is written after the status of which it tells.
    pub async fn events_with(
        &self,
        cluster: &str,
        reason: &str,
        times: usize,
    ) -> Result<Vec<(String, String)>> {
        self.wait(&format!("{reason}, {times} times"), || async {
            let events = self.events(cluster).await?;
            let told = events.iter().filter(|(told, _)| told == reason).count();
            anyhow::Ok(if told >= times { Ok(events) } else { Err(format!("{events:#?}")) })
        })
        .await
    }

    /// Waits until it holds of the cluster.
    pub async fn until(
        &self,
        name: &str,
        what: &str,
        holds: impl Fn(&AlluxioCluster) -> bool,
    ) -> Result<AlluxioCluster> {
        self.wait(what, || async {
            let cluster = self.cluster(name).await?;
            anyhow::Ok(match holds(&cluster) {
                true => Ok(cluster),
                false => Err(serde_json::to_string_pretty(&cluster.status)?),
            })
        })
        .await
    }

    /// Waits until the look gives something.
    pub async fn eventually<T, F: Future<Output = Result<Option<T>>>>(
        &self,
        what: &str,
        look: impl Fn() -> F,
    ) -> Result<T> {
        self.wait(what, || async { anyhow::Ok(look().await?.ok_or_else(String::new)) }).await
    }

    /// The same; the inner error is what was seen instead.
    pub async fn wait<T, F: Future<Output = Result<Result<T, String>>>>(
        &self,
        what: &str,
        look: impl Fn() -> F,
    ) -> Result<T> {
        let began = Instant::now();
        loop {
            let seen = match look().await? {
                Ok(found) => return Ok(found),
                Err(seen) => seen,
            };
            if began.elapsed() > self.limit {
                let operator = self.operator.as_ref().map(Operator::last_lines).unwrap_or_default();
                let faults = self.fake.faults();
                bail!(
                    "not within {:?}: {what}; {seen}\nwhat was played: {faults:#?}\nthe operator:\n{operator}",
                    self.limit
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
