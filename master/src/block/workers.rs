//! The registry of workers: by id and by endpoint.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use alluxio_fs::FsError;
use alluxio_proto::grpc::WorkerNetAddress;
use parking_lot::RwLock;

use super::worker::{Endpoint, Standing, Worker};

/// Most workers remembered, lost and never registered ones included.
const MAX_WORKERS: usize = 100_000;

#[derive(Default)]
struct Registry {
    by_id: HashMap<i64, Arc<Worker>>,
    by_endpoint: HashMap<Endpoint, i64>,
    /// Workers refused until enabled, with their web ports. Kept when the worker itself is forgotten,
    /// but, as in Alluxio 2.9, not across a restart of the master.
    disabled: BTreeMap<Endpoint, i32>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Workers(RwLock<Registry>);

impl Workers {
    pub fn get(&self, id: i64) -> Option<Arc<Worker>> {
        self.0.read().by_id.get(&id).cloned()
    }

    pub fn find(&self, id: i64) -> Result<Arc<Worker>, FsError> {
        self.get(id).ok_or_else(|| FsError::not_found(format!("No worker with workerId {id} is found.")))
    }

    /// All workers that ever registered, in the order of host and port.
    pub fn all(&self) -> Vec<Arc<Worker>> {
        let workers: Vec<Arc<Worker>> = self.0.read().by_id.values().cloned().collect();
        let mut listed: Vec<(Endpoint, Arc<Worker>)> = workers
            .into_iter()
            .filter(|worker| worker.record().standing != Standing::Unregistered)
            .map(|worker| (worker.endpoint(), worker))
            .collect();
        listed.sort_by(|a, b| a.0.cmp(&b.0));
        listed.into_iter().map(|(_, worker)| worker).collect()
    }

    /// All workers, also those that only asked for an id, in no order.
    pub fn known(&self) -> Vec<Arc<Worker>> {
        self.0.read().by_id.values().cloned().collect()
    }

    /// The id of the worker at this address; a new one when there is none yet.
    pub fn id_for(&self, address: WorkerNetAddress) -> Result<i64, FsError> {
        let endpoint = checked_endpoint(&address)?;
        let mut registry = self.0.write();
        if let Some(id) = registry.by_endpoint.get(&endpoint).copied()
            && let Some(worker) = registry.by_id.get(&id)
        {
            let mut record = worker.record();
            record.expect_list();
            record.address = Arc::new(address);
            return Ok(id);
        }
        let mut id = new_id();
        while registry.by_id.contains_key(&id) {
            id = new_id();
        }
        registry.insert(id, endpoint, address)?;
        Ok(id)
    }

    /// Takes over the id that a worker has from another master. Returns the worker that it replaces.
    pub fn adopt(&self, id: i64, address: WorkerNetAddress) -> Result<Option<Arc<Worker>>, FsError> {
        let endpoint = checked_endpoint(&address)?;
        if id < 0 {
            return Err(FsError::invalid_argument(format!(
                "Worker id {id} is invalid: it must not be negative."
            )));
        }
        let mut registry = self.0.write();
        if let Some(worker) = registry.by_id.get(&id) {
            let mut record = worker.record();
            if Endpoint::of(&record.address) != endpoint {
                return Err(FsError::already_exists(format!(
                    "Worker id {id} belongs to the worker at {}. Restart the worker at {endpoint} to get an id of its own.",
                    Endpoint::of(&record.address)
                )));
            }
            record.expect_list();
            record.address = Arc::new(address);
            return Ok(None);
        }
        let replaced = registry.by_endpoint.remove(&endpoint).and_then(|old| registry.by_id.remove(&old));
        registry.insert(id, endpoint, address)?;
        Ok(replaced)
    }

    /// Forgets a worker. Its slots are the caller's to retire.
    pub fn remove(&self, id: i64) -> Option<Arc<Worker>> {
        let mut registry = self.0.write();
        let worker = registry.by_id.remove(&id)?;
        let endpoint = worker.endpoint();
        if registry.by_endpoint.get(&endpoint) == Some(&id) {
            registry.by_endpoint.remove(&endpoint);
        }
        Some(worker)
    }

    pub fn disable(&self, endpoint: Endpoint, web_port: i32) {
        self.0.write().disabled.insert(endpoint, web_port);
    }

    pub fn is_disabled(&self, endpoint: &Endpoint) -> bool {
        self.0.read().disabled.contains_key(endpoint)
    }

    /// Lets workers register again; returns how many matched.
    pub fn enable(&self, matches: impl Fn(&str, i32) -> bool) -> usize {
        let mut registry = self.0.write();
        let before = registry.disabled.len();
        registry.disabled.retain(|endpoint, web_port| !matches(&endpoint.host, *web_port));
        before - registry.disabled.len()
    }
}

impl Registry {
    fn insert(&mut self, id: i64, endpoint: Endpoint, address: WorkerNetAddress) -> Result<(), FsError> {
        if self.by_id.len() >= MAX_WORKERS {
            return Err(FsError::resource_exhausted(format!(
                "The master knows {MAX_WORKERS} workers already. Wait until lost ones are forgotten (alluxio.master.lost.worker.deletion.timeout)."
            )));
        }
        self.by_endpoint.insert(endpoint, id);
        self.by_id.insert(id, Worker::new(id, address));
        Ok(())
    }
}

fn checked_endpoint(address: &WorkerNetAddress) -> Result<Endpoint, FsError> {
    let endpoint = Endpoint::of(address);
    if endpoint.host.is_empty() || !(1..=65_535).contains(&endpoint.rpc_port) {
        return Err(FsError::invalid_argument(format!(
            "Worker address \"{endpoint}\" is invalid: it needs a host and an RPC port."
        )));
    }
    Ok(endpoint)
}

/// Random, so that a worker of an earlier master is never taken for another one.
fn new_id() -> i64 {
    rand::random::<i64>() & i64::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str, rpc_port: i32) -> WorkerNetAddress {
        WorkerNetAddress { host: Some(host.to_owned()), rpc_port: Some(rpc_port), ..Default::default() }
    }

    #[test]
    fn an_endpoint_has_one_id() {
        let workers = Workers::default();
        let id = workers.id_for(address("w1", 29999)).unwrap();
        assert!(id >= 0);
        assert_eq!(workers.id_for(address("w1", 29999)).unwrap(), id);
        assert_ne!(workers.id_for(address("w1", 30001)).unwrap(), id);
        assert!(workers.all().is_empty(), "none has registered");
        assert!(workers.id_for(address("", 29999)).is_err() && workers.id_for(address("w", 0)).is_err());

        workers.remove(id).unwrap();
        assert_ne!(workers.id_for(address("w1", 29999)).unwrap(), id);
    }

    #[test]
    fn an_adopted_id_replaces_the_one_at_its_address() {
        let workers = Workers::default();
        let old = workers.id_for(address("w1", 29999)).unwrap();
        let replaced = workers.adopt(7, address("w1", 29999)).unwrap();
        assert_eq!(replaced.unwrap().id, old);
        assert!(workers.get(old).is_none());
        assert_eq!(workers.id_for(address("w1", 29999)).unwrap(), 7);
        assert!(workers.adopt(7, address("w1", 29999)).unwrap().is_none());
        let error = workers.adopt(7, address("w2", 29999)).unwrap_err();
        assert_eq!(error.kind, alluxio_fs::ErrorKind::AlreadyExists);
        assert!(workers.adopt(-1, address("w3", 29999)).is_err());
    }
}
