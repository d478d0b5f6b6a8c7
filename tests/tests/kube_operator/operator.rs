//! An operator as its Deployment starts it: a process with the pod's environment.

use std::{
    net::SocketAddr,
    path::Path,
    process::ExitStatus,
    time::{Duration, Instant},
};

use alluxio_tests::{
    kube::start_bound,
    ports::free_port,
    process::{Process, our_binary},
};
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use tokio::task::block_in_place;

/// Longer than a lease, and than the end of one that is asked to end.
const LIMIT: Duration = Duration::from_secs(40);

pub struct Operator {
    process: Process,
    http: SocketAddr,
    /// Who it is in the audit log.
    pub user: String,
}

/// What a pod's environment says.
pub struct Pod<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    /// `WATCH_NAMESPACES`: empty for all.
    pub watches: &'a str,
    /// The release that its image is of.
    pub release: &'a str,
}

impl Operator {
    /// With these words on its command line.
    pub fn start(kubeconfig: &Path, pod: &Pod<'_>, user: String, log: &Path, words: &[&str]) -> Result<Self> {
        let http = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let mut command = our_binary("alluxio-operator")?;
        command
            .args(words)
            .env("KUBECONFIG", kubeconfig)
            .env("POD_NAME", pod.name)
            .env("POD_NAMESPACE", pod.namespace)
            .env("WATCH_NAMESPACES", pod.watches)
            .env("HTTP_ADDRESS", http.to_string())
            .env("IMAGE_REPOSITORY", "localhost")
            .env("IMAGE_TAG", pod.release);
        let process = start_bound(pod.name, &command, log)?;
        Ok(Self { process, http, user })
    }

    /// Nothing is given back.
    pub fn kill(self) -> Result<()> {
        self.process.kill()
    }

    /// SIGTERM: it ends cleanly.
    pub fn stop(self) -> Result<()> {
        block_in_place(|| self.process.terminate(LIMIT))
    }

    /// SIGSTOP: it does not even notice that time goes by.
    pub fn freeze(&self) -> Result<()> {
        self.process.signal(Signal::SIGSTOP)
    }

    pub fn thaw(&self) -> Result<()> {
        self.process.signal(Signal::SIGCONT)
    }

    /// Waits until it ends by itself; what it printed.
    pub fn ended(mut self) -> Result<(ExitStatus, String)> {
        let status = block_in_place(|| self.process.wait(LIMIT))?;
        Ok((status, self.process.output()))
    }

    pub fn last_lines(&self) -> String {
        self.process.last_lines()
    }

    /// What a path of its web port says; an error when the answer is none.
    pub async fn web(&self, path: &str) -> Result<String> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        let answer = client.get(format!("http://{}{path}", self.http)).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    /// The sum over all labels.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        let text = self.web("/metrics").await?;
        let rows = text
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        let values = rows.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        Ok(values.sum())
    }

    /// How often it has looked at a cluster, from beginning to end.
    pub async fn looks(&self) -> Result<f64> {
        self.metric("alluxio_operator_reconciles_total").await
    }

    /// Waits until it has looked so many times.
    pub async fn until_looked(&self, times: f64) -> Result<()> {
        let began = Instant::now();
        // One that was started just now has no web port yet.
        while !self.looks().await.is_ok_and(|looks| looks >= times) {
            if began.elapsed() > LIMIT {
                bail!("not {times} looks within {LIMIT:?}; its last lines:\n{}", self.last_lines());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Waits until its web port answers so.
    pub async fn until_ready(&self) -> Result<()> {
        let began = Instant::now();
        loop {
            match self.web("/readyz").await {
                Ok(_) => return Ok(()),
                Err(error) if began.elapsed() > LIMIT => {
                    return Err(error).with_context(|| format!("not ready within {LIMIT:?}"));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}
