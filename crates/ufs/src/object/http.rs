//! The connections to a store.

use std::time::Duration;

use opendal::HttpTransporter;
use opendal_http_transport_reqwest::ReqwestTransport;
use reqwest::{Client, Proxy};

/// Longest wait for a connection. Stores answer at once or not at all; the time that they may be silent is longer.
const CONNECT: Duration = Duration::from_secs(10);

/// As the stores that have a property for it have it by default. A request that is never answered would keep its path for ever.
const SILENCE: Duration = Duration::from_secs(50);

/// How a mount reaches its store.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    /// Longest wait for a connection, when it is shorter than ours.
    pub(super) connect: Option<Duration>,
    /// Longest silence on a connection; ours when it is not said.
    pub(super) silence: Option<Duration>,
    /// Host and port of an HTTP proxy.
    pub(super) proxy: Option<(String, u16)>,
    /// Connections that wait to be used again.
    pub(super) idle: Option<usize>,
}

impl Connections {
    pub(super) fn open(&self) -> reqwest::Result<HttpTransporter> {
        // Once for the process; another one that was there first is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (connect, silence) = (limit(self.connect), self.silence());
        let connect = [connect, silence].into_iter().flatten().fold(CONNECT, Duration::min);
        // A proxy for all of the process, which variables of the environment may name, is not meant for the store.
        let mut client = Client::builder().no_proxy().connect_timeout(connect).tcp_nodelay(true);
        if let Some(silence) = silence {
            client = client.read_timeout(silence);
        }
        if let Some(idle) = self.idle {
            client = client.pool_max_idle_per_host(idle);
        }
        if let Some((host, port)) = &self.proxy {
            client = client.proxy(Proxy::all(format!("http://{host}:{port}"))?);
        }
        Ok(HttpTransporter::new(ReqwestTransport::new(client.build()?)))
    }

    fn silence(&self) -> Option<Duration> {
        limit(self.silence.or(Some(SILENCE)))
    }
}

/// As elsewhere in properties, 0 is no limit.
fn limit(limit: Option<Duration>) -> Option<Duration> {
    limit.filter(|limit| !limit.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_has_a_limit_also_where_none_is_said() {
        let silence = |silence| Connections { silence, ..Connections::default() }.silence();
        let seconds = |count| Some(Duration::from_secs(count));
        assert_eq!(
            [silence(None), silence(seconds(3)), silence(seconds(0))],
            [seconds(50), seconds(3), None]
        );
    }
}
