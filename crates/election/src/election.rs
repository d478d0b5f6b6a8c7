//! A master's part in the election: a task that does what [`Candidacy`] says.

use std::{sync::Arc, time::Duration};

use alluxio_conf::{Configuration, key};
use alluxio_fs::{FsError, FsResult};
use futures::{
    FutureExt,
    future::{BoxFuture, OptionFuture, pending},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use uuid::Uuid;
use zookeeper_client::{Client, Error, SessionState, StateWatcher};

use crate::{
    Life, MasterAddress, ZooKeeper, boot_time,
    candidacy::{Candidacy, Policy, Step},
    entrance::{self, Turned},
    instance,
    leadership::{Held, Leadership},
    lease::Lease,
    namesake::{Namesake, Seen},
    node,
    nodes::{Confirmed, Nodes, Shown, Unconfirmed},
};

/// Before the next try of what failed.
const PAUSE: Duration = Duration::from_secs(1);
/// For removing the own nodes at the end: they also go with the session.
const FAREWELL: Duration = Duration::from_secs(3);

/// Stands for election until it is stopped. Dropped without that, the session is closed in the background.
pub struct Election {
    elected: mpsc::Receiver<FsResult<Leadership>>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Election {
    /// Begins to stand, in the background: ZooKeeper need not be there yet. `address` is what clients are told,
    /// `cluster` whose journal this master has. `life` is to be kept until this process does nothing any more.
    ///
    /// # Errors
    /// When the properties are wrong.
    pub fn start(
        conf: &Configuration,
        address: MasterAddress,
        cluster: Uuid,
        life: Arc<Life>,
    ) -> FsResult<Self> {
        let zookeeper = ZooKeeper::of(conf)?;
        let policy = match conf.get(key::ZOOKEEPER_LEADER_CONNECTION_ERROR_POLICY).as_str() {
            "STANDARD" => Policy::Standard,
            _ => Policy::Session,
        };
        let replaces = conf.get(key::MASTER_REPLACES_NAMESAKE) && life.tells_instances();
        let (sender, elected) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let mut candidate = Candidate {
            zookeeper,
            address,
            cluster,
            life,
            replaces,
            latest: true,
            namesake: Namesake::default(),
            candidacy: Candidacy::new(policy),
            client: None,
            states: None,
            held: None,
            elected: sender,
        };
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let refused = stopped.run_until_cancelled(candidate.stand()).await;
            candidate.leave().await;
            if let Some(refusal) = refused {
                // Nobody else may still ask.
                let _ = candidate.elected.send(Err(refusal)).await;
            }
        });
        Ok(Self { elected, stop, task: AbortOnDropHandle::new(task) })
    }

    /// Waits until this master leads. Its former leadership must have been dropped.
    ///
    /// # Errors
    /// FAILED_PRECONDITION when this master must not stand: masters of the original do, or those of another
    /// cluster, or another master has this address. It stands no more then.
    pub async fn elected(&mut self) -> FsResult<Leadership> {
        match self.elected.recv().await {
            Some(outcome) => outcome,
            // It was stopped, or the refusal was told before.
            None => pending().await,
        }
    }

    /// Removes the nodes and closes the session: another master can lead at once. What is still held is lost.
    pub async fn stop(self) {
        self.stop.cancel();
        // It only fails when the runtime ends or the task has panicked; the session then ends by itself.
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the election did not end cleanly");
        }
    }
}

/// In this time a dead master's session ends: at its timeout, at most one tick of ZooKeeper later.
fn patience(client: &Client) -> Duration {
    client.session_timeout() * 3 / 2
}

struct Candidate {
    zookeeper: ZooKeeper,
    address: MasterAddress,
    cluster: Uuid,
    life: Arc<Life>,
    /// Of two processes with one address the later one stands, and the other is told to go.
    replaces: bool,
    /// It is the latest that was started with this address.
    latest: bool,
    namesake: Namesake,
    candidacy: Candidacy,
    client: Option<Client>,
    /// Of that client.
    states: Option<StateWatcher>,
    held: Option<Held>,
    elected: mpsc::Sender<FsResult<Leadership>>,
}

impl Candidate {
    /// Ends only when this master must not stand.
    async fn stand(&mut self) -> FsError {
        loop {
            match self.step().await {
                Ok(()) => {}
                Err(Turned::Away(refusal)) => return refusal,
                Err(Turned::Unknown(error)) => self.failed(&error).await,
            }
        }
    }

    async fn step(&mut self) -> Result<(), Turned> {
        let step = self.candidacy.next();
        let Some(client) = self.client.clone() else {
            return match step {
                Step::WaitForRelease => {
                    self.wait_for_release().await;
                    Ok(())
                }
                _ => Ok(self.connect().await?),
            };
        };
        let nodes = Nodes::new(client.clone(), &self.zookeeper, &self.address);
        match step {
            Step::Connect => self.connect().await?,
            Step::Enter => self.enter(&client, &nodes).await?,
            Step::Stand => {
                if self.replaces {
                    self.latest =
                        instance::claim(&client, &self.zookeeper, &self.address, &self.life).await?;
                }
                let stood = nodes.stand(self.candidacy.mark()).await;
                if matches!(stood, Ok(()) | Err(Error::ConnectionLoss)) {
                    self.candidacy.stood();
                }
                stood?;
            }
            Step::Look => {
                let names = nodes.queue().await?;
                if self.candidacy.saw(&names) {
                    self.lead(&client, &nodes).await;
                } else {
                    let namesake = nodes.namesake(&names, self.candidacy.mark()).await?;
                    match namesake {
                        // It came while this one asked for it.
                        Some(_) if !self.latest => return Err(instance::replaced(&self.address)),
                        Some(name) if self.replaces => {
                            self.replace(name, &nodes, patience(&client)).await?;
                        }
                        namesake => self.compare(namesake, patience(&client))?,
                    }
                }
            }
            Step::Watch(name) => {
                let changed = nodes.changed(&name);
                match self.namesake.look_in(boot_time::now().unwrap_or_default(), patience(&client)) {
                    None => changed.await?,
                    // It is looked at again when its session must have ended, if nothing changes before.
                    Some(wait) => timeout(wait, changed).await.unwrap_or(Ok(()))?,
                }
                self.candidacy.changed();
            }
            Step::Renew { .. } => self.lead(&client, &nodes).await,
            Step::Withdraw => {
                nodes.withdraw(self.candidacy.mark()).await?;
                self.candidacy.withdrawn();
            }
            Step::WaitForRelease => self.wait_for_release().await,
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), Error> {
        if let Some(client) = self.client.take() {
            self.life.gave_up(client.session_id().0);
        }
        let client = self.zookeeper.connect(self.zookeeper.session_timeout).await?;
        self.candidacy.connected(client.session_timeout(), node::mark());
        tracing::info!(
            session = %client.session_id(),
            timeout = ?client.session_timeout(),
            "{} stands for election in ZooKeeper at {}",
            self.address,
            self.zookeeper.address
        );
        self.states = Some(client.state_watcher());
        self.client = Some(client);
        Ok(())
    }

    /// Clears up after sessions that nobody acts for any more, then asks whether this master may stand.
    async fn enter(&mut self, client: &Client, nodes: &Nodes) -> Result<(), Turned> {
        let removed = nodes.clear(&self.life.ended()).await?;
        if removed > 0 {
            tracing::info!(
                "{} has removed {removed} nodes of its former session, which is dead",
                self.address
            );
        }
        entrance::check(client, &self.zookeeper, self.cluster).await?;
        self.life.stands_with(client.session_id().0);
        self.candidacy.entered();
        Ok(())
    }

    /// This one was started in place of the other: Kubernetes says so, by the fresh folder. A dead one's session ends by itself.
    async fn replace(&mut self, name: String, nodes: &Nodes, patience: Duration) -> Result<(), Error> {
        let now = boot_time::now().unwrap_or_default();
        match self.namesake.seen(Some(name.clone()), now, false, patience) {
            Seen::New => tracing::warn!(
                "a master that this one replaces, with the same address {}, stands for election: it is told to go",
                self.address
            ),
            // One that is not shown yet cannot be told: it is tried until it goes.
            Seen::Lives => self.namesake.told(now),
            Seen::Nobody | Seen::Waiting => {}
        }
        nodes.displace(&name).await
    }

    fn compare(&mut self, namesake: Option<String>, patience: Duration) -> Result<(), Turned> {
        let now = boot_time::now().unwrap_or_default();
        let interrupted =
            self.states.as_mut().is_some_and(|states| states.changed().now_or_never().is_some());
        match self.namesake.seen(namesake, now, interrupted, patience) {
            Seen::Nobody | Seen::Waiting => Ok(()),
            Seen::New => {
                tracing::warn!(
                    "a master with the address {} stands for election already; its session ends within {} s if \
                     it is dead",
                    self.address,
                    patience.as_secs()
                );
                Ok(())
            }
            Seen::Lives => Err(Turned::Away(FsError::failed_precondition(format!(
                "Another master with the address {} stands for election in ZooKeeper at {}, and lives: its \
                 session has not ended within {} s. Stop one of them, or give this one another \
                 alluxio.master.hostname or alluxio.master.rpc.port.",
                self.address,
                self.zookeeper.address,
                patience.as_secs()
            )))),
        }
    }

    /// Takes over what a failure means for the session; waits a little, so that nothing is tried in a hurry.
    async fn failed(&mut self, error: &Error) {
        let ended = self.client.as_ref().is_none_or(|client| client.state().is_terminated());
        if ended {
            self.session_ended();
        }
        if *error != Error::SessionExpired && *error != Error::ConnectionLoss {
            tracing::warn!("standing for election: {}", self.zookeeper.unreachable(error));
        }
        // What follows a look may be undone: it looks again, not only when somebody else's node changes.
        self.candidacy.changed();
        sleep(PAUSE.min(self.zookeeper.session_timeout / 20)).await;
    }

    fn session_ended(&mut self) {
        self.candidacy.expired();
        if let Some(client) = self.client.take() {
            // ZooKeeper may not know yet that it has ended.
            self.life.gave_up(client.session_id().0);
        }
    }

    async fn wait_for_release(&mut self) {
        if let Some(held) = &mut self.held {
            held.released().await;
        }
        self.held = None;
        self.candidacy.released();
    }

    /// Keeps the lease until the leadership is lost or given back.
    async fn lead(&mut self, client: &Client, nodes: &Nodes) {
        let mut states = client.state_watcher();
        let (leadership, mut held) = Held::new(Lease::of(self.candidacy.lease_length()));
        let mut leadership = Some(leadership);
        let mut shown = Shown::No;
        let mut announcing: Option<oneshot::Sender<()>> = None;
        let mut deleted: BoxFuture<'static, ()> = Box::pin(pending());
        let mut renewal: OptionFuture<BoxFuture<'static, Result<Confirmed, Unconfirmed>>> = None.into();
        let mut renewing = false;
        let pause = client.session_timeout() / 20;
        let mut not_before = Duration::ZERO;
        if client.state().is_terminated() {
            self.session_ended();
        }
        while let (Step::Renew { at }, Some((name, _))) = (self.candidacy.next(), self.candidacy.leading()) {
            let now = boot_time::now().unwrap_or_default();
            let due = if shown == Shown::Wanted { not_before } else { at.max(not_before) };
            let wait = due.saturating_sub(now);
            let name = name.to_owned();
            tokio::select! {
                biased;
                state = states.changed() => match state {
                    SessionState::Disconnected => self.candidacy.disconnected(),
                    state if state.is_terminated() => self.session_ended(),
                    _ => {}
                },
                () = &mut deleted => self.candidacy.gone(),
                Some(result) = &mut renewal, if renewing => {
                    renewing = false;
                    match result {
                        Ok(confirmed) => {
                            not_before = Duration::ZERO;
                            self.candidacy.renewed(confirmed.sent);
                            if let Some((_, until)) = self.candidacy.leading() {
                                held.lease.set(until);
                            }
                            deleted = confirmed.deleted;
                            if confirmed.version.is_some() {
                                shown = Shown::Yes(confirmed.version);
                                if let Some(done) = announcing.take() {
                                    tracing::info!("{} leads and is shown to clients", self.address);
                                    // The master may have stopped waiting.
                                    let _ = done.send(());
                                }
                            }
                            if let Some(leadership) = leadership.take() {
                                tracing::info!("{} is elected", self.address);
                                // The last one was given back before, so there is room, or nobody asks any more.
                                let _ = self.elected.try_send(Ok(leadership));
                            }
                        }
                        Err(Unconfirmed::Gone) => self.candidacy.gone(),
                        Err(Unconfirmed::Unknown(error)) => {
                            tracing::info!(%error, "the lease could not be renewed; it is tried again");
                            not_before = boot_time::now().unwrap_or_default() + pause;
                            if let Shown::Yes(version) = &mut shown {
                                *version = None;
                            }
                        }
                    }
                }
                asked = held.announcements.recv() => match asked {
                    None => self.candidacy.released(),
                    // It is made with the next renewal, also when it is already there: that confirms it.
                    Some(done) => {
                        announcing = Some(done);
                        if shown == Shown::No {
                            shown = Shown::Wanted;
                        }
                        not_before = Duration::ZERO;
                    }
                },
                () = sleep(wait), if !renewing => {
                    renewing = true;
                    let attempt: BoxFuture<'static, _> = Box::pin(nodes.clone().renew(name, shown));
                    renewal = Some(attempt).into();
                }
            }
        }
        let Some(lost) = self.candidacy.lost() else {
            tracing::info!("{} has resigned", self.address);
            return;
        };
        tracing::warn!("{} leads no more: {lost}", self.address);
        if leadership.is_some() {
            // Nobody was told that it led.
            self.candidacy.released();
        } else {
            held.end(lost);
            self.held = Some(held);
        }
    }

    /// Ends the lease, removes the nodes and closes the session.
    async fn leave(&mut self) {
        self.held = None;
        let Some(client) = self.client.take().filter(|client| !client.state().is_terminated()) else {
            return;
        };
        let nodes = Nodes::new(client.clone(), &self.zookeeper, &self.address);
        let mut states = client.state_watcher();
        if !matches!(timeout(FAREWELL, nodes.withdraw(self.candidacy.mark())).await, Ok(Ok(()))) {
            tracing::warn!("ZooKeeper did not confirm that {} has left; its session runs out", self.address);
        }
        drop((nodes, client));
        // The last handle is gone: the session closes.
        let closed = async { while !states.changed().await.is_terminated() {} };
        if timeout(FAREWELL, closed).await.is_err() {
            tracing::warn!("the session of {} was not closed; it runs out", self.address);
        }
    }
}
