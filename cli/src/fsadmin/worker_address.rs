//! Workers as administrators name them: `host` or `host:webPort`.

use std::fmt;

use alluxio_conf::{Configuration, key};
use alluxio_proto::grpc::WorkerNetAddress;

use crate::error::CommandError;

/// Host and web port of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerAddress {
    pub host: String,
    pub web_port: u16,
}

impl WorkerAddress {
    /// Reads addresses separated by commas. A port that is missing is `alluxio.worker.web.port`.
    pub fn parse_list(text: &str, conf: &Configuration) -> Result<Vec<Self>, CommandError> {
        text.split(',').map(|part| Self::parse(part.trim(), conf)).collect()
    }

    fn parse(text: &str, conf: &Configuration) -> Result<Self, CommandError> {
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
        let port = match port {
            Some(port) => port.parse().map_err(|_| invalid())?,
            None => u16::try_from(conf.get(key::WORKER_WEB_PORT)).map_err(|_| invalid())?,
        };
        if host.is_empty() {
            return Err(invalid());
        }
        Ok(Self { host: host.to_owned(), web_port: port })
    }

    pub fn of(worker: &WorkerNetAddress) -> Self {
        // What a master sends out of range leads nowhere.
        let web_port = u16::try_from(worker.web_port()).unwrap_or_default();
        Self { host: worker.host().to_owned(), web_port }
    }
}

impl fmt::Display for WorkerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.web_port)
    }
}

/// `[h1:30000, h2:30000]`
pub fn shown<'a>(workers: impl IntoIterator<Item = &'a WorkerAddress>) -> String {
    let all: Vec<_> = workers.into_iter().map(ToString::to_string).collect();
    format!("[{}]", all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_port_is_the_configured_one() {
        let conf = Configuration::defaults().with(&[("alluxio.worker.web.port", "7")]).unwrap();
        let parse = |text: &str| WorkerAddress::parse_list(text, &conf).map(|workers| shown(&workers));
        assert_eq!(parse("a, b:8,[::1]:9,[::2]").unwrap(), "[a:7, b:8, ::1:9, ::2:7]");
        for wrong in ["", "a,", ":8", "a:", "a:x", "a:1:2", "::1", "[::1]8", "a:70000"] {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(
                error.starts_with("Worker address ") && error.contains("host:webPort"),
                "{wrong}: {error}"
            );
        }
    }
}
