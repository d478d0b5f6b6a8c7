//! The web ports of all masters, by one listener: the addresses of kwok's pods are this machine's own.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use alluxio_tests::kube::Scenario;
use anyhow::Result;
use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use parking_lot::Mutex;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// As the operator sets it where the spec says nothing.
const PORT: u16 = 19999;
const MASTERS: &str = "app.kubernetes.io/component=master";

/// By their addresses, whether they lead: the first of each cluster does.
#[derive(Clone, Default)]
pub struct Roles {
    leads: Arc<Mutex<HashMap<IpAddr, bool>>>,
    asked: Arc<AtomicU64>,
}

impl Roles {
    pub async fn serve(scenario: &Scenario) -> Result<Self> {
        let roles = Self::default();
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
        tokio::spawn(roles.clone().follow(Api::namespaced(scenario.client(), scenario.namespace())));
        tokio::spawn(roles.clone().listen(listener));
        Ok(roles)
    }

    /// How often anybody asked.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    async fn follow(self, pods: Api<Pod>) {
        let of_masters = watcher::Config::default().labels(MASTERS);
        let events = watcher(pods, of_masters).default_backoff().try_for_each(|event| {
            match event {
                Event::Apply(pod) | Event::InitApply(pod) => {
                    if let Some(address) = address(&pod) {
                        self.leads.lock().insert(address, pod.name_any().ends_with("-0"));
                    }
                }
                Event::Delete(pod) => {
                    if let Some(address) = address(&pod) {
                        self.leads.lock().remove(&address);
                    }
                }
                Event::Init | Event::InitDone => {}
            }
            std::future::ready(Ok(()))
        });
        if let Err(error) = events.await {
            eprintln!("--- the masters' pods cannot be watched: {error}");
        }
    }

    async fn listen(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            // Whoever asked may have gone.
            tokio::spawn(self.clone().answer(stream));
        }
    }

    /// One request after the other, as long as the connection stands.
    async fn answer(self, stream: TcpStream) -> Result<()> {
        let address = stream.local_addr()?.ip();
        let mut stream = BufReader::new(stream);
        loop {
            let mut request = String::new();
            if stream.read_line(&mut request).await? == 0 {
                return Ok(());
            }
            let mut header = String::new();
            while stream.read_line(&mut header).await? > 2 {
                header.clear();
            }
            let number = self.asked.fetch_add(1, Ordering::Relaxed);
            let leads = self.leads.lock().get(&address).copied();
            let (status, body) = match leads {
                Some(leads) if request.starts_with("GET /role ") => ("200 OK", role(leads, number)),
                Some(_) if request.starts_with("GET /readyz ") => ("200 OK", "ready\n".to_owned()),
                _ => ("404 Not Found", String::new()),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.get_mut().write_all(answer.as_bytes()).await?;
        }
    }
}

/// As a real master says it. What is another one at each look is another one here, too.
fn role(leads: bool, number: u64) -> String {
    let lag = if leads { 0 } else { number % 40 };
    json!({
        "role": if leads { "PRIMARY" } else { "STANDBY" }, "serving": leads, "term": 3, "appliedSequence": number, "durableSequence": number,
        "lagMs": lag, "journalFormat": 1, "version": env!("CARGO_PKG_VERSION"), "knownWorkers": 5, "reportingWorkers": 5, "reportedBlocks": number,
    })
    .to_string()
}

fn address(pod: &Pod) -> Option<IpAddr> {
    pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()
}
