//! Which authentication a process asks for.

use alluxio_conf::{Configuration, KeyName, key};

use crate::RpcError;

/// `alluxio.security.authentication.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The caller says who it is and is believed.
    Simple,
    /// Nobody says who they are: no handshake, no channel id, no user.
    NoSasl,
}

impl Scheme {
    /// # Errors
    /// When the configured type is one that cannot be served without a Java class.
    pub fn of(conf: &Configuration) -> Result<Self, RpcError> {
        let key = key::SECURITY_AUTHENTICATION_TYPE;
        let value = conf.get(key);
        match value.as_str() {
            "SIMPLE" => Ok(Self::Simple),
            "NOSASL" => Ok(Self::NoSasl),
            _ => Err(RpcError::Scheme { key: key.name(), value }),
        }
    }
}
