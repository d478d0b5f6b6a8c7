//! Bringing blocks onto workers because somebody asked the master for it: load jobs ([`load_job`], `fs load --submit`), and as
//! many copies as files are to have ([`replicas`], `fs setReplication`).
//!
//! That a load job runs is journaled ([`journaled`]), how far it is not: the next leader begins anew with it, and passes over
//! what is cached. Copies are counted anew.

mod calls;
mod journaled;
mod lanes;
mod load_job;
mod load_report;
mod replicas;
mod wanted;

use std::sync::Arc;

use alluxio_conf::Configuration;
use parking_lot::Mutex;

use self::{
    calls::{Remote, WorkerCalls},
    load_job::LoadJobs,
};

pub struct Caching {
    calls: Mutex<Arc<dyn WorkerCalls>>,
    jobs: LoadJobs,
}

impl Caching {
    pub fn new(conf: &Configuration) -> Self {
        Self { calls: Mutex::new(Arc::new(Remote::new(conf))), jobs: LoadJobs::default() }
    }

    fn calls(&self) -> Arc<dyn WorkerCalls> {
        self.calls.lock().clone()
    }

    #[cfg(test)]
    fn replace_calls(&self, calls: Arc<dyn WorkerCalls>) {
        *self.calls.lock() = calls;
    }
}

#[cfg(test)]
mod fake_workers;
