//! What a cluster without controllers and nodes lacks: pods of StatefulSets and DaemonSets, Jobs that end, disruption budgets that
//! are counted, masters that say who leads, and a ZooKeeper that answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use alluxio_tests::ports::free_port;
use anyhow::Result;
use k8s_openapi::api::{
    apps::v1::{DaemonSet, StatefulSet},
    batch::v1::Job,
    core::v1::{Pod, PodTemplateSpec},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

/// Of a cluster; more than any test has.
const MASTERS: u8 = 5;

#[derive(Default)]
struct State {
    /// Who leads, by pod; chosen among the ready ones when there is none.
    leader: Option<String>,
    term: u64,
    /// Answers by address.
    roles: BTreeMap<Ipv4Addr, Value>,
    addresses: BTreeMap<String, Ipv4Addr>,
    /// Pods with this in their image never become ready.
    fatal: Option<String>,
    /// Pods that do not come up until told.
    held: BTreeSet<String>,
    /// What a format Job says; `None`: it goes on running.
    format: Option<(bool, String)>,
    workers: Vec<String>,
    zookeeper_down: bool,
    faults: Vec<String>,
}

/// Acts until it is dropped.
pub struct Fake {
    state: Arc<Mutex<State>>,
    network: u8,
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
        let state = State { format: Some((true, formatted.to_string())), workers: vec!["n1".into(), "n2".into()], ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let web_port = free_port()?;
        let mut tasks = Vec::new();
        // Two clusters of a namespace have different addresses.
        for host in 1..=2 * MASTERS {
            let address = Ipv4Addr::new(127, 77, network, host);
            let listener = TcpListener::bind((address, web_port)).await?;
            tasks.push(tokio::spawn(answer(listener, address, state.clone())));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let zookeeper = listener.local_addr()?.to_string();
        tasks.push(tokio::spawn(answer_srvr(listener, state.clone())));
        let play = Play { client, namespace: namespace.to_owned(), state: state.clone(), network };
        tasks.push(tokio::spawn(play.run()));
        Ok(Self { state, network, web_port, zookeeper, tasks })
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
        self.state.lock().fatal = Some(image.to_owned());
    }

    /// What the format Job's container leaves as its last word; `None`: it goes on running.
    pub fn format(&self, says: Option<(bool, Value)>) {
        self.state.lock().format = says.map(|(complete, word)| (complete, word.to_string()));
    }

    /// Another one leads from now on, without any pod ending.
    pub fn elect(&self, pod: &str) {
        let mut state = self.state.lock();
        state.leader = Some(pod.to_owned());
        state.term += 1;
    }

    /// While held a pod does not come up.
    pub fn hold(&self, pod: &str, held: bool) {
        let mut state = self.state.lock();
        if held { state.held.insert(pod.to_owned()) } else { state.held.remove(pod) };
    }

    pub fn leader(&self) -> Option<String> {
        self.state.lock().leader.clone()
    }

    /// Whether the address is one of this world.
    pub fn knows(&self, ip: &str) -> bool {
        ip.starts_with(&format!("127.77.{}.", self.network))
    }

    /// What the API server refused of what was played: a fault of the test, or of the objects.
    pub fn faults(&self) -> Vec<String> {
        self.state.lock().faults.clone()
    }
}

async fn answer(listener: TcpListener, address: Ipv4Addr, state: Arc<Mutex<State>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let state = state.clone();
        tokio::spawn(async move {
            let mut request = [0; 2048];
            while let Ok(read) = stream.read(&mut request).await {
                let role = state.lock().roles.get(&address).cloned();
                // A pod that is not up does not answer.
                let (true, Some(role)) = (read > 0, role) else { return };
                let body = role.to_string();
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
                if stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn answer_srvr(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        if state.lock().zookeeper_down {
            continue;
        }
        let mut word = [0; 4];
        if stream.read_exact(&mut word).await.is_ok() {
            drop(stream.write_all(b"Zookeeper version: 3.8.4\nMode: standalone\n").await);
        }
    }
}

struct Play {
    client: Client,
    namespace: String,
    state: Arc<Mutex<State>>,
    network: u8,
}

impl Play {
    async fn run(self) {
        loop {
            if let Err(error) = self.round().await {
                let mut state = self.state.lock();
                if state.faults.len() < 20 {
                    state.faults.push(error.to_string());
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn round(&self) -> Result<()> {
        let all = ListParams::default();
        for set in self.api::<StatefulSet>().list(&all).await?.items {
            self.stateful(&set).await?;
        }
        for set in self.api::<DaemonSet>().list(&all).await?.items {
            self.daemon(&set).await?;
        }
        for job in self.api::<Job>().list(&all).await?.items {
            self.job(&job).await?;
        }
        for budget in self.api::<PodDisruptionBudget>().list(&all).await?.items {
            self.budget(&budget).await?;
        }
        let pods = self.api::<Pod>().list(&all).await?.items;
        for pod in &pods {
            self.kubelet(pod).await?;
        }
        self.roles(&pods);
        Ok(())
    }

    async fn stateful(&self, set: &StatefulSet) -> Result<()> {
        let Some(spec) = &set.spec else { return Ok(()) };
        let replicas = spec.replicas.unwrap_or(1);
        let status = json!({ "observedGeneration": set.metadata.generation, "replicas": replicas });
        let seen = set.status.as_ref().and_then(|status| status.observed_generation);
        if seen != set.metadata.generation {
            self.status::<StatefulSet>(&set.name_any(), status).await?;
        }
        let prefix = set.name_any();
        for ordinal in 0..replicas {
            let owner = set.controller_owner_ref(&());
            self.ensure(&format!("{prefix}-{ordinal}"), &spec.template, json!(owner), None).await?;
        }
        for pod in self.api::<Pod>().list(&ListParams::default()).await?.items {
            let ordinal = pod.name_any().strip_prefix(&format!("{prefix}-")).and_then(|it| it.parse::<i32>().ok());
            if owned_by(&pod, &set.uid().unwrap_or_default()) && ordinal.is_some_and(|it| it >= replicas) {
                self.delete(&pod.name_any()).await?;
            }
        }
        Ok(())
    }

    async fn daemon(&self, set: &DaemonSet) -> Result<()> {
        let Some(spec) = &set.spec else { return Ok(()) };
        let workers = self.state.lock().workers.clone();
        let desired = workers.len();
        let seen = set.status.as_ref().and_then(|status| status.observed_generation);
        let counted = set.status.as_ref().map(|status| status.desired_number_scheduled);
        if seen != set.metadata.generation || counted != i32::try_from(desired).ok() {
            let status = json!({
                "observedGeneration": set.metadata.generation, "desiredNumberScheduled": desired,
                "currentNumberScheduled": desired, "numberMisscheduled": 0, "numberReady": desired,
            });
            self.status::<DaemonSet>(&set.name_any(), status).await?;
        }
        for node in workers {
            let owner = json!(set.controller_owner_ref(&()));
            self.ensure(&format!("{}-{node}", set.name_any()), &spec.template, owner, Some(&node)).await?;
        }
        Ok(())
    }

    async fn ensure(&self, name: &str, template: &PodTemplateSpec, owner: Value, node: Option<&str>) -> Result<()> {
        let pods = self.api::<Pod>();
        if pods.get_metadata_opt(name).await?.is_some() {
            return Ok(());
        }
        let mut pod = serde_json::to_value(template)?;
        pod["metadata"]["name"] = json!(name);
        pod["metadata"]["ownerReferences"] = json!([owner]);
        if let Some(node) = node {
            pod["spec"]["nodeName"] = json!(node);
        }
        pods.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
        Ok(())
    }

    async fn kubelet(&self, pod: &Pod) -> Result<()> {
        let name = pod.name_any();
        if pod.metadata.deletion_timestamp.is_some() {
            return self.delete(&name).await;
        }
        if pod.labels().contains_key("batch.kubernetes.io/job-name") {
            return Ok(());
        }
        let image = pod.spec.as_ref().and_then(|spec| spec.containers.first()?.image.clone()).unwrap_or_default();
        let address = self.address(&name);
        let (fatal, held) = {
            let state = self.state.lock();
            (state.fatal.as_ref().is_some_and(|fatal| image.contains(fatal.as_str())), state.held.contains(&name))
        };
        let up = !fatal && !held;
        let was = pod.status.as_ref().and_then(|status| status.conditions.as_ref()).is_some_and(|all| {
            all.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
        });
        if was == up && pod.status.as_ref().is_some_and(|status| status.pod_ip.is_some()) {
            return Ok(());
        }
        let mut status = json!({
            "phase": "Running",
            "podIP": address.to_string(), "podIPs": [{ "ip": address.to_string() }], "hostIP": "127.0.0.1",
            "conditions": [{ "type": "Ready", "status": if up { "True" } else { "False" } }],
        });
        if fatal {
            status["containerStatuses"] = json!([{
                "name": "c", "image": image, "imageID": "", "ready": false, "restartCount": 5,
                "state": { "waiting": { "reason": "CrashLoopBackOff" } },
                "lastState": { "terminated": { "exitCode": 1, "message": "no such key" } },
            }]);
        }
        self.status::<Pod>(&name, status).await
    }

    /// The same for a name at all times.
    fn address(&self, pod: &str) -> Ipv4Addr {
        let mut state = self.state.lock();
        let next = u8::try_from(state.addresses.len() + 1).unwrap_or(u8::MAX).min(2 * MASTERS);
        let is_master = pod.contains("-masters-");
        if !is_master {
            return Ipv4Addr::new(127, 0, 0, 1);
        }
        *state.addresses.entry(pod.to_owned()).or_insert(Ipv4Addr::new(127, 77, self.network, next))
    }

    async fn job(&self, job: &Job) -> Result<()> {
        let ended = job.status.as_ref().is_some_and(|status| status.conditions.as_ref().is_some_and(|all| !all.is_empty()));
        let Some((complete, word)) = self.state.lock().format.clone() else { return Ok(()) };
        let (name, Some(spec)) = (job.name_any(), &job.spec) else { return Ok(()) };
        if ended {
            return Ok(());
        }
        let mut template = spec.template.clone();
        let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
        labels.insert("batch.kubernetes.io/job-name".to_owned(), name.clone());
        let pod = format!("{name}-x");
        self.ensure(&pod, &template, json!(job.controller_owner_ref(&())), None).await?;
        let now = "2026-01-01T00:00:00Z";
        let terminated = json!({ "exitCode": i32::from(!complete), "message": word, "finishedAt": now });
        let status = json!({
            "phase": if complete { "Succeeded" } else { "Failed" },
            "containerStatuses": [{
                "name": "format", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
                "state": { "terminated": terminated },
            }],
        });
        self.status::<Pod>(&pod, status).await?;
        let condition = |type_: &str| json!({ "type": type_, "status": "True", "lastTransitionTime": now });
        let status = match complete {
            true => json!({
                "conditions": [condition("SuccessCriteriaMet"), condition("Complete")],
                "startTime": now, "completionTime": now, "succeeded": 1,
                "uncountedTerminatedPods": {},
            }),
            false => json!({
                "conditions": [condition("FailureTarget"), condition("Failed")], "startTime": now, "failed": 1,
                "uncountedTerminatedPods": {},
            }),
        };
        self.status::<Job>(&name, status).await
    }

    /// One pod may be away, as the budgets of masters say.
    async fn budget(&self, budget: &PodDisruptionBudget) -> Result<()> {
        let generation = budget.metadata.generation;
        let status = budget.status.as_ref();
        if status.and_then(|it| it.observed_generation) == generation && status.is_some_and(|it| it.disruptions_allowed == 1) {
            return Ok(());
        }
        let status = json!({
            "observedGeneration": generation, "disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2,
            "expectedPods": 3, "disruptedPods": null,
        });
        self.status::<PodDisruptionBudget>(&budget.name_any(), status).await
    }

    async fn status<K>(&self, name: &str, status: Value) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + serde::de::DeserializeOwned + Clone + std::fmt::Debug,
    {
        let patch = Patch::Merge(json!({ "status": status }));
        match self.api::<K>().patch_status(name, &PatchParams::default(), &patch).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(anyhow::anyhow!("status of {name}: {error}")),
        }
    }

    /// At once, as a kubelet when all containers have ended.
    async fn delete(&self, name: &str) -> Result<()> {
        match self.api::<Pod>().delete(name, &DeleteParams::default().grace_period(0)).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Elects where there is no leader, and has each master say what it is.
    fn roles(&self, pods: &[Pod]) {
        let mut state = self.state.lock();
        let ready = |pod: &&Pod| {
            let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
            let ready = conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
            ready && pod.name_any().contains("-masters-") && pod.metadata.deletion_timestamp.is_none()
        };
        let up: Vec<_> = pods.iter().filter(ready).map(ResourceExt::name_any).collect();
        if !state.leader.as_ref().is_some_and(|leader| up.contains(leader)) {
            state.leader = up.first().cloned();
            state.term += 1;
        }
        let (leader, term) = (state.leader.clone(), state.term);
        let addresses: Vec<_> = up.iter().filter_map(|pod| Some((pod.clone(), *state.addresses.get(pod)?))).collect();
        state.roles = addresses
            .into_iter()
            .map(|(pod, address)| {
                let leads = Some(&pod) == leader.as_ref();
                let role = json!({
                    "role": if leads { "PRIMARY" } else { "STANDBY" }, "serving": leads, "term": term, "lagMs": 0,
                    "appliedSequence": 1, "durableSequence": 1, "journalFormat": 1, "version": "0.1.0",
                });
                (address, role)
            })
            .collect();
    }
}

fn owned_by(pod: &Pod, uid: &str) -> bool {
    pod.owner_references().iter().any(|owner| owner.uid == uid)
}
