//! The operator: a process beside the test, so that its memory can be seen, with the rights of `deploy/operator`.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use alluxio_tests::{
    e2e::{kubectl, patient},
    kube::{
        Scenario,
        audit::{Position, Request},
    },
    ports::free_port,
    process::{Process, our_binary},
};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::figures::Reconciles;

const NAME: &str = "alluxio-operator";
const USER: &str = "system:serviceaccount:alluxio-operator:alluxio-operator";
const LEASES: &str = "leases.coordination.k8s.io";
const LIMIT: Duration = Duration::from_secs(60);

pub struct Operator {
    process: Process,
    metrics: String,
}

impl Operator {
    /// Starts it and waits until it acts.
    pub async fn start(scenario: &Scenario) -> Result<Self> {
        kubectl("default", &["create", "namespace", NAME])?;
        for file in ["rbac", "rbac-everywhere", "rbac-nodes"] {
            let rights = format!("{}/../deploy/operator/{file}.yaml", env!("CARGO_MANIFEST_DIR"));
            kubectl(NAME, &["apply", "--filename", &rights])?;
        }
        let login = scenario.folder().join("operator.conf");
        log_in(&scenario.folder().join("admin.conf"), &login)?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let mut command = our_binary(NAME)?;
        command
            .env("KUBECONFIG", &login)
            .env("POD_NAME", format!("{NAME}-0"))
            .env("POD_NAMESPACE", NAME)
            .env("HTTP_ADDRESS", address.to_string());
        let process = Process::start(NAME, command, &scenario.folder().join("log").join("operator.log"))?;
        let mut operator = Self { process, metrics: format!("http://{address}/metrics") };
        let began = Instant::now();
        while !operator.text().await.is_ok_and(|text| text.contains("\nalluxio_operator_leader 1\n")) {
            operator.runs()?;
            ensure!(began.elapsed() < patient(LIMIT), "it does not act:\n{}", operator.process.last_lines());
            sleep(Duration::from_millis(100)).await;
        }
        Ok(operator)
    }

    /// An error when it has ended.
    pub fn runs(&mut self) -> Result<()> {
        match self.process.ended()? {
            None => Ok(()),
            Some(status) => {
                bail!("the operator ended with {status}; its last lines:\n{}", self.process.last_lines())
            }
        }
    }

    /// It has logged no error.
    pub fn is_content(&self) -> Result<()> {
        let output = self.process.output();
        let bad: Vec<_> =
            output.lines().filter(|line| line.contains(" ERROR ") || line.contains("panicked")).collect();
        ensure!(bad.is_empty(), "the operator says:\n{}", bad.join("\n"));
        Ok(())
    }

    /// The most memory that it ever had resident, in bytes.
    pub fn most_resident(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.process.pid());
        let status = fs::read_to_string(&path)?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next());
        Ok(kib.with_context(|| format!("no VmHWM in {path}"))?.parse::<u64>()? * 1024)
    }

    /// What it has resident now, in bytes.
    pub fn resident(&self) -> Result<u64> {
        self.process.resident_bytes()
    }

    /// How long it has had a processor, from its start on.
    pub fn processor_time(&self) -> Result<Duration> {
        let path = format!("/proc/{}/stat", self.process.pid());
        let text = fs::read_to_string(&path)?;
        // After the name, which stands in brackets: the 12th and 13th are its own and the kernel's time, in hundredths.
        let (_, rest) = text.rsplit_once(") ").context("no name in it")?;
        let times = rest.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks = times.sum::<Result<u64, _>>().with_context(|| format!("{path}: {text}"))?;
        Ok(Duration::from_millis(ticks * 10))
    }

    pub async fn reconciles(&self) -> Result<Reconciles> {
        Reconciles::of(&self.text().await?)
    }

    async fn text(&self) -> Result<String> {
        let client = reqwest::Client::builder().no_proxy().timeout(patient(LIMIT)).build()?;
        Ok(client.get(&self.metrics).send().await?.error_for_status()?.text().await?)
    }

    /// What it asked the API server since then.
    pub fn requests_since(&self, scenario: &Scenario, position: Position) -> Result<Vec<Request>> {
        scenario.audit().since_by(position, USER)
    }
}

/// Those that change something, but for its Lease.
pub fn changes(requests: &[Request]) -> Vec<&Request> {
    requests.iter().filter(|request| request.is_change() && request.resource != LEASES).collect()
}

/// The same cluster for the operator's account.
fn log_in(admin: &Path, login: &Path) -> Result<()> {
    let token = kubectl(NAME, &["create", "token", NAME, "--duration=6h"])?;
    let mut file: Value = serde_yaml::from_str(&fs::read_to_string(admin)?)?;
    file["users"][0]["user"] = json!({ "token": token.trim() });
    fs::write(login, file.to_string()).with_context(|| login.display().to_string())
}
