//! Servers whose log level is asked for.

use std::fmt;

use alluxio_client::worker_host;
use alluxio_conf::{Configuration, key};
use alluxio_proto::grpc::WorkerNetAddress;

const MASTER: &str = "master";
const WORKER: &str = "worker";

/// The web port of a server, and which of its pages to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub host: String,
    pub port: u16,
    role: String,
}

impl Target {
    pub fn master(host: String, conf: &Configuration) -> Self {
        Self { host, port: web_port(conf.get(key::MASTER_WEB_PORT)), role: MASTER.to_owned() }
    }

    pub fn worker(address: &WorkerNetAddress) -> Self {
        let port = web_port(address.web_port().into());
        Self { host: worker_host(address).to_owned(), port, role: WORKER.to_owned() }
    }

    /// Reads `host:webPort[:role]`; without a role the usual ports tell it.
    pub fn parse(text: &str, conf: &Configuration) -> Result<Self, String> {
        let invalid = || {
            format!(
                "Unrecognized target argument: {text}. Write master, workers or host:webPort[:role], separated by commas."
            )
        };
        let mut parts = text.split(':');
        let host = parts.next().filter(|host| !host.is_empty()).ok_or_else(invalid)?;
        let port: u16 = parts.next().and_then(|port| port.parse().ok()).ok_or_else(invalid)?;
        let role = match parts.next() {
            Some(role) if role == MASTER || role == WORKER => role,
            Some(_) => return Err(invalid()),
            None if i64::from(port) == conf.get(key::MASTER_WEB_PORT) => MASTER,
            None if i64::from(port) == conf.get(key::WORKER_WEB_PORT) => WORKER,
            None => {
                return Err(format!(
                    "Unrecognized port in {text}: it is neither alluxio.master.web.port nor alluxio.worker.web.port. \
                     Add the role: {text}:master or {text}:worker"
                ));
            }
        };
        if parts.next().is_some() {
            return Err(invalid());
        }
        Ok(Self { host: host.to_owned(), port, role: role.to_owned() })
    }

    /// Path and query of the request.
    pub fn request(&self, logger: &str, level: Option<&str>) -> String {
        let level = level.map(|level| format!("&level={}", encoded(level))).unwrap_or_default();
        format!("/api/v1/{}/logLevel?logName={}{level}", self.role, encoded(logger))
    }
}

/// Ports are checked when the configuration is loaded; what a master sends out of range leads nowhere.
fn web_port(port: i64) -> u16 {
    u16::try_from(port).unwrap_or_default()
}

/// Percent-encoding of all but the letters that may stand in a query as they are.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}[{}]", self.host, self.port, self.role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Result<String, String> {
        Target::parse(text, &Configuration::defaults()).map(|target| target.to_string())
    }

    #[test]
    fn the_usual_ports_tell_the_role() {
        assert_eq!(target("h:19999").unwrap(), "h:19999[master]");
        assert_eq!(target("h:30000").unwrap(), "h:30000[worker]");
        assert_eq!(target("h:1:worker").unwrap(), "h:1[worker]");
    }

    #[test]
    fn mistakes_are_named() {
        assert!(target("h:1").unwrap_err().contains("h:1:worker"));
        for text in ["nobody", "h:x", "h:1:cook", "h:1:worker:x", ":1"] {
            assert!(
                target(text).unwrap_err().starts_with(&format!("Unrecognized target argument: {text}")),
                "{text}"
            );
        }
    }

    #[test]
    fn requests_are_encoded() {
        let target = Target::parse("h:19999", &Configuration::defaults()).unwrap();
        assert_eq!(
            target.request("a::b c", Some("DEBUG")),
            "/api/v1/master/logLevel?logName=a%3A%3Ab%20c&level=DEBUG"
        );
        assert_eq!(target.request("root", None), "/api/v1/master/logLevel?logName=root");
    }
}
