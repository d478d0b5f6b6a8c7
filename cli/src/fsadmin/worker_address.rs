//! Workers as administrators name them: `host` or `host:webPort`.

use std::fmt;

use alluxio_client::worker_host;
use alluxio_conf::{Configuration, key};
use alluxio_proto::grpc::WorkerNetAddress;

use crate::error::CommandError;

/// Host and web port of a worker.
#[derive(Clone, Debug)]
pub struct WorkerAddress {
    pub host: String,
    pub web_port: u16,
    /// Where it listens, where that is not its host: in a pod's network.
    pub container: Option<String>,
}

/// A worker stays the same one when its container is another.
impl PartialEq for WorkerAddress {
    fn eq(&self, other: &Self) -> bool {
        (&self.host, self.web_port) == (&other.host, other.web_port)
    }
}

impl Eq for WorkerAddress {}

/// What was typed for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerName {
    pub host: String,
    pub web_port: Option<u16>,
}

impl WorkerName {
    /// Reads names separated by commas.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, CommandError> {
        text.split(',').map(|part| Self::parse(part.trim())).collect()
    }

    fn parse(text: &str) -> Result<Self, CommandError> {
        let invalid = || {
            CommandError::failed(format!(
                "Worker address {text} cannot be recognized: write host or host:webPort."
            ))
        };
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or_else(invalid)?)),
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let web_port = port.map(|port| port.parse().map_err(|_| invalid())).transpose()?;
        if host.is_empty() {
            return Err(invalid());
        }
        Ok(Self { host: host.to_owned(), web_port })
    }

    /// Whether this may be the worker's name. Without a port it is one of all workers on the host.
    pub fn fits(&self, worker: &WorkerAddress) -> bool {
        self.host == worker.host && self.web_port.is_none_or(|port| port == worker.web_port)
    }
}

impl fmt::Display for WorkerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        self.web_port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl WorkerAddress {
    pub fn of(worker: &WorkerNetAddress) -> Self {
        // What a master sends out of range leads nowhere.
        let web_port = u16::try_from(worker.web_port()).unwrap_or_default();
        let container = Some(worker_host(worker)).filter(|host| *host != worker.host());
        Self { host: worker.host().to_owned(), web_port, container: container.map(str::to_owned) }
    }

    /// The host to call it at.
    pub fn reached_at(&self) -> &str {
        self.container.as_deref().unwrap_or(&self.host)
    }
}

impl fmt::Display for WorkerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.web_port)
    }
}

/// The web port of a worker of which nothing else is known.
pub fn usual_web_port(conf: &Configuration) -> Result<u16, CommandError> {
    let port = conf.get(key::WORKER_WEB_PORT);
    u16::try_from(port)
        .map_err(|_| CommandError::failed(format!("alluxio.worker.web.port={port} is no port: 0 to 65535.")))
}

/// `[h1:30000, h2:30000]`
pub fn shown<T: fmt::Display>(workers: impl IntoIterator<Item = T>) -> String {
    let all: Vec<_> = workers.into_iter().map(|worker| worker.to_string()).collect();
    format!("[{}]", all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_host_with_or_without_a_port() {
        let parse = |text: &str| WorkerName::parse_list(text).map(shown);
        assert_eq!(parse("a, b:8,[::1]:9,[::2]").unwrap(), "[a, b:8, ::1:9, ::2]");
        for wrong in ["", "a,", ":8", "a:", "a:x", "a:1:2", "::1", "[::1]8", "a:70000"] {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(
                error.starts_with("Worker address ") && error.contains("host:webPort"),
                "{wrong}: {error}"
            );
        }
    }
}
