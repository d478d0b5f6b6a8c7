//! Which ZooKeeper, and where in it the nodes are.

use std::time::Duration;

use alluxio_conf::{Configuration, Key, KeyName, Span, Str, key};
use alluxio_fs::{FsError, FsResult};
use zookeeper_client::{Client, Error, SaslOptions};

use crate::login::{self, Login};

/// Where a property says "never": nothing here waits longer.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What the properties `alluxio.zookeeper.*` say.
#[derive(Clone, Debug)]
pub struct ZooKeeper {
    /// `host:port,host:port/chroot`
    pub(crate) address: String,
    login: Option<Login>,
    pub(crate) election_path: String,
    pub(crate) leader_path: String,
    pub(crate) session_timeout: Duration,
    pub(crate) connection_timeout: Duration,
    /// In how many seconds a leader must be found.
    pub(crate) inquiries: u32,
}

impl ZooKeeper {
    /// What `conf` says.
    ///
    /// # Errors
    /// FAILED_PRECONDITION when the way to log in cannot be used, INVALID_ARGUMENT when a path is none.
    pub fn of(conf: &Configuration) -> FsResult<Self> {
        if conf.get(key::ZOOKEEPER_CLIENT_SECURE) {
            return Err(FsError::failed_precondition(
                "zookeeper.client.secure=true: TLS to ZooKeeper is not supported by this version. Take that property \
                 out, let alluxio.zookeeper.address name ZooKeeper's plain ports, and keep strangers off them by the \
                 network or by a login (java.security.auth.login.config).",
            ));
        }
        let file = conf.opt(key::JAVA_SECURITY_AUTH_LOGIN_CONFIG).filter(|file| !file.is_empty());
        let login = match file {
            Some(file) if conf.get(key::ZOOKEEPER_AUTH_ENABLED) => login::read(file.as_ref())?,
            _ => None,
        };
        Ok(Self {
            address: conf.opt(key::ZOOKEEPER_ADDRESS).unwrap_or_default(),
            login,
            election_path: path(conf, key::ZOOKEEPER_ELECTION_PATH)?,
            leader_path: path(conf, key::ZOOKEEPER_LEADER_PATH)?,
            session_timeout: bounded(conf.get(key::ZOOKEEPER_SESSION_TIMEOUT)),
            connection_timeout: bounded(conf.get(key::ZOOKEEPER_CONNECTION_TIMEOUT)),
            inquiries: u32::try_from(conf.get(key::ZOOKEEPER_LEADER_INQUIRY_RETRY)).unwrap_or(0),
        })
    }

    /// What is asked for; ZooKeeper may grant another one.
    #[must_use]
    pub fn session_timeout(&self) -> Duration {
        self.session_timeout
    }

    /// Opens a session. It is bounded: it fails when none is open after about `session_timeout`.
    pub(crate) async fn connect(&self, session_timeout: Duration) -> Result<Client, Error> {
        let mut connector = Client::connector()
            .with_session_timeout(session_timeout)
            .with_connection_timeout(self.connection_timeout);
        if let Some(Login { user, password }) = self.login.clone() {
            connector = connector.with_sasl(SaslOptions::digest_md5(user, password));
        }
        connector.connect(&self.address).await
    }

    /// What to tell when ZooKeeper could not be asked.
    pub(crate) fn unreachable(&self, error: &Error) -> FsError {
        let address = &self.address;
        match error {
            Error::BadArguments(reason) => FsError::invalid_argument(format!(
                "alluxio.zookeeper.address={address} cannot be used ({reason}): write host:port,host:port/path."
            )),
            Error::AuthFailed | Error::NoAuth => FsError::failed_precondition(format!(
                "ZooKeeper at {address} refuses this login: check the file that java.security.auth.login.config \
                 names and alluxio.zookeeper.auth.enabled."
            )),
            error => FsError::unavailable(format!("Cannot ask ZooKeeper at {address}: {error}.")),
        }
    }
}

fn bounded(span: Span) -> Duration {
    span.duration().unwrap_or(LONGEST).min(LONGEST)
}

/// Absolute and without a slash at its end, as ZooKeeper wants paths.
fn path(conf: &Configuration, property: Key<Str>) -> FsResult<String> {
    let path = conf.get(property);
    let trimmed = path.trim_end_matches('/');
    if trimmed.starts_with('/') {
        return Ok(trimmed.to_owned());
    }
    let name = property.name();
    Err(FsError::invalid_argument(format!("{name}={path} is not a path in ZooKeeper: write /alluxio/name.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever asks for TLS must not get a plain connection.
    #[test]
    fn tls_is_refused() {
        let conf = Configuration::defaults().with(&[("zookeeper.client.secure", "true")]).unwrap();
        let error = ZooKeeper::of(&conf).unwrap_err();
        assert!(error.message.contains("TLS to ZooKeeper is not supported"), "{error}");
        assert!(ZooKeeper::of(&Configuration::defaults()).is_ok());
    }
}
