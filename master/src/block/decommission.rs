//! Taking workers out of service and back.
//!
//! A decommissioned worker keeps running and heartbeating, but nobody is sent to it: except for what is nowhere else,
//! neither on an active worker nor in the under storage. That is read and persisted there as long as it heartbeats. It
//! comes back by registering, which a *disabled* one may not until it is enabled. As in Alluxio 2.9 this is not journaled.

use alluxio_fs::FsError;

use super::master::BlockMaster;
use super::worker::{Endpoint, Standing};

impl BlockMaster {
    /// Takes the workers on `host` (with `web_port`, that one) out of service.
    pub fn decommission(&self, host: &str, web_port: Option<i64>, may_return: bool) -> Result<(), FsError> {
        let mut matched = false;
        for worker in self.workers.all() {
            let mut record = worker.record();
            if !is_meant(host, web_port, record.address.host(), record.address.web_port()) {
                continue;
            }
            matched = true;
            let endpoint = Endpoint::of(&record.address);
            let own_web_port = record.address.web_port();
            record.standing = if may_return { Standing::Decommissioned } else { Standing::Disabled };
            record.frees.clear();
            drop(record);
            if !may_return {
                self.workers.disable(endpoint.clone(), own_web_port);
            }
            tracing::info!(worker = worker.id, address = %endpoint, may_return, "worker decommissioned");
        }
        if matched { Ok(()) } else { Err(no_such_worker(host, web_port)) }
    }

    /// Lets disabled workers register again and calls decommissioned ones back: their next heartbeat is
    /// answered with the command to register. A worker that nobody took out may register anyway: that is no
    /// failure, so the call can be repeated.
    pub fn enable(&self, host: &str, web_port: Option<i64>) {
        let mut matched =
            self.workers.enable(|of_host, of_port| is_meant(host, web_port, of_host, of_port)) > 0;
        for worker in self.workers.all() {
            let mut record = worker.record();
            let out = matches!(record.standing, Standing::Decommissioned | Standing::Disabled);
            if out && is_meant(host, web_port, record.address.host(), record.address.web_port()) {
                // Not active before it has listed its blocks again; what is only there can be read meanwhile.
                record.standing = Standing::Lost;
                matched = true;
            }
        }
        tracing::info!(host, web_port, was_out = matched, "workers may register");
    }
}

fn is_meant(host: &str, web_port: Option<i64>, of_host: &str, of_port: i32) -> bool {
    host == of_host && web_port.is_none_or(|port| port == i64::from(of_port))
}

fn no_such_worker(host: &str, web_port: Option<i64>) -> FsError {
    let port = web_port.map(|port| format!(" with web port {port}")).unwrap_or_default();
    FsError::not_found(format!(
        "No worker on {host}{port} is registered. `alluxio fsadmin report capacity` lists the workers."
    ))
}

#[cfg(test)]
#[path = "decommission_tests.rs"]
mod tests;
