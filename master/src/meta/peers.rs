//! The other processes that report to the leading master: standby masters and proxies. Both lists are
//! for reports only, and bounded.

use std::collections::BTreeMap;
use std::time::Duration;

use alluxio_fs::FsError;
use alluxio_proto::grpc::{BuildVersion, NetAddress};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::info::now_ms;

/// Most peers remembered.
const MAX_PEERS: usize = 1_024;

struct Known {
    id: i64,
    registered: bool,
    start_time_ms: i64,
    version: BuildVersion,
    journal_format: Option<u32>,
    last_contact: Instant,
    last_contact_ms: i64,
}

/// One peer as reports show it.
#[derive(Clone, Debug)]
pub struct Peer {
    pub id: i64,
    pub address: NetAddress,
    /// Whether it was heard of within the timeout.
    pub live: bool,
    pub start_time_ms: i64,
    pub last_contact_ms: i64,
    pub version: BuildVersion,
    /// The newest journal format that it reads, of a master that says so.
    pub journal_format: Option<u32>,
}

/// What a peer says of itself.
#[derive(Clone, Debug, Default)]
pub struct Introduction {
    pub start_time_ms: i64,
    pub version: BuildVersion,
    pub journal_format: Option<u32>,
}

/// Peers of one kind, by address.
pub struct Peers {
    timeout: Option<Duration>,
    deletion_timeout: Option<Duration>,
    known: Mutex<BTreeMap<(String, i32), Known>>,
}

impl Peers {
    /// A peer that is silent for `timeout` counts as lost, and is forgotten `deletion_timeout` later.
    pub fn new(timeout: Option<Duration>, deletion_timeout: Option<Duration>) -> Self {
        Self { timeout, deletion_timeout, known: Mutex::default() }
    }

    /// The id of the peer at `address`; the first call makes one.
    pub fn id_for(&self, address: &NetAddress) -> Result<i64, FsError> {
        if address.host().is_empty() {
            return Err(FsError::invalid_argument("The address of the sender lacks its host."));
        }
        let key = (address.host().to_owned(), address.rpc_port());
        let mut known = self.known.lock();
        if let Some(peer) = known.get_mut(&key) {
            peer.touch();
            return Ok(peer.id);
        }
        if known.len() >= MAX_PEERS {
            self.forget(&mut known);
        }
        if known.len() >= MAX_PEERS {
            return Err(FsError::resource_exhausted(format!(
                "More than {MAX_PEERS} processes of this kind report to the master."
            )));
        }
        let peer = Known {
            id: rand::random::<i64>() & i64::MAX,
            registered: false,
            start_time_ms: 0,
            version: BuildVersion::default(),
            journal_format: None,
            last_contact: Instant::now(),
            last_contact_ms: now_ms(),
        };
        let id = peer.id;
        known.insert(key, peer);
        Ok(id)
    }

    /// Takes what a peer says of itself. Returns whether its id is known.
    pub fn register(&self, id: i64, introduction: Introduction) -> bool {
        let mut known = self.known.lock();
        let Some(peer) = known.values_mut().find(|peer| peer.id == id) else { return false };
        let Introduction { start_time_ms, version, journal_format } = introduction;
        peer.registered = true;
        peer.start_time_ms = start_time_ms;
        peer.version = version;
        peer.journal_format = journal_format;
        peer.touch();
        true
    }

    /// Takes a sign of life. Returns whether the peer is registered.
    pub fn heartbeat(&self, id: i64) -> bool {
        let mut known = self.known.lock();
        match known.values_mut().find(|peer| peer.id == id && peer.registered) {
            Some(peer) => {
                peer.touch();
                true
            }
            None => false,
        }
    }

    /// The registered peers, by address.
    pub fn list(&self) -> Vec<Peer> {
        let mut known = self.known.lock();
        self.forget(&mut known);
        let registered = known.iter().filter(|(_, peer)| peer.registered);
        registered
            .map(|((host, port), peer)| Peer {
                id: peer.id,
                address: NetAddress { host: Some(host.clone()), rpc_port: Some(*port) },
                live: self.timeout.is_none_or(|limit| peer.last_contact.elapsed() <= limit),
                start_time_ms: peer.start_time_ms,
                last_contact_ms: peer.last_contact_ms,
                version: peer.version.clone(),
                journal_format: peer.journal_format,
            })
            .collect()
    }

    fn forget(&self, known: &mut BTreeMap<(String, i32), Known>) {
        if let (Some(timeout), Some(deletion)) = (self.timeout, self.deletion_timeout) {
            known.retain(|_, peer| peer.last_contact.elapsed() <= timeout + deletion);
        }
    }
}

impl Known {
    fn touch(&mut self) {
        self.last_contact = Instant::now();
        self.last_contact_ms = now_ms();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: i32) -> NetAddress {
        NetAddress { host: Some("m".to_owned()), rpc_port: Some(port) }
    }

    #[tokio::test(start_paused = true)]
    async fn peers_come_fall_silent_and_are_forgotten() {
        let peers = Peers::new(Some(Duration::from_secs(60)), Some(Duration::from_secs(600)));
        let id = peers.id_for(&address(1)).unwrap();
        assert_eq!(peers.id_for(&address(1)).unwrap(), id);
        assert!(!peers.heartbeat(id), "it has to register first");
        assert!(peers.list().is_empty());
        assert!(peers.register(id, Introduction::default()));
        assert!(!peers.register(id ^ 1, Introduction::default()));
        assert!(peers.heartbeat(id) && peers.list()[0].live);

        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(!peers.list()[0].live);
        assert!(peers.heartbeat(id) && peers.list()[0].live);
        tokio::time::advance(Duration::from_secs(661)).await;
        assert!(peers.list().is_empty());
        assert!(!peers.heartbeat(id));
    }

    #[test]
    fn the_list_is_bounded() {
        let peers = Peers::new(None, None);
        for port in 0..MAX_PEERS as i32 {
            peers.id_for(&address(port)).unwrap();
        }
        let error = peers.id_for(&address(-1)).unwrap_err();
        assert_eq!(error.kind, alluxio_fs::ErrorKind::ResourceExhausted);
        assert!(peers.id_for(&address(0)).is_ok());
        assert!(peers.id_for(&NetAddress::default()).is_err());
    }
}
