//! One test on the cluster of `tests/e2e`, which `make e2e` starts: the test runs where the cluster is.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, ResourceExt,
    api::{ObjectMeta, PostParams},
    runtime::wait::{await_condition, conditions},
};
use tokio::{
    task::block_in_place,
    time::{Instant, timeout},
};

use super::{audit::AuditLog, login};
use crate::e2e::patient;

const NODES: &str = "3";
const END_LIMIT: Duration = Duration::from_secs(180);

/// A namespace of the test's own. Dropped without [`Scenario::finish`] it leaves logs, events and objects in
/// `target/<profile>/e2e/<test>`.
pub struct Scenario {
    name: String,
    run: PathBuf,
    namespace: String,
    client: Client,
    began: Instant,
    finished: bool,
}

impl Scenario {
    /// On three nodes; those that an earlier test has left dead or cut off are there again.
    pub async fn begin(name: &str) -> Result<Scenario> {
        let run = run_of(&format!("make e2e ONLY={name}"))?;
        rig(&["up", NODES])?;
        Scenario::begin_in(run, name).await
    }

    /// In a cluster of `make e2e-scale`: the test makes its nodes, which kwok plays.
    pub async fn without_nodes(name: &str) -> Result<Scenario> {
        Scenario::begin_in(run_of("make e2e-scale")?, name).await
    }

    async fn begin_in(run: PathBuf, name: &str) -> Result<Scenario> {
        let began = Instant::now();
        let client = login::client_of(&run.join("admin.conf")).await?;
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let metadata = ObjectMeta { generate_name: Some("e2e-".to_owned()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        let namespace = namespaces.create(&PostParams::default(), &namespace).await?.name_any();
        Ok(Scenario { name: name.to_owned(), run, namespace, client, began, finished: false })
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A client that may do everything.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// A command of `tests/e2e/cluster.sh`; returns what it printed.
    pub fn rig(&self, arguments: &[&str]) -> Result<String> {
        rig(arguments)
    }

    /// What the API server was asked.
    pub fn audit(&self) -> AuditLog {
        AuditLog::new(self.run.join("audit.log"))
    }

    /// Where the cluster has its files: `admin.conf`, and logs in `log`.
    pub fn folder(&self) -> &Path {
        &self.run
    }

    /// The end of a test that went well, and the last one of its cluster: what it has made goes with that.
    pub fn leave(mut self) {
        self.finished = true;
    }

    /// The end of a test that went well: all that runs goes, and does not get the time that it asks for. What is left of the
    /// namespace goes while the next test begins.
    pub async fn finish(mut self) -> Result<()> {
        // First the namespace: nothing is made in it any more in the place of what goes.
        rig(&["in", "kubectl", "delete", "namespace", &self.namespace, "--wait=false"])?;
        // Where no operator was installed there is no such resource.
        let known = rig(&["in", "kubectl", "get", "crds", "--output", "name"])?;
        let kinds = if known.contains("alluxioclusters") { "alluxioclusters,pods" } else { "pods" };
        let namespace = format!("--namespace={}", self.namespace);
        let limit = format!("--timeout={}s", patient(END_LIMIT).as_secs());
        rig(&["in", "kubectl", "delete", kinds, "--all", &namespace, "--grace-period=1", &limit])?;
        self.finished = true;
        Ok(())
    }

    /// The end of a test that wants to see its namespace go with everything that runs in it: how long that took.
    pub async fn delete_namespace(mut self) -> Result<Duration> {
        let began = Instant::now();
        self.end_namespace().await?;
        self.finished = true;
        Ok(began.elapsed())
    }

    async fn end_namespace(&self) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client());
        let uid = namespaces.get(&self.namespace).await?.uid().context("a namespace without an id")?;
        namespaces.delete(&self.namespace, &Default::default()).await?;
        timeout(
            patient(END_LIMIT),
            await_condition(namespaces, &self.namespace, conditions::is_deleted(&uid)),
        )
        .await
        .with_context(|| {
            format!("the namespace {} is still there after {:?}", self.namespace, patient(END_LIMIT))
        })??;
        Ok(())
    }
}

impl Drop for Scenario {
    fn drop(&mut self) {
        println!("{} took {:.0?}", self.name, self.began.elapsed());
        if self.finished {
            return;
        }
        match evidence(&self.name) {
            Ok(folder) => {
                eprintln!("--- {}: logs, events and objects are in {}", self.name, folder.display())
            }
            Err(error) => eprintln!("--- {}: no logs could be kept: {error:#}", self.name),
        }
        // The nodes have no room for many clusters: what is kept would fail the next test.
        if env::var_os("KEEP").is_none_or(|keep| keep == "0")
            && let Err(error) =
                rig(&["in", "kubectl", "delete", "namespace", &self.namespace, "--wait=false"])
        {
            eprintln!("--- {}: its namespace {} stays: {error:#}", self.name, self.namespace);
        }
    }
}

/// The folder of the cluster in which this program was started; `made` is the command that starts one.
fn run_of(made: &str) -> Result<PathBuf> {
    let run = env::var_os("ALLUXIO_KUBE_RIG");
    Ok(PathBuf::from(run.with_context(|| format!("this test needs a cluster of tests/e2e: {made}"))?))
}

fn evidence(name: &str) -> Result<PathBuf> {
    let this = env::current_exe()?;
    // target/<profile>/deps/<program>
    let folder = this.ancestors().nth(2).context("a program outside of target")?.join("e2e").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    rig(&["evidence", &folder.to_string_lossy()])?;
    Ok(folder)
}

fn rig(arguments: &[&str]) -> Result<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/cluster.sh");
    let done = block_in_place(|| Command::new(&script).args(arguments).output())
        .with_context(|| script.display().to_string())?;
    if !done.status.success() {
        bail!("cluster.sh {}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(String::from_utf8(done.stdout)?)
}
