//! How large: `E2E_SCALE_CLUSTERS`, `E2E_SCALE_NODES` and `E2E_SCALE_MINUTES` make it smaller, so that a change of the test is tried in minutes.

use std::{env, time::Duration};

use anyhow::{Context, Result, ensure};

pub const MASTERS: usize = 3;
pub const WORKERS: usize = 5;

/// So long after a look at a cluster at rest the operator looks again.
const RESYNC: Duration = Duration::from_secs(300);

pub struct Size {
    pub clusters: usize,
    pub nodes: usize,
    /// How long nothing may be written.
    pub rest: Duration,
}

impl Size {
    pub fn of_environment() -> Result<Self> {
        let clusters = number("E2E_SCALE_CLUSTERS", 200)?;
        let nodes = number("E2E_SCALE_NODES", 1000)?;
        ensure!(
            nodes >= WORKERS,
            "E2E_SCALE_NODES={nodes}: at least {WORKERS}, one for each worker of a cluster"
        );
        let minutes = number("E2E_SCALE_MINUTES", 10)?;
        Ok(Self { clusters, nodes, rest: Duration::from_secs(60) * u32::try_from(minutes)? })
    }

    /// Nodes are labelled in pools, in each as many as a cluster has workers.
    pub fn pool_of_node(&self, number: usize) -> String {
        format!("pool-{}", number / WORKERS)
    }

    /// The pool of a cluster's workers; clusters share pools only where there are too few.
    pub fn pool_of_cluster(&self, number: usize) -> String {
        format!("pool-{}", number % (self.nodes / WORKERS))
    }

    /// How often the operator looks at each cluster in that time.
    pub fn resyncs(&self) -> usize {
        (self.rest.as_secs() / RESYNC.as_secs()) as usize
    }
}

fn number(name: &str, default: usize) -> Result<usize> {
    let Ok(text) = env::var(name) else { return Ok(default) };
    let number: usize = text.parse().with_context(|| format!("{name}={text}: a number"))?;
    ensure!(number > 0, "{name}={text}: more than nothing");
    Ok(number)
}
