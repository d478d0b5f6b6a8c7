//! How often each store is asked for what, how long it takes and how often it fails, under the original's names:
//! `Master.GetStatus.UFS:%2Fdata.UFS_TYPE:local`, `Master.GetStatusFailures.…`. And how many use it now:
//! `Master.UfsSessionCount-Ufs:%2Fdata`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alluxio_conf::Role;
use alluxio_telemetry::metrics::{Counter, Metrics, Timer, escape_tag};
use parking_lot::Mutex;

use super::{Call, Method, layered::Layer};
use crate::error::Result;
use crate::under_fs::UnderFs;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    shared: Arc<Shared>,
}

struct Shared {
    metrics: Metrics,
    process: &'static str,
    address: String,
    ufs_type: &'static str,
    /// `alluxio.underfs.logging.threshold`: calls that take longer are logged.
    slow: Duration,
    sessions: Counter,
    /// Made when first needed: most mounts are never asked for most things.
    known: Mutex<HashMap<Method, (Timer, Counter)>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Figures").field("address", &self.address).finish()
    }
}

/// One more that uses the store, until it is dropped.
pub(super) struct Session(Counter);

impl Drop for Session {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Figures {
    pub(super) fn new(metrics: Metrics, role: Role, ufs: &dyn UnderFs, slow: Duration) -> Self {
        let process = match role {
            Role::Worker => "Worker",
            Role::Master | Role::Client => "Master",
        };
        let address = escape_tag(&ufs.uri().to_string());
        let ufs_type = ufs.ufs_type();
        let sessions = metrics.own_counter(&format!("{process}.UfsSessionCount-Ufs:{address}"));
        let known = Mutex::default();
        Self { shared: Arc::new(Shared { metrics, process, address, ufs_type, slow, sessions, known }) }
    }

    fn of(&self, method: Method) -> Option<(Timer, Counter)> {
        let Shared { metrics, process, address, ufs_type, .. } = &*self.shared;
        let name = method.name()?;
        let made = || {
            let tags = [("UFS", address.as_str()), ("UFS_TYPE", *ufs_type)];
            let calls = metrics.own_tagged_timer(&format!("{process}.{name}"), &tags);
            let failures = metrics.own_tagged_counter(&format!("{process}.{name}Failures"), &tags);
            (calls, failures)
        };
        Some(self.shared.known.lock().entry(method).or_insert_with(made).clone())
    }
}

impl Layer for Figures {
    fn session(&self) -> Option<Session> {
        self.shared.sessions.inc();
        Some(Session(self.shared.sessions.clone()))
    }

    async fn once<T: Send>(&self, call: Call<'_>, made: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let _session = self.session();
        let began = Instant::now();
        let done = made.await;
        let took = began.elapsed();
        if let Some((calls, failures)) = self.of(call.method) {
            calls.record(took);
            if done.is_err() {
                failures.inc();
            }
        }
        if took >= self.shared.slow {
            let path = call.uri.join(call.path);
            let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            let failed = done.as_ref().err().map(|error| error.kind());
            tracing::warn!(%path, method = ?call.method, millis, failed = ?failed, "a slow call of an under storage");
        }
        done
    }
}
