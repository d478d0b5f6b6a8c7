//! The web ports of the processes under test.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::Cluster;

/// An answer: its status, its headers by lower-case name, and its text.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub text: String,
}

const LIMIT: Duration = Duration::from_secs(10);
/// A walk of the whole tree, which may have a million inodes.
const TREE_LIMIT: Duration = Duration::from_secs(120);

/// GET on a loopback port. Redirections are not followed.
pub fn get(port: u16, path: &str) -> Result<Answer> {
    get_within(LIMIT, port, path)
}

/// GET of a JSON document at another address.
pub fn get_json_at(host: &str, port: u16, path: &str) -> Result<Value> {
    get_json_within(LIMIT, host, port, path)
}

/// The same from who may be lost.
pub fn get_json_within(limit: Duration, host: &str, port: u16, path: &str) -> Result<Value> {
    let answer = get_at(limit, host, port, path)?;
    json_of(&answer).with_context(|| format!("{path} at {host}:{port}"))
}

fn get_within(limit: Duration, port: u16, path: &str) -> Result<Answer> {
    get_at(limit, "127.0.0.1", port, path)
}

fn get_at(limit: Duration, host: &str, port: u16, path: &str) -> Result<Answer> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(limit))
        .build()
        .into();
    let url = format!("http://{host}:{port}{path}");
    let mut response = agent.get(&url).call().with_context(|| url.clone())?;
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(Answer {
        status: response.status().as_u16(),
        headers: response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        text: response.body_mut().read_to_string()?,
    })
}

/// GET of a JSON document.
pub fn get_json(port: u16, path: &str) -> Result<Value> {
    json_of(&get(port, path)?).with_context(|| format!("{path} on port {port}"))
}

fn json_of(answer: &Answer) -> Result<Value> {
    serde_json::from_str(&answer.text)
        .with_context(|| format!("the answer {}: {}", answer.status, answer.text))
}

/// Does the process say that it serves?
pub fn is_ready(port: u16) -> bool {
    is_served(port, "/readyz")
}

/// Is there an answer to this page?
pub fn is_served(port: u16, path: &str) -> bool {
    get(port, path).is_ok_and(|answer| answer.status == 200)
}

/// The hash over a master's whole tree, and the sequence it stands for.
pub fn tree_hash(port: u16) -> Result<(u64, String)> {
    let answer = json_of(&get_within(TREE_LIMIT, port, "/debug/tree_hash")?)?;
    match (answer["sequence"].as_u64(), answer["hash"].as_str()) {
        (Some(sequence), Some(hash)) => Ok((sequence, hash.to_owned())),
        _ => bail!("not a tree hash: {answer}"),
    }
}

impl Cluster {
    /// The hash over the master's whole tree, and the sequence it stands for.
    pub fn tree_hash(&self) -> Result<(u64, String)> {
        tree_hash(self.master_web_port())
    }

    /// The master's metrics as JSON.
    pub fn master_metrics(&self) -> Result<Value> {
        get_json(self.master_web_port(), "/metrics/json/")
    }

    /// The sum of a worker's counter, whatever host and tags are in its name.
    pub fn worker_counter(&self, worker: usize, name: &str) -> Result<i64> {
        let metrics = get_json(self.worker_web_port(worker), "/metrics/json/")?;
        let counters =
            metrics["counters"].as_object().with_context(|| format!("no counters in {metrics}"))?;
        let of_name =
            |full: &str| full == name || full.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let counts: Vec<i64> = counters
            .iter()
            .filter(|(full, _)| of_name(full))
            .filter_map(|(_, value)| value["count"].as_i64())
            .collect();
        ensure!(!counts.is_empty(), "worker {worker} has no counter {name}");
        Ok(counts.iter().sum())
    }
}
