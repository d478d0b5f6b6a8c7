//! A namespace with an operator in it, which has the rights of `deploy/operator` and no others.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use alluxio_operator::{
    crd::{AlluxioCluster, PinnedImage, definition},
    lease::Timing,
    process::{Namespaces, Settings},
    start::{self, Start},
};
use alluxio_tests::{
    kube::{ApiServer, audit::{Position, Request}, install},
    ports::free_port,
};
use anyhow::{Context, Result, bail};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{core::v1::ServiceAccount, events::v1::Event, rbac::v1::{Role, RoleBinding}},
};
use kube::{
    Api, Client, Config, Resource, ResourceExt,
    api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::fake::Fake;

const LIMIT: Duration = Duration::from_secs(40);
const ACCOUNT: &str = "alluxio-operator";

pub struct World {
    pub server: &'static ApiServer,
    pub client: Client,
    pub namespace: String,
    pub fake: Fake,
    operator: Option<Operator>,
}

/// One in this process.
pub struct Operator {
    stop: CancellationToken,
    running: JoinHandle<Result<()>>,
    /// Whether the process would have been ended from outside of the runtime.
    pub lost: Arc<AtomicBool>,
}

impl World {
    /// With an operator that runs.
    pub async fn new(name: &str) -> Result<Self> {
        let mut world = Self::without_operator(name).await?;
        world.operator = Some(world.start(Timing::default()).await?);
        Ok(world)
    }

    pub async fn without_operator(name: &str) -> Result<Self> {
        let server = ApiServer::shared().await?;
        let client = server.client().await?;
        install(&client, &definition::yaml()?).await?;
        let namespace = server.namespace(name).await?;
        let account = ServiceAccount {
            metadata: ObjectMeta { name: Some(ACCOUNT.to_owned()), ..ObjectMeta::default() },
            ..ServiceAccount::default()
        };
        Api::namespaced(client.clone(), &namespace).create(&PostParams::default(), &account).await?;
        let fake = Fake::start(client.clone(), &namespace).await?;
        let world = Self { server, client, namespace, fake, operator: None };
        world.grant("rbac-namespace.yaml").await?;
        world.grant("rbac.yaml").await?;
        Ok(world)
    }

    /// The namespaced rights of a file, in this namespace and for this namespace's account.
    async fn grant(&self, file: &str) -> Result<()> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/operator").join(file);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        for document in serde_yaml::Deserializer::from_str(&text) {
            let mut object = Value::deserialize(document)?;
            object["metadata"]["namespace"] = json!(self.namespace);
            for subject in object["subjects"].as_array_mut().into_iter().flatten() {
                subject["namespace"] = json!(self.namespace);
            }
            match object["kind"].as_str() {
                Some("Role") => drop(self.create::<Role>(object).await?),
                Some("RoleBinding") => drop(self.create::<RoleBinding>(object).await?),
                _ => {}
            }
        }
        Ok(())
    }

    /// Another operator.
    pub async fn start(&self, timing: Timing) -> Result<Operator> {
        let file = self.server.login(&self.namespace, ACCOUNT).await?;
        let config =
            Config::from_custom_kubeconfig(Kubeconfig::read_from(file)?, &KubeConfigOptions::default()).await?;
        let settings = Settings {
            namespaces: Namespaces::Only([self.namespace.clone()].into()),
            own_namespace: self.namespace.clone(),
            pod: "operator-0".to_owned(),
            lease: "alluxio-operator".to_owned(),
            http: ([127, 0, 0, 1], free_port()?).into(),
        };
        let release = PinnedImage { repository: "localhost".to_owned(), tag: "1".to_owned() };
        let lost = Arc::new(AtomicBool::new(false));
        let told = lost.clone();
        let lost_now = Box::new(move || told.store(true, Ordering::Release));
        let stop = CancellationToken::new();
        let start = Start { settings, config, release, timing, lost: lost_now };
        let running = tokio::spawn(start::run(start, stop.clone()));
        Ok(Operator { stop, running, lost })
    }

    /// As by SIGKILL: nothing is given back.
    pub fn kill_operator(&mut self) {
        if let Some(operator) = self.operator.take() {
            operator.kill();
        }
    }

    pub async fn restart_operator(&mut self) -> Result<()> {
        if let Some(operator) = self.operator.take() {
            operator.stop().await?;
        }
        self.operator = Some(self.start(Timing::default()).await?);
        Ok(())
    }

    /// Who the operator is in the audit log.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{ACCOUNT}", self.namespace)
    }

    /// What the operator asked since then.
    pub fn asked_since(&self, position: Position) -> Result<Vec<Request>> {
        let user = self.user();
        let all = self.server.audit().since(position)?;
        Ok(all.into_iter().filter(|request| request.user == user).collect())
    }

    /// What the operator changed since then, but for its Lease.
    pub fn changed_since(&self, position: Position) -> Result<Vec<Request>> {
        let all = self.asked_since(position)?;
        Ok(all.into_iter().filter(|it| it.is_change() && it.resource != "leases.coordination.k8s.io").collect())
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
            + DeserializeOwned + serde::Serialize + Clone + std::fmt::Debug,
    {
        let object: K = serde_json::from_value(object)?;
        Ok(self.api().create(&PostParams::default(), &object).await?)
    }

    /// A merge patch, as a user's.
    pub async fn edit<K>(&self, name: &str, patch: Value) -> Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + std::fmt::Debug,
    {
        Ok(self.api().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?)
    }

    pub async fn cluster(&self, name: &str) -> Result<AlluxioCluster> {
        Ok(self.api().get(name).await?)
    }

    pub async fn names<K>(&self) -> Result<Vec<String>>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + std::fmt::Debug,
    {
        let listed = self.api::<K>().list(&ListParams::default()).await?;
        Ok(listed.items.iter().map(ResourceExt::name_any).collect())
    }

    /// Reasons of the events about a cluster, in the order of their times.
    pub async fn events(&self, cluster: &str) -> Result<Vec<(String, String)>> {
        let mut events = self.api::<Event>().list(&ListParams::default()).await?.items;
        events.sort_by_key(|event| event.event_time.as_ref().map(|time| time.0));
        let about = |event: &Event| event.regarding.as_ref().and_then(|it| it.name.clone()).as_deref() == Some(cluster);
        let told = events.into_iter().filter(about);
        Ok(told.map(|event| (event.reason.unwrap_or_default(), event.note.unwrap_or_default())).collect())
    }

    /// Waits until it holds of the cluster.
    pub async fn until(&self, name: &str, what: &str, holds: impl Fn(&AlluxioCluster) -> bool) -> Result<AlluxioCluster> {
        let began = Instant::now();
        loop {
            let cluster = self.cluster(name).await?;
            if holds(&cluster) {
                return Ok(cluster);
            }
            if began.elapsed() > LIMIT {
                let status = serde_json::to_string_pretty(&cluster.status)?;
                bail!("{what}: not within {LIMIT:?}; the operator {}; the status is {status}", self.state());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the look gives something.
    pub async fn eventually<T, F: Future<Output = Result<Option<T>>>>(&self, what: &str, look: impl Fn() -> F) -> Result<T> {
        let began = Instant::now();
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if began.elapsed() > LIMIT {
                bail!("{what}: not within {LIMIT:?}; the operator {}", self.state());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn state(&self) -> &'static str {
        match &self.operator {
            Some(operator) if operator.running.is_finished() => "has ended",
            Some(_) => "runs",
            None => "was not started",
        }
    }
}

impl Operator {
    pub fn kill(self) {
        self.running.abort();
    }

    pub async fn stop(self) -> Result<()> {
        self.stop.cancel();
        self.running.await?
    }

    /// Waits until it ends by itself.
    pub async fn ended(self) -> Result<()> {
        tokio::time::timeout(LIMIT, self.running).await.context("the operator runs on")??
    }
}
