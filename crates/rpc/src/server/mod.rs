//! The server side: one listener, many services, every call checked for its session.
//!
//! An [`RpcServer`] is a set of services. It is served for good, or put on a [`Stage`] for as long as this process
//! may offer it.

mod accept;
mod counted;
mod dispatch;
mod guard;
mod limits;
mod messages;
mod open_files;
mod socket_authority;
mod stage;
mod version;

use std::{convert::Infallible, sync::Arc, time::Duration};

use alluxio_conf::{Configuration, Role, key};
use alluxio_proto::grpc::version::{
    ServiceType, service_version_client_service_server::ServiceVersionClientServiceServer,
};
use http::Request;
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, server::NamedService};
use tower::Service;

use accept::Listener;
use dispatch::{Access, Routes};
pub use guard::Mandate;
use limits::Limits;
pub(crate) use limits::window_bytes;
pub use messages::MessageLimits;
pub use open_files::raise_open_file_limit;
pub use stage::Stage;
use version::Versions;

use crate::{RpcError, Scheme, Sessions, service_type::is_open, session::SaslService};

/// What can be added to a server: the servers that are generated for services.
pub trait Served:
    Service<Request<Body>, Response = http::Response<Body>, Error = Infallible, Future: Send + 'static>
    + NamedService
    + MessageLimits
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Served for S where
    S: Service<Request<Body>, Response = http::Response<Body>, Error = Infallible, Future: Send + 'static>
        + NamedService
        + MessageLimits
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// A gRPC server as Alluxio clients expect it. Build it once; [`serve`](Self::serve) it on one or
/// several listeners (clones share everything).
///
/// ```no_run
/// # use alluxio_rpc::*;
/// # use alluxio_proto::grpc::metric::metrics_master_client_service_server as metric;
/// # async fn example<M: metric::MetricsMasterClientService>(
/// #     conf: alluxio_conf::Configuration, metrics: M, listener: tokio::net::TcpListener,
/// #     shutdown: tokio_util::sync::CancellationToken,
/// # ) -> Result<(), RpcError> {
/// let sessions = Sessions::new(&conf, group_lookup(&conf)?)?;
/// let service = ServiceType::MetricsMasterClientService;
/// RpcServer::new(&conf, Role::Master, sessions)
///     .service(service, version_of(service), metric::MetricsMasterClientServiceServer::new(metrics))
///     .serve(listener, shutdown)
///     .await
/// # }
/// ```
#[derive(Clone)]
pub struct RpcServer {
    conf: Configuration,
    limits: Limits,
    sessions: Sessions,
    versions: Versions,
    routes: Routes,
    watcher: Option<CallWatcher>,
}

/// Told how long each call took until its answer began.
type CallWatcher = Arc<dyn Fn(Duration) + Send + Sync>;

impl RpcServer {
    /// A server with nothing but the version service and, unless authentication is off, the SASL
    /// service. A worker's limits apply for every role but the master's.
    pub fn new(conf: &Configuration, role: Role, sessions: Sessions) -> Self {
        let versions = Versions::default();
        let mut routes = Routes::default();
        routes.add(
            ServiceVersionClientServiceServer::<Versions>::NAME,
            Access::Open,
            ServiceVersionClientServiceServer::new(versions.clone()),
        );
        if sessions.scheme() == Scheme::Simple {
            let patience =
                conf.get(key::NETWORK_CONNECTION_AUTH_TIMEOUT).duration().unwrap_or(limits::PATIENCE);
            routes.add(SaslService::NAME, Access::Open, SaslService::new(sessions.clone(), patience));
        }
        let limits = Limits::of(conf, role);
        Self { conf: conf.clone(), limits, sessions, versions, routes, watcher: None }
    }

    /// Has `watcher` told how long each call took until its answer began. It must not block.
    #[must_use]
    pub fn watch_calls(mut self, watcher: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        self.watcher = Some(Arc::new(watcher));
        self
    }

    /// Adds a service under the number that clients ask for; `version` is
    /// [`version_of`](crate::version_of) it unless there is a reason. Its message limit is set here.
    #[must_use]
    pub fn service<S: Served>(mut self, service: ServiceType, version: i64, server: S) -> Self {
        self.versions.register(service, version);
        let access = if is_open(service) { Access::Open } else { Access::Session };
        self.routes.add(S::NAME, access, server.limit_messages(self.limits.message));
        self
    }

    /// Adds a service of our own that the version service does not know.
    #[must_use]
    pub fn unlisted<S: Served>(mut self, server: S) -> Self {
        self.routes.add(S::NAME, Access::Session, server.limit_messages(self.limits.message));
        self
    }

    /// Serves until `shutdown`; then takes no new calls, ends the sessions, lets calls under way
    /// finish for `alluxio.network.connection.server.shutdown.timeout`, and cuts what is left.
    ///
    /// # Errors
    /// When the configured transport cannot be served, or fails as a whole. A failing connection ends
    /// only itself.
    pub async fn serve(self, listener: impl Listener, shutdown: CancellationToken) -> Result<(), RpcError> {
        Stage::of(self).serve(listener, shutdown).await
    }
}
