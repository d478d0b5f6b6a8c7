//! The server: its start, its end, and what tests ask of it.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::{Namespace, ServiceAccount},
};
use kube::{
    Api, Client, ResourceExt,
    api::{ObjectMeta, PostParams},
};
use nix::sys::signal::Signal;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    sync::OnceCell,
    task::spawn_blocking,
    time::{sleep, timeout},
};

use super::{audit::AuditLog, bound, definitions::install_folder, login};
use crate::{ports::free_port, process::Process};

const START_LIMIT: Duration = Duration::from_secs(180);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// The processes and their folder. One of the test's own, dropped without [`ApiServer::finish`], is killed and its folder stays.
pub struct ApiServer {
    programs: PathBuf,
    folder: PathBuf,
    /// Of a server of the test's own: goes when the test went well.
    temporary: Option<TempDir>,
    etcd_port: u16,
    port: u16,
    etcd: Process,
    server: Option<Process>,
}

impl ApiServer {
    /// The one that the tests of a program share, each in namespaces of its own, with the definitions of `crds/`. It is started
    /// by the first that asks and ends with the program; its logs stay in `target/<profile>/kube/<program>` until the next run.
    pub async fn shared() -> Result<&'static ApiServer> {
        static SHARED: OnceCell<(ApiServer, File)> = OnceCell::const_new();
        let (server, _lock) = SHARED
            .get_or_try_init(|| async {
                let (folder, lock) = shared_folder()?;
                anyhow::Ok((ApiServer::start_in(folder, None).await?, lock))
            })
            .await?;
        Ok(server)
    }

    /// One of the test's own, for who stops it.
    pub async fn start() -> Result<ApiServer> {
        let folder = tempfile::Builder::new().prefix("alluxio-test-kube-").tempdir()?;
        ApiServer::start_in(folder.path().to_owned(), Some(folder)).await
    }

    async fn start_in(folder: PathBuf, temporary: Option<TempDir>) -> Result<ApiServer> {
        // The first time this builds it, for minutes.
        let fetched = spawn_blocking(|| script("fetch.sh", |command| command.arg("apiserver"))).await??;
        let programs = PathBuf::from(fetched.trim());
        let keys = folder.join("keys");
        let wanted: [&[&str]; 4] = [
            &["authority", "ca"],
            &["server", "apiserver", "ca", "kube-apiserver", "IP:127.0.0.1"],
            &["client", "admin", "ca", "admin", "system:masters"],
            &["pair", "accounts"],
        ];
        for one in wanted {
            script("certificates.sh", |command| command.arg(&keys).args(one))?;
        }
        let (etcd_port, peers) = (free_port()?, format!("http://127.0.0.1:{}", free_port()?));
        let clients = format!("http://127.0.0.1:{etcd_port}");
        let mut command = Command::new(programs.join("etcd"));
        command
            .arg(format!("--data-dir={}", folder.join("etcd").display()))
            .args([format!("--listen-client-urls={clients}"), format!("--advertise-client-urls={clients}")])
            .args([format!("--listen-peer-urls={peers}"), format!("--initial-advertise-peer-urls={peers}")])
            .arg(format!("--initial-cluster=default={peers}"))
            // The processes die in these tests, the machine does not.
            .args(["--unsafe-no-fsync", "--log-level=warn"]);
        let etcd = bound::start("etcd", &command, &folder.join("etcd.log"))?;
        let port = free_port()?;
        let mut server = ApiServer { programs, folder, temporary, etcd_port, port, etcd, server: None };
        let [authority, certificate, key] = ["ca.crt", "admin.crt", "admin.key"].map(|name| keys.join(name));
        let user = json!({"client-certificate": certificate, "client-key": key});
        login::write(&server.kubeconfig(), server.port, &authority, &user)?;
        server.launch().await?;
        let definitions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds");
        install_folder(&server.client().await?, &definitions).await?;
        Ok(server)
    }

    /// After [`ApiServer::stop`]: on the same port, with what it had.
    pub async fn launch(&mut self) -> Result<()> {
        let keys = self.folder.join("keys");
        let file = |option: &str, name: &str| format!("--{option}={}", keys.join(name).display());
        let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("kube/audit-policy.yaml");
        let mut command = Command::new(self.programs.join("kube-apiserver"));
        command
            .arg(format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port))
            .arg(format!("--secure-port={}", self.port))
            .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
            .args(["--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=RBAC"])
            // No endpoints of its own: loopback would be refused there.
            .arg("--endpoint-reconciler-type=none")
            // Nobody makes accounts and their tokens here, which this plugin wants for each pod.
            .arg("--disable-admission-plugins=ServiceAccount")
            .args([file("client-ca-file", "ca.crt"), file("tls-cert-file", "apiserver.crt")])
            .args([
                file("tls-private-key-file", "apiserver.key"),
                file("service-account-key-file", "accounts.pub"),
            ])
            .arg(file("service-account-signing-key-file", "accounts.key"))
            .arg("--service-account-issuer=https://kubernetes.default.svc")
            .arg(format!("--audit-policy-file={}", policy.display()))
            .arg(format!("--audit-log-path={}", self.folder.join("audit.log").display()))
            // Each request is in the log before its handler ends; and one file, of up to so many megabytes.
            .args(["--audit-log-mode=blocking", "--audit-log-maxsize=100000", "--profiling=false"]);
        let log = self.folder.join("apiserver.log");
        self.server = Some(bound::start("kube-apiserver", &command, &log)?);
        self.wait_until_ready().await
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let client = self.client().await?;
        let began = Instant::now();
        loop {
            for process in [Some(&mut self.etcd), self.server.as_mut()].into_iter().flatten() {
                if let Some(status) = process.ended()? {
                    bail!("{process} ended with {status}; its last lines:\n{}", process.last_lines());
                }
            }
            let request = http::Request::get("/readyz").body(Vec::new())?;
            let answer = timeout(ANSWER_LIMIT, client.request_text(request)).await;
            if let Ok(Ok(_)) = answer {
                return Ok(());
            }
            if began.elapsed() > START_LIMIT {
                let lines = self.server.as_ref().map(Process::last_lines).unwrap_or_default();
                bail!(
                    "kube-apiserver is not ready after {START_LIMIT:?} ({answer:?}); its last lines:\n{lines}"
                );
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// kill -9: nobody answers until [`ApiServer::launch`].
    pub fn stop(&mut self) -> Result<()> {
        self.server.take().context("kube-apiserver is not running")?.kill()
    }

    /// The kubeconfig file of a user who may do everything.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.json")
    }

    /// A client that may do everything.
    pub async fn client(&self) -> Result<Client> {
        login::client_of(&self.kubeconfig()).await
    }

    /// The kubeconfig file of a ServiceAccount that exists: it may do what its roles allow. For an hour.
    pub async fn login(&self, namespace: &str, account: &str) -> Result<PathBuf> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, namespace);
        let spec = TokenRequestSpec { expiration_seconds: Some(3600), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let answer = accounts
            .create_token_request(account, &PostParams::default(), &request)
            .await
            .with_context(|| format!("a token for {namespace}/{account}"))?;
        let token = answer.status.context("no token in the answer")?.token;
        let file = self.folder.join(format!("{namespace}-{account}.json"));
        login::write(&file, self.port, &self.folder.join("keys/ca.crt"), &json!({"token": token}))?;
        Ok(file)
    }

    /// A new namespace with a name that begins so.
    pub async fn namespace(&self, prefix: &str) -> Result<String> {
        let namespaces: Api<Namespace> = Api::all(self.client().await?);
        let metadata = ObjectMeta { generate_name: Some(format!("{prefix}-")), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        Ok(namespaces.create(&PostParams::default(), &namespace).await?.name_any())
    }

    /// What it was asked.
    pub fn audit(&self) -> AuditLog {
        AuditLog::new(self.folder.join("audit.log"))
    }

    /// The ids of its processes.
    pub fn pids(&self) -> Vec<u32> {
        [Some(&self.etcd), self.server.as_ref()].into_iter().flatten().map(Process::pid).collect()
    }

    /// The end of a test that went well, with a server of its own: it is killed, its folder goes.
    pub fn finish(mut self) -> Result<()> {
        if self.server.is_some() {
            self.stop()?;
        }
        self.etcd.signal(Signal::SIGKILL)?;
        self.etcd.wait(ANSWER_LIMIT)?;
        if let Some(folder) = self.temporary.take() {
            folder.close()?;
        }
        Ok(())
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        let Some(folder) = self.temporary.take() else { return };
        eprintln!("--- the files and logs of the API server stay in {}", folder.keep().display());
    }
}

/// Runs a script of `tests/kube` to its end.
fn script(name: &str, arguments: impl FnOnce(&mut Command) -> &mut Command) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("kube").join(name);
    let mut command = Command::new(&path);
    let done = arguments(&mut command).output().with_context(|| path.display().to_string())?;
    if !done.status.success() {
        bail!("{}: {}", path.display(), String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(String::from_utf8(done.stdout)?)
}

/// An empty folder for this program beside the built ones, and the lock that says so.
fn shared_folder() -> Result<(PathBuf, File)> {
    let this = env::current_exe()?;
    // target/<profile>/deps/<program>-<hash>
    let program = this.file_stem().context("a program without a name")?.to_string_lossy().into_owned();
    let name = program.rsplit_once('-').map_or(&*program, |(name, _)| name);
    let all = this.ancestors().nth(2).context("a program outside of target")?.join("kube");
    fs::create_dir_all(&all)?;
    let lock = File::create(all.join(format!("{name}.lock")))?;
    let folder = all.join(name);
    lock.try_lock().with_context(|| format!("another run of {name} uses {}", folder.display()))?;
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    Ok((folder, lock))
}
