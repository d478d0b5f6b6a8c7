//! What a standby does with the leader: it takes the live feed of the journal, shows itself in reports, and learns
//! which workers there are.

use std::{convert::Infallible, sync::Arc, time::Duration};

use alluxio_conf::{Span, key};
use alluxio_election::MasterAddress;
use alluxio_fs::FsError;
use alluxio_journal::{FORMAT_VERSION, Uuid};
use alluxio_proto::grpc::{
    NetAddress,
    block::{GetWorkerInfoListPOptions, block_master_client_service_client::BlockMasterClientServiceClient},
    meta::{
        GetMasterIdPRequest, MasterHeartbeatPRequest, MetaCommand, RegisterMasterPOptions,
        RegisterMasterPRequest, meta_master_master_service_client::MetaMasterMasterServiceClient,
    },
};
use alluxio_rpc::{Connector, ServiceType, SessionChannel, login_user};
use tokio::time::{Instant, sleep, timeout};
use tonic::Status;

use super::{backup_offer::BackupOffer, process::Process};
use crate::{block::Endpoint, feed::follow_leader};

/// How often it is looked whether another master leads, or the last attempt can be made again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A feed brings something several times a second. A standby that is further behind has none.
const FED: Duration = Duration::from_millis(1500);
/// For a call that the leader answers from memory.
const CALL: Duration = Duration::from_secs(5);

pub(super) struct LeaderLink {
    process: Arc<Process>,
    connector: Connector,
    cluster: Uuid,
    backups: BackupOffer,
    /// `alluxio.master.backup.connect.interval.min` and `.max`
    offer_again: (Duration, Duration),
}

impl LeaderLink {
    pub fn new(process: Arc<Process>, cluster: Uuid) -> Result<Self, FsError> {
        let connector = Connector::new(&process.conf, &login_user(&process.conf))?;
        let backups = BackupOffer::new(process.clone(), cluster.to_string());
        let pause = |span: Span| span.duration().unwrap_or(Duration::MAX).max(Duration::from_millis(10));
        let offer_again = (
            pause(process.conf.get(key::MASTER_BACKUP_CONNECT_INTERVAL_MIN)),
            pause(process.conf.get(key::MASTER_BACKUP_CONNECT_INTERVAL_MAX)),
        );
        Ok(Self { process, connector, cluster, backups, offer_again })
    }

    /// While this master stands by.
    pub async fn keep(&self) -> Infallible {
        tokio::select! {
            never = self.take_feeds() => never,
            never = self.report() => never,
            never = self.learn_workers() => never,
            never = self.offer_backups() => never,
        }
    }

    fn channel(&self, leader: &MasterAddress, service: ServiceType) -> Result<SessionChannel, FsError> {
        self.connector.channel(&leader.host, leader.port, service)
    }

    async fn take_feeds(&self) -> Infallible {
        let role = &self.process.role;
        loop {
            if let (Some(leader), Some(following)) = (role.leader(), role.following()) {
                let feed = async {
                    follow_leader(self.channel(&leader, ServiceType::MetaMasterMasterService)?, self.cluster)
                        .await
                };
                match feed.await {
                    Ok(feed) => {
                        // The follower may have been dropped meanwhile.
                        if following.feeds.send(feed).await.is_ok() {
                            sleep(LOOK_EVERY).await;
                            while role.leader().as_ref() == Some(&leader)
                                && !following.feeds.is_closed()
                                && following.progress.lag() < FED
                            {
                                sleep(LOOK_EVERY / 4).await;
                            }
                        }
                    }
                    Err(error) => tracing::debug!(%error, "no live feed of the journal"),
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn offer_backups(&self) -> Infallible {
        let (shortest, longest) = self.offer_again;
        let mut pause = shortest;
        loop {
            let Some(leader) = self.process.role.leader() else {
                sleep(LOOK_EVERY).await;
                continue;
            };
            let offer = async {
                self.backups.stand(self.channel(&leader, ServiceType::MetaMasterMasterService)?).await
            };
            let begun = Instant::now();
            let offer_and_pause = async {
                let ended = offer.await;
                tracing::debug!(?ended, "no offer to make backups stands");
                if begun.elapsed() > longest {
                    pause = shortest;
                }
                sleep(pause).await;
                pause = pause.saturating_mul(2).min(longest);
            };
            tokio::select! {
                () = offer_and_pause => {}
                () = self.another_leads(&leader) => pause = shortest,
            }
        }
    }

    async fn another_leads(&self, leader: &MasterAddress) {
        while self.process.role.leader().as_ref() == Some(leader) {
            sleep(LOOK_EVERY).await;
        }
    }

    async fn report(&self) -> Infallible {
        loop {
            if let Some(leader) = self.process.role.leader()
                && let Err(error) = self.report_to(&leader).await
            {
                tracing::debug!(%error, "the leader does not know this standby yet");
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Until another one leads, or this one does not know this master any more.
    async fn report_to(&self, leader: &MasterAddress) -> Result<(), FsError> {
        let Process { conf, host, rpc_addr, start_time_ms, role, .. } = &*self.process;
        let interval = conf.get(key::MASTER_STANDBY_HEARTBEAT_INTERVAL).duration();
        let mut client =
            MetaMasterMasterServiceClient::new(self.channel(leader, ServiceType::MetaMasterMasterService)?);
        let address = NetAddress { host: Some(host.clone()), rpc_port: Some(i32::from(rpc_addr.port())) };
        let asked =
            client.get_master_id(GetMasterIdPRequest { master_address: Some(address), options: None });
        let master_id = within(asked).await?.into_inner().master_id;
        let facts = self.process.facts(String::new());
        let options = RegisterMasterPOptions {
            start_time_ms: Some(*start_time_ms),
            version: Some(facts.version),
            revision: Some(facts.revision),
            journal_format: Some(FORMAT_VERSION),
            ..RegisterMasterPOptions::default()
        };
        let registration = RegisterMasterPRequest { master_id, options: Some(options) };
        within(client.register_master(registration)).await?;
        loop {
            let mut waited = Duration::ZERO;
            while interval.is_none_or(|interval| waited < interval) {
                sleep(LOOK_EVERY).await;
                waited += LOOK_EVERY;
                if role.leader().as_ref() != Some(leader) {
                    return Ok(());
                }
            }
            let beat = MasterHeartbeatPRequest { master_id, ..MasterHeartbeatPRequest::default() };
            let answer = within(client.master_heartbeat(beat)).await?.into_inner();
            if answer.command() == MetaCommand::Register {
                return Ok(());
            }
        }
    }

    /// A leader that is in safe mode itself refuses: then what was known before counts.
    async fn learn_workers(&self) -> Infallible {
        loop {
            if let Some(leader) = self.process.role.leader() {
                match self.workers_of(&leader).await {
                    Ok(workers) => self.process.role.knows_workers(workers),
                    Err(error) => tracing::debug!(%error, "the leader does not tell its workers"),
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn workers_of(&self, leader: &MasterAddress) -> Result<Vec<Endpoint>, FsError> {
        let channel = self.channel(leader, ServiceType::BlockMasterClientService)?;
        let largest = channel.max_message();
        let mut client = BlockMasterClientServiceClient::new(channel).max_decoding_message_size(largest);
        let listed = within(client.get_worker_info_list(GetWorkerInfoListPOptions {})).await?.into_inner();
        let addresses = listed.worker_infos.into_iter().filter_map(|worker| worker.address);
        Ok(addresses.map(|address| Endpoint::of(&address)).collect())
    }
}

async fn within<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, FsError> {
    let answered = timeout(CALL, call).await;
    answered.map_err(|_| FsError::unavailable("The leading master does not answer."))?.map_err(FsError::from)
}
