//! Sessions: which channel id belongs to which user.
//!
//! A client opens a session with a SASL handshake on a stream of its own and names it by a UUID; its
//! other calls carry the UUID as `channel-id`. Several sessions share one connection, so a session
//! is never tied to the connection. It lives exactly as long as its handshake stream.

mod handshake;
mod impersonation;
mod plain;
mod registry;

use std::sync::Arc;

use alluxio_conf::{Configuration, key};
use http::HeaderMap;
use tonic::Status;

pub(crate) use handshake::SaslService;
use impersonation::Impersonation;
pub(crate) use registry::Live;
use registry::Registry;

use crate::{Caller, GroupLookup, RpcError, Scheme};

/// Request metadata that names the session of a call.
pub(crate) const CHANNEL_ID: &str = "channel-id";

/// The sessions of one process, shared by all its RPC servers. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    scheme: Scheme,
    registry: Arc<Registry>,
    impersonation: Arc<Impersonation>,
}

impl Sessions {
    /// An empty registry with the authentication type and impersonation rules of `conf`.
    ///
    /// # Errors
    /// When the configured authentication type cannot be served.
    pub fn new(conf: &Configuration, groups: Arc<dyn GroupLookup>) -> Result<Self, RpcError> {
        Ok(Self {
            scheme: Scheme::of(conf)?,
            registry: Arc::new(Registry::new(
                conf.get(key::SECURITY_STALE_CHANNEL_PURGE_INTERVAL).duration(),
            )),
            impersonation: Arc::new(Impersonation::new(conf.clone(), groups)),
        })
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// How many sessions are open.
    pub fn len(&self) -> usize {
        self.registry.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends every session: their streams complete, and their clients authenticate again with the
    /// next call. A master that loses its role calls this.
    pub fn revoke_all(&self) {
        self.registry.revoke_all();
    }

    /// Who calls `path`, by the channel id in its headers.
    pub(crate) fn authenticate(&self, headers: &HeaderMap, path: &str) -> Result<Caller, Status> {
        if self.scheme == Scheme::NoSasl {
            return Ok(Caller::default());
        }
        let method = path.trim_start_matches('/');
        let Some(id) = headers.get(CHANNEL_ID) else {
            return Err(Status::unauthenticated(format!("Channel Id is missing for call: {method}.")));
        };
        let text = String::from_utf8_lossy(id.as_bytes());
        text.parse().ok().and_then(|id| self.registry.caller(id)).ok_or_else(|| {
            Status::unauthenticated(format!("Channel: {text} is not authenticated for call: {method}"))
        })
    }

    /// Ends what has been idle too long; runs until dropped.
    pub(crate) async fn purge(&self) {
        self.registry.purge_forever().await;
    }
}
