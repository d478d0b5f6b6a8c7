//! An AlluxioCluster that was applied, and what can be seen of it.

use std::time::Duration;

use alluxio_conf::{Configuration, Role};
use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
    runtime::wait::await_condition,
};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::{kubectl, kubectl_with, patient, tools::run_within};
use crate::kube::Scenario;

const INSTANCE: &str = "app.kubernetes.io/instance";
const COMPONENT: &str = "app.kubernetes.io/component";
/// So many combinations `alluxio runTests` tries.
const RUN_TESTS: usize = 24;

pub struct Deployed<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) name: String,
    pub(super) clusters: Api<DynamicObject>,
    /// When it was applied for the first time.
    applied: Instant,
}

impl<'a> Deployed<'a> {
    /// `kubectl apply` of a text that has the cluster of this name in it.
    pub fn apply(scenario: &'a Scenario, name: &str, text: &str) -> Result<Deployed<'a>> {
        let cluster = Deployed::of(scenario, name);
        kubectl_with(scenario.namespace(), &["apply", "--filename", "-"], text)?;
        Ok(cluster)
    }

    /// One that is about to be made.
    pub(super) fn of(scenario: &'a Scenario, name: &str) -> Deployed<'a> {
        let kind = GroupVersionKind::gvk("alluxio.org", "v1alpha1", "AlluxioCluster");
        let resource = ApiResource::from_gvk_with_plural(&kind, "alluxioclusters");
        let clusters = Api::namespaced_with(scenario.client(), scenario.namespace(), &resource);
        Deployed { scenario, name: name.to_owned(), clusters, applied: Instant::now() }
    }

    /// `kubectl patch`, as a user edits it.
    pub fn edit(&self, patch: &Value) -> Result<()> {
        self.kubectl(&["patch", "alx", &self.name, "--type=merge", "--patch", &patch.to_string()]).map(drop)
    }

    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        kubectl(self.scenario.namespace(), arguments)
    }

    pub(super) fn kubectl_within(&self, limit: Duration, arguments: &[&str]) -> Result<String> {
        let mut all = vec!["--namespace", self.scenario.namespace()];
        all.extend(arguments);
        run_within(limit, "kubectl", &all, "")
    }

    /// The whole object as it is now.
    pub async fn seen(&self) -> Result<Value> {
        Ok(serde_json::to_value(self.clusters.get(&self.name).await?)?)
    }

    /// Waits until the object is so; how long it took from now on.
    pub async fn until(
        &self,
        what: &str,
        limit: Duration,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<Duration> {
        let began = Instant::now();
        let wanted = |object: Option<&DynamicObject>| {
            object.and_then(|object| serde_json::to_value(object).ok()).is_some_and(|value| holds(&value))
        };
        let waited =
            timeout(patient(limit), await_condition(self.clusters.clone(), &self.name, wanted)).await;
        match waited {
            Ok(reached) => reached.map(drop)?,
            Err(_) => {
                let status = &self.seen().await?["status"];
                bail!("not within {:.0?}: {what}; the status: {status:#}", patient(limit));
            }
        }
        Ok(began.elapsed())
    }

    /// Waits until everything is as the spec says and a master serves; how long that took from `kubectl apply` on.
    pub async fn available(&self, limit: Duration) -> Result<Duration> {
        self.until("the cluster is available", limit, is_available).await?;
        Ok(self.applied.elapsed())
    }

    /// `kubectl delete`: until the object and all pods with its name on them are gone.
    pub async fn delete(&self, limit: Duration) -> Result<Duration> {
        let began = Instant::now();
        self.kubectl_within(2 * limit, &["delete", &format!("alx/{}", self.name), "--wait=false"])?;
        self.until_gone(limit)?;
        Ok(began.elapsed())
    }

    /// Until the object and all pods with its name on them are gone.
    pub(super) fn until_gone(&self, limit: Duration) -> Result<()> {
        let timeout = format!("--timeout={}s", patient(limit).as_secs());
        let object = format!("alx/{}", self.name);
        let selector = format!("--selector={INSTANCE}={}", self.name);
        self.kubectl_within(2 * limit, &["wait", "--for=delete", &object, &timeout])?;
        self.kubectl_within(2 * limit, &["wait", "--for=delete", "pods", &selector, &timeout]).map(drop)
    }

    /// The pods of masters or workers, by name.
    pub async fn pods(&self, component: &str) -> Result<Vec<Pod>> {
        let pods: Api<Pod> = Api::namespaced(self.scenario.client(), self.scenario.namespace());
        let selector = format!("{INSTANCE}={},{COMPONENT}={component}", self.name);
        let mut all = pods.list(&ListParams::default().labels(&selector)).await?.items;
        all.sort_by_key(|pod| pod.name_any());
        Ok(all)
    }

    /// A command in a pod, in the container that kubectl chooses.
    pub fn exec(&self, pod: &str, command: &[&str]) -> Result<String> {
        let mut arguments = vec!["exec", pod, "--"];
        arguments.extend(command);
        self.kubectl(&arguments)
    }

    /// What the first process of a pod was started with: `NAME=value`.
    pub fn environment(&self, pod: &str) -> Result<Vec<String>> {
        let all = self.exec(pod, &["cat", "/proc/1/environ"])?;
        Ok(all.split('\0').map(str::to_owned).collect())
    }

    /// What a master calls itself: on the nodes' network its node's address.
    fn host_of(&self, master: &Pod) -> Result<String> {
        if master.spec.as_ref().and_then(|spec| spec.host_network) == Some(true) {
            let ip = master.status.as_ref().and_then(|status| status.host_ip.clone());
            return ip.with_context(|| format!("{} is on no node", master.name_any()));
        }
        Ok(self.name_of(&master.name_any()))
    }

    /// The name of a master's pod as DNS knows it.
    fn name_of(&self, pod: &str) -> String {
        format!("{pod}.{}-masters.{}.svc", self.name, self.scenario.namespace())
    }

    /// `alluxio fs leader` in every pod of masters and workers names this one's master.
    pub async fn leader_is_known_everywhere(&self, leader: &str) -> Result<()> {
        let host = self.host_of(&self.pod(leader).await?)?;
        for pod in self.pods("master").await?.iter().chain(&self.pods("worker").await?) {
            let pod = pod.name_any();
            let printed = self.exec(&pod, &["alluxio", "fs", "leader"])?;
            // As scripts read it: the last line.
            ensure!(printed.lines().last() == Some(&*host), "{pod} says {printed:?}, and not {host}");
        }
        Ok(())
    }

    /// `alluxio runTests` in the first master's pod: all of it passes.
    pub fn runs_the_tests(&self) -> Result<()> {
        let printed = self.exec(&format!("{}-masters-0", self.name), &["alluxio", "runTests"])?;
        let passed = printed.matches("Passed the test!").count();
        ensure!(passed == RUN_TESTS, "{passed} of {RUN_TESTS} passed:\n{printed}");
        Ok(())
    }

    /// The settings of a client outside of the cluster: what its status tells, and nothing else.
    pub fn client_settings(&self) -> Result<Vec<(String, String)>> {
        let told = |field: &str| {
            let output = format!("--output=jsonpath={{.status.endpoints.{field}}}");
            self.kubectl(&["get", "alx", &self.name, &output])
        };
        let uri = told("uri")?;
        let authority = uri.trim_start_matches("alluxio://").trim_end_matches('/');
        let found = match (authority.strip_prefix("zk@"), authority.rsplit_once(':')) {
            (Some(servers), _) => vec![
                ("alluxio.zookeeper.enabled", "true".to_owned()),
                ("alluxio.zookeeper.address", servers.to_owned()),
                ("alluxio.zookeeper.leader.path", told("zookeeperLeaderPath")?),
            ],
            (None, Some((host, port))) => vec![
                ("alluxio.master.hostname", host.to_owned()),
                ("alluxio.master.rpc.port", port.to_owned()),
            ],
            (None, None) => bail!("{} has no address for clients: {uri:?}", self.name),
        };
        let own = ("alluxio.security.login.username", "alluxio".to_owned());
        Ok(found.into_iter().chain([own]).map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The same for a client of ours.
    pub fn client_conf(&self) -> Result<Configuration> {
        Deployed::conf(self.client_settings()?)
    }

    /// For a client of ours that asks this master, whether it leads or not, and is told at once.
    pub fn conf_of_master(&self, pod: &str) -> Result<Configuration> {
        let mut settings = self.client_settings()?;
        settings.retain(|(name, _)| !name.starts_with("alluxio.zookeeper."));
        settings.push(("alluxio.master.hostname".to_owned(), self.name_of(pod)));
        settings.push(("alluxio.user.rpc.retry.max.duration".to_owned(), "1s".to_owned()));
        Deployed::conf(settings)
    }

    fn conf(settings: Vec<(String, String)>) -> Result<Configuration> {
        let arguments = settings.iter().map(|(name, value)| format!("-D{name}={value}"));
        Ok(Configuration::load(Role::Client, arguments)?.conf)
    }
}

/// All is as the spec says, a master serves, and every worker is there.
fn is_available(object: &Value) -> bool {
    let (status, workers) = (&object["status"], &object["status"]["workers"]);
    let told = status["observedGeneration"] == object["metadata"]["generation"];
    told && status["phase"] == "Available" && workers["ready"] == workers["desired"]
}

/// The names of those that are ready.
pub fn ready_pods(pods: &[Pod]) -> Vec<String> {
    let is_ready = |pod: &&Pod| {
        let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
        conditions.into_iter().flatten().any(|one| one.type_ == "Ready" && one.status == "True")
    };
    pods.iter().filter(is_ready).map(|pod| pod.name_any()).collect()
}
