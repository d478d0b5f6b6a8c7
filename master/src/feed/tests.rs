use std::{net::SocketAddr, sync::Arc, time::Duration};

use alluxio_fs::ErrorKind;
use alluxio_journal::{
    Feed, FollowOptions, Followed, Follower, Uuid,
    store::mem::{Fencing, MemStore},
};
use alluxio_proto::{
    grpc::{file::WritePType, meta::meta_master_master_service_server::MetaMasterMasterServiceServer},
    own::journal_feed_server::JournalFeedServer,
};
use alluxio_rpc::{Connector, NoGroups, Role, RpcServer, ServiceType, SessionChannel, Sessions, version_of};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::{
    fs::fixture::{ROOT, Rig},
    meta::{MasterPeersService, Peers},
};

const CLUSTER: Uuid = Uuid::from_u128(7);
const LIMIT: Duration = Duration::from_secs(10);

/// A leading master on a port, with its journal on a store that shows only closed segments.
struct Leader {
    rig: Rig,
    addr: SocketAddr,
    _stop: DropGuard,
}

impl Leader {
    async fn start() -> Self {
        let rig = Rig::on(MemStore::with(1, Fencing::Lease), &[]).await;
        let service = JournalFeedService::new(rig.fs.clone(), rig.namespace());
        let sessions = Sessions::new(rig.conf(), Arc::new(NoGroups)).unwrap();
        let kind = ServiceType::MetaMasterMasterService;
        let peers = MasterPeersService::new(Arc::new(Peers::new(None, None)));
        let server = RpcServer::new(rig.conf(), Role::Master, sessions)
            .service(kind, version_of(kind), MetaMasterMasterServiceServer::new(peers))
            .unlisted(JournalFeedServer::new(service));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(server.serve(listener, stop.clone()));
        Self { rig, addr, _stop: stop.drop_guard() }
    }

    fn channel(&self, user: &str) -> SessionChannel {
        let connector = Connector::new(self.rig.conf(), user).unwrap();
        connector.channel("127.0.0.1", self.addr.port(), ServiceType::MetaMasterMasterService).unwrap()
    }

    async fn feed(&self) -> Feed {
        follow_leader(self.channel(ROOT), CLUSTER).await.unwrap()
    }
}

async fn follow_until(follower: &mut Follower, sequence: u64) {
    let followed = async {
        while follower.position().sequence < sequence {
            assert!(matches!(follower.next().await.unwrap(), Followed::Record(_)));
        }
    };
    timeout(LIMIT, followed).await.unwrap();
}

#[tokio::test]
async fn a_standby_gets_what_is_durable_at_once_and_what_was_before_from_the_store() {
    let leader = Leader::start().await;
    for name in ["/a", "/b"] {
        leader.rig.mkdir(name, WritePType::MustCache).await.unwrap();
    }
    let store = Arc::new(leader.rig.store());
    let mut follower = Follower::start(store, FollowOptions::default()).await.unwrap();
    follower.feeds().send(leader.feed().await).await.unwrap();
    let namespace = leader.rig.namespace();
    let journal = namespace.journal();
    follow_until(&mut follower, journal.durable()).await;
    for number in 0..20 {
        leader.rig.mkdir(&format!("/c{number}"), WritePType::MustCache).await.unwrap();
        follow_until(&mut follower, journal.durable()).await;
    }
    assert_eq!(follower.position(), journal.position());
    // While nothing happens it still knows that nothing has.
    let idle = async {
        loop {
            let next = timeout(Duration::from_millis(100), follower.next()).await;
            assert!(next.is_err(), "{next:?}");
            if follower.progress().lag() < Duration::from_millis(100) {
                return;
            }
        }
    };
    timeout(LIMIT, idle).await.unwrap();
}

#[tokio::test]
async fn the_feed_ends_with_the_journal() {
    let leader = Leader::start().await;
    let mut feed = leader.feed().await;
    leader.rig.namespace().journal().shutdown().await.unwrap();
    let ended = async { while feed.items.recv().await.is_some() {} };
    timeout(LIMIT, ended).await.unwrap();
    let refused = follow_leader(leader.channel(ROOT), CLUSTER).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}");
}

#[tokio::test]
async fn only_masters_of_the_cluster_may_follow() {
    let leader = Leader::start().await;
    let refused = follow_leader(leader.channel("ann"), CLUSTER).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::PermissionDenied, "{refused}");
    let refused = follow_leader(leader.channel(ROOT), Uuid::from_u128(8)).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::FailedPrecondition, "{refused}");
}
