//! How bytes travel under the calls. Plain TCP today; TLS gets its place here.

use alluxio_conf::{Configuration, KeyName, key};

use crate::RpcError;

/// The seam for TLS: server and connector ask here and nowhere else. A TLS variant will carry the
/// certificates; the server wraps its accepted connections with it, the connector its endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Plain,
}

impl Transport {
    /// # Errors
    /// When `alluxio.network.tls.enabled` is set: answering in the clear would be worse than not
    /// starting.
    pub fn of(conf: &Configuration) -> Result<Self, RpcError> {
        let enabled = key::NETWORK_TLS_ENABLED;
        if conf.get(enabled) {
            return Err(RpcError::Tls { key: enabled.name() });
        }
        Ok(Self::Plain)
    }

    pub(crate) fn uri_scheme(self) -> &'static str {
        match self {
            Self::Plain => "http",
        }
    }
}
