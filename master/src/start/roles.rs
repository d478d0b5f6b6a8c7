//! Standing for election, leading, standing again, in one process.

use std::{convert::Infallible, sync::Arc, time::Duration};

use alluxio_election::{Election, Inquiry, Leadership, Life, MasterAddress, ZooKeeper};
use alluxio_fs::FsError;
use alluxio_journal::{Uuid, store::Store};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    backoff::Backoff,
    leader_link::LeaderLink,
    process::Process,
    serving::{Ended, Serving},
    standby::{Standby, Warm},
};
use crate::{block::Understudy, mandate::Mandate};

/// How often a standby asks who leads; it only tells others.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// For one such question.
const ASK_LIMIT: Duration = Duration::from_secs(3);

const TAKING_OVER: &str = "This master has just been elected and reads the journal: try again in a moment.";

/// A master that takes part in the election.
pub(super) struct Candidate {
    process: Arc<Process>,
    store: Arc<dyn Store>,
    address: MasterAddress,
    cluster: Uuid,
    /// Kept until this master does nothing any more.
    life: Arc<Life>,
    session: Duration,
    link: LeaderLink,
    inquiry: Inquiry,
    stop: CancellationToken,
    backoff: Backoff,
}

/// The workers that report to a standby: those that do no more are forgotten in the end, as on a leader.
async fn attend(understudy: Understudy) -> Infallible {
    understudy.blocks().clone().watch(CancellationToken::new()).await;
    // Not before it is told to.
    std::future::pending().await
}

/// How a leadership ended.
enum End {
    /// The process ends.
    Stopped,
    /// Another one may lead already.
    Lost,
    /// This master cannot lead at the moment, although it was elected.
    Unable,
}

impl Candidate {
    pub fn new(
        process: Arc<Process>,
        store: Arc<dyn Store>,
        cluster: Uuid,
        stop: CancellationToken,
    ) -> Result<Self, FsError> {
        let zookeeper = ZooKeeper::of(&process.conf)?;
        let session = zookeeper.session_timeout();
        let backoff = Backoff::new(session);
        let address = MasterAddress { host: process.host.clone(), port: process.rpc_addr.port() };
        let life = Arc::new(Life::begin(&process.conf, &address)?);
        let inquiry = Inquiry::new(zookeeper);
        let link = LeaderLink::new(process.clone(), cluster)?;
        Ok(Self { process, store, address, cluster, life, session, link, inquiry, stop, backoff })
    }

    /// Begins to stand. Separate from [`run`](Self::run) so that wrong settings end the start.
    pub fn stand(&self) -> Result<Election, FsError> {
        Election::start(&self.process.conf, self.address.clone(), self.cluster, self.life.clone())
    }

    /// Until the process ends. An error says why this master can stand no more.
    pub async fn run(mut self, mut election: Election) -> Result<(), FsError> {
        let mut standby = Standby::new(self.process.clone(), self.store.clone());
        loop {
            let leadership = tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                elected = election.elected() => elected?,
                never = self.stand_by(&mut standby) => match never {},
            };
            let begun = Instant::now();
            match self.lead(leadership, &mut standby).await {
                End::Stopped => break,
                End::Lost => {}
                End::Unable => {
                    let wait = self.backoff.wait(begun.elapsed());
                    if !wait.is_zero() {
                        tracing::warn!("this master does not stand for election for {wait:?}");
                        election.stop().await;
                        tokio::select! {
                            () = self.stop.cancelled() => return Ok(()),
                            () = sleep(wait) => {}
                            never = self.stand_by(&mut standby) => match never {},
                        }
                        election = self.stand()?;
                    }
                }
            }
        }
        election.stop().await;
        Ok(())
    }

    /// Follows the journal, and tells those who ask who leads.
    async fn stand_by(&self, standby: &mut Standby) -> Infallible {
        self.process.role.stands_by();
        let understudy = standby.understudy().clone();
        self.process.desk.open(&self.cluster.to_string(), understudy.blocks().clone());
        tokio::select! {
            never = standby.follow() => never,
            never = attend(understudy) => never,
            never = self.tell_who_leads() => never,
            never = self.link.keep() => never,
        }
    }

    async fn tell_who_leads(&self) -> Infallible {
        let Process { role, stage, .. } = &*self.process;
        stage.shut(&role.standby_text());
        loop {
            let leader = timeout(ASK_LIMIT, self.inquiry.leader()).await.ok().and_then(Result::ok);
            // A node of this address was left by a former session, and will go with it.
            let leader = leader.filter(|leader| *leader != self.address);
            if role.knows_leader(leader) {
                stage.shut(&role.standby_text());
            }
            sleep(ASK_EVERY).await;
        }
    }

    /// From the election to the end of the leadership, which is given back as soon as nothing is answered any more.
    /// When this returns, nothing of the namespace is left.
    async fn lead(&self, leadership: Leadership, standby: &mut Standby) -> End {
        self.process.role.takes_over();
        self.process.stage.shut(TAKING_OVER);
        let understudy = standby.understudy().clone();
        // Where it was elected at once, nobody has opened it yet.
        self.process.desk.open(&self.cluster.to_string(), understudy.blocks().clone());
        understudy.blocks().take_over();
        let mut warm = standby.take();
        let opened = self.open(&leadership, &mut warm, &understudy).await;
        // What is still there was not touched.
        standby.give_back(warm);
        let mut serving = match opened {
            Ok(serving) => serving,
            Err(end) => return end,
        };
        drop(understudy);
        standby.new_understudy();
        serving.serve(self.process.role.workers());
        let end = self.until_the_end(&leadership, &serving).await;
        self.process.role.stands_by();
        serving.stop_answering(&self.process.role.standby_text());
        if matches!(end, End::Stopped) {
            // The next leader then has nothing to seal.
            serving.close_journal_in_time().await;
            return end;
        }
        // Others need not wait for what may take long here: a store that hangs, or a large tree.
        drop(leadership);
        serving.close_journal_in_time().await;
        serving.forget().await;
        end
    }

    async fn open(
        &self,
        leadership: &Leadership,
        warm: &mut Option<Warm>,
        understudy: &Understudy,
    ) -> Result<Serving, End> {
        let mandate = Mandate::elected(leadership.lease());
        let opening = Serving::open(self.process.clone(), self.store.clone(), warm, understudy, mandate);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(End::Stopped),
            lost = leadership.lost() => {
                tracing::warn!("this master leads no more, before it served: {lost}");
                Err(End::Lost)
            }
            opened = opening => opened.map_err(|error| {
                tracing::error!("this master was elected and cannot lead: {error}");
                self.process.role.failed(&error.to_string());
                End::Unable
            }),
        }
    }

    async fn until_the_end(&self, leadership: &Leadership, serving: &Serving) -> End {
        let leading = async {
            // That it is lost is told below.
            if leadership.announce().await.is_ok() {
                tracing::info!("{} leads", self.address);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            lost = leadership.lost() => {
                tracing::warn!("this master leads no more: {lost}");
                End::Lost
            }
            ended = serving.ended() => {
                tracing::error!("this master stops leading: {ended}");
                match ended {
                    Ended::Deposed(_) => End::Lost,
                    Ended::Unable(_) => End::Unable,
                }
            }
            reason = serving.cut_off(self.session) => {
                tracing::error!("this master stops leading: {reason}");
                // Without a lease it was this master that was away: others lead by now.
                if leadership.lease().is_valid() { End::Unable } else { End::Lost }
            }
            () = self.stop.cancelled() => End::Stopped,
            () = leading => End::Lost,
        }
    }
}
