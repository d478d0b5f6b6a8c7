//! Takes the Lease, keeps it, gives it back.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    Tenure, clock,
    record::{Seen, held, released},
};

#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long the others leave the holder alone after a write.
    pub lease: Duration,
    /// How long the holder goes on without a write that succeeded. Less than `lease`: what lies between is the
    /// margin for clocks of different speed.
    pub renew: Duration,
    /// Pause between two writes, or two looks.
    pub retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { lease: seconds(15), renew: seconds(10), retry: seconds(2) }
    }
}

impl Timing {
    /// How long an answer is waited for. The client itself waits for ever: what was sent to an API server whose machine died then is
    /// never answered, though another one took over.
    pub fn patience(&self) -> Duration {
        self.renew / 3
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    #[error(
        "The lease {0} was not renewed in time: another operator may act now. This one ends and starts anew."
    )]
    NotRenewed(String),
    #[error("The lease {name} was taken by {holder}. This operator ends and starts anew.")]
    Taken { name: String, holder: String },
}

pub struct Elector {
    leases: Api<Lease>,
    name: String,
    identity: String,
    timing: Timing,
    tenure: Tenure,
}

/// What one look, and one write where it may be, led to.
enum Outcome {
    Ours,
    Others,
}

impl Elector {
    /// `identity` must be another one in each process: the pod's name is not enough where a container restarts.
    pub fn new(client: Client, namespace: &str, name: &str, identity: String, timing: Timing) -> Self {
        let leases = Api::namespaced(client, namespace);
        Self { leases, name: name.to_owned(), identity, timing, tenure: Tenure::default() }
    }

    /// Until when this process may act.
    pub fn tenure(&self) -> Tenure {
        self.tenure.clone()
    }

    /// Waits until the Lease is ours. `false`: asked to stop before that.
    pub async fn acquire(&self, stop: &CancellationToken) -> bool {
        let mut seen = None;
        loop {
            match self.step(&mut seen).await {
                Ok(Outcome::Ours) => {
                    info!(lease = self.name, identity = self.identity, "this operator acts");
                    return true;
                }
                Ok(Outcome::Others) => {
                    let holder = seen.as_ref().and_then(Seen::holder).unwrap_or_default();
                    debug!(lease = self.name, holder, "another operator acts");
                }
                Err(error) => {
                    warn!(lease = self.name, %error, "the lease cannot be read or written; trying again")
                }
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(self.timing.retry) => {}
            }
        }
    }

    /// Keeps the Lease until `stop`, then gives it back.
    ///
    /// # Errors
    /// It is lost. The process must end.
    pub async fn keep(&self, stop: &CancellationToken) -> Result<(), LeaseError> {
        let mut seen = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(self.timing.retry) => {}
            }
            match self.step(&mut seen).await {
                Ok(Outcome::Ours) => {}
                Ok(Outcome::Others) => {
                    self.tenure.give_up();
                    let holder = seen.as_ref().and_then(Seen::holder).unwrap_or("nobody").to_owned();
                    return Err(LeaseError::Taken { name: self.name.clone(), holder });
                }
                Err(error) => warn!(lease = self.name, %error, "the lease was not renewed; trying again"),
            }
            if !self.tenure.holds() {
                return Err(LeaseError::NotRenewed(self.name.clone()));
            }
        }
    }

    /// Gives the Lease back, so that the next one needs not wait. Only when nothing acts any more.
    pub async fn release(&self) {
        self.tenure.give_up();
        let given_back = tokio::time::timeout(self.timing.retry, async {
            let Some(mut lease) = self.leases.get_opt(&self.name).await? else { return Ok(()) };
            let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone());
            if holder.as_deref() != Some(&self.identity) {
                return Ok(());
            }
            lease.spec = Some(released(&lease));
            self.leases.replace(&self.name, &PostParams::default(), &lease).await.map(drop)
        });
        match given_back.await {
            Ok(Ok(())) => info!(lease = self.name, "the lease is given back"),
            Ok(Err(error)) => {
                warn!(lease = self.name, %error, "the lease cannot be given back: the next operator waits")
            }
            Err(_) => {
                warn!(lease = self.name, "the lease was not given back in time: the next operator waits")
            }
        }
    }

    /// Looks, and writes where that may be. A write that is not answered in time counts as none.
    async fn step(&self, seen: &mut Option<Seen>) -> Result<Outcome, kube::Error> {
        let step = tokio::time::timeout(self.timing.patience(), self.look_and_write(seen));
        step.await.unwrap_or_else(|late| Err(kube::Error::Service(late.into())))
    }

    async fn look_and_write(&self, seen: &mut Option<Seen>) -> Result<Outcome, kube::Error> {
        let Some(lease) = self.leases.get_opt(&self.name).await? else {
            return self.create().await;
        };
        let now = clock::now();
        let seen = match seen {
            Some(seen) => {
                seen.update(lease, now);
                seen
            }
            None => seen.insert(Seen::new(lease, now)),
        };
        if !seen.may_take(&self.identity, self.timing.lease, now) {
            return Ok(Outcome::Others);
        }
        let mut ours = seen.lease().clone();
        ours.spec = Some(held(Some(seen.lease()), &self.identity, self.timing.lease));
        let sent = clock::now();
        match self.leases.replace(&self.name, &PostParams::default(), &ours).await {
            Ok(written) => {
                self.tenure.until(sent + self.timing.renew);
                seen.update(written, sent);
                Ok(Outcome::Ours)
            }
            Err(error) => self.unless_conflict(error),
        }
    }

    async fn create(&self) -> Result<Outcome, kube::Error> {
        let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
        let lease = Lease { metadata, spec: Some(held(None, &self.identity, self.timing.lease)) };
        let sent = clock::now();
        match self.leases.create(&PostParams::default(), &lease).await {
            Ok(_) => {
                self.tenure.until(sent + self.timing.renew);
                Ok(Outcome::Ours)
            }
            Err(error) => self.unless_conflict(error),
        }
    }

    /// Somebody wrote in between. While the tenure lasts that may have been our own write whose answer was lost: the
    /// next look tells.
    fn unless_conflict(&self, error: kube::Error) -> Result<Outcome, kube::Error> {
        match &error {
            kube::Error::Api(status) if status.code == 409 && !self.tenure.holds() => Ok(Outcome::Others),
            _ => Err(error),
        }
    }
}
