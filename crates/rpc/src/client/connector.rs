//! From an address to a channel.

use std::{collections::HashMap, sync::Arc, time::Duration};

use alluxio_conf::{Configuration, key};
use alluxio_fs::FsError;
use alluxio_proto::grpc::version::ServiceType;
use parking_lot::Mutex;
use tonic::transport::Endpoint;

use super::{
    channel::SessionChannel,
    handshake::Identity,
    settings::{Group, GroupSettings},
    target::Target,
};
use crate::{RpcError, Scheme, Transport};

/// Servers remembered at once; more than any cluster has. Beyond it those nobody uses are dropped.
const TARGETS: usize = 8192;

/// For the handshake, when the property says "forever".
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes channels to masters and workers for one user. Calls to the same server share a connection
/// and a session. Cheap to clone.
///
/// ```no_run
/// # use alluxio_rpc::{Connector, ServiceType};
/// # use alluxio_proto::grpc::file::file_system_master_client_service_client::FileSystemMasterClientServiceClient;
/// # fn example(connector: Connector) -> Result<(), alluxio_fs::FsError> {
/// let channel = connector.channel("master", 19998, ServiceType::FileSystemMasterClientService)?;
/// let mut files = FileSystemMasterClientServiceClient::new(channel.clone())
///     .max_decoding_message_size(channel.max_message());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Connector {
    shared: Arc<Shared>,
}

struct Shared {
    transport: Transport,
    rpc: GroupSettings,
    streaming: GroupSettings,
    identity: Arc<Identity>,
    targets: Mutex<HashMap<(String, Group), Arc<Target>>>,
}

impl Connector {
    /// A connector that calls as `user`, or as whom
    /// `alluxio.security.login.impersonation.username` names.
    ///
    /// # Errors
    /// When the configuration asks for an authentication or a transport that is not supported.
    pub fn new(conf: &Configuration, user: &str) -> Result<Self, FsError> {
        let refuse = |error: RpcError| FsError::failed_precondition(error.to_string());
        let identity = Identity {
            scheme: Scheme::of(conf).map_err(refuse)?,
            user: user.to_owned(),
            acts_for: impersonated(conf),
            patience: conf.get(key::NETWORK_CONNECTION_AUTH_TIMEOUT).duration().unwrap_or(PATIENCE),
        };
        Ok(Self {
            shared: Arc::new(Shared {
                transport: Transport::of(conf).map_err(refuse)?,
                rpc: GroupSettings::of(conf, Group::Rpc),
                streaming: GroupSettings::of(conf, Group::Streaming),
                identity: Arc::new(identity),
                targets: Mutex::default(),
            }),
        })
    }

    /// A channel for the stubs of one service. Nothing is sent before the first call.
    ///
    /// # Errors
    /// When `host` cannot be part of an address.
    pub fn channel(&self, host: &str, port: u16, service: ServiceType) -> Result<SessionChannel, FsError> {
        let (group, settings) = match service {
            ServiceType::BlockWorkerClientService => (Group::Streaming, &self.shared.streaming),
            _ => (Group::Rpc, &self.shared.rpc),
        };
        let target = self.target(host, port, group, settings)?;
        Ok(SessionChannel::new(target, service, settings.max_message))
    }

    /// Which version of `service` a server offers, asked without a session. By this a client that knows
    /// several masters finds the one that leads.
    ///
    /// # Errors
    /// NOT_FOUND when the service is not there, UNAVAILABLE from a standby or when nobody answers.
    pub async fn version(&self, host: &str, port: u16, service: ServiceType) -> Result<i64, FsError> {
        let target = self.target(host, port, Group::Rpc, &self.shared.rpc)?;
        Ok(target.version(service).await?)
    }

    fn target(
        &self,
        host: &str,
        port: u16,
        group: Group,
        settings: &GroupSettings,
    ) -> Result<Arc<Target>, FsError> {
        // An IPv6 address needs brackets to be told from its port.
        let address = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        let mut targets = self.shared.targets.lock();
        if let Some(target) = targets.get(&(address.clone(), group)) {
            return Ok(Arc::clone(target));
        }
        let endpoint = Endpoint::from_shared(format!("{}://{address}", self.shared.transport.uri_scheme()))
            .map_err(|error| {
            FsError::invalid_argument(format!("\"{address}\" is not an address: {error}"))
        })?;
        let channel = settings.apply(endpoint).connect_lazy();
        let target = Arc::new(Target::new(address.clone(), channel, Arc::clone(&self.shared.identity)));
        if targets.len() >= TARGETS {
            targets.retain(|_, target| Arc::strong_count(target) > 1);
        }
        targets.insert((address, group), Arc::clone(&target));
        Ok(target)
    }
}

/// `_HDFS_USER_` (the default) asks for the user of a Hadoop client, which this is not.
fn impersonated(conf: &Configuration) -> Option<String> {
    let name = conf.opt(key::SECURITY_LOGIN_IMPERSONATION_USERNAME)?;
    (!matches!(name.as_str(), "" | "_NONE_" | "_HDFS_USER_")).then_some(name)
}
