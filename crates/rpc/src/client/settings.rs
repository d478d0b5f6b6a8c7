//! How connections are made, from the client's properties.

use std::time::Duration;

use alluxio_conf::{Configuration, key};
use tonic::transport::Endpoint;

/// An interval beyond this means "never"; the default of the streaming group is as long as a
/// Java long allows.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// For a TCP connection to come about, when the property says "forever".
const CONNECT: Duration = Duration::from_secs(5);

/// A first packet that is lost is sent again after a second.
const CONNECT_AT_LEAST: Duration = Duration::from_secs(2);

/// Windows of streams that fit in the window of their connection: so many readers may stand still
/// before they stall the others. What is buffered for one is bounded by its own window.
const STREAM_WINDOWS_PER_CONNECTION: u64 = 64;

/// Calls and block streams have connections of their own, with their own settings, so that data
/// does not delay metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Group {
    Rpc,
    Streaming,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct GroupSettings {
    window: u64,
    keepalive: Option<Duration>,
    keepalive_timeout: Duration,
    connect: Duration,
    pub max_message: usize,
}

impl GroupSettings {
    pub(super) fn of(conf: &Configuration, group: Group) -> Self {
        let (window, keepalive, timeout, message) = match group {
            Group::Rpc => (
                conf.get(key::USER_NETWORK_RPC_FLOWCONTROL_WINDOW),
                conf.get(key::USER_NETWORK_RPC_KEEPALIVE_TIME),
                conf.get(key::USER_NETWORK_RPC_KEEPALIVE_TIMEOUT),
                conf.get(key::USER_NETWORK_RPC_MAX_INBOUND_MESSAGE_SIZE),
            ),
            Group::Streaming => (
                conf.get(key::USER_NETWORK_STREAMING_FLOWCONTROL_WINDOW),
                conf.get(key::USER_NETWORK_STREAMING_KEEPALIVE_TIME),
                conf.get(key::USER_NETWORK_STREAMING_KEEPALIVE_TIMEOUT),
                conf.get(key::USER_NETWORK_STREAMING_MAX_INBOUND_MESSAGE_SIZE),
            ),
        };
        let connect = conf.get(key::NETWORK_CONNECTION_HEALTH_CHECK_TIMEOUT);
        Self {
            window,
            keepalive: keepalive.duration().filter(|time| !time.is_zero() && *time < NEVER),
            keepalive_timeout: timeout.duration().unwrap_or(CONNECT),
            connect: connect.duration().unwrap_or(CONNECT).max(CONNECT_AT_LEAST),
            max_message: usize::try_from(message).unwrap_or(usize::MAX),
        }
    }

    pub(super) fn apply(&self, endpoint: Endpoint) -> Endpoint {
        let connection = self.window.saturating_mul(STREAM_WINDOWS_PER_CONNECTION);
        let endpoint = endpoint
            .connect_timeout(self.connect)
            .tcp_nodelay(true)
            .initial_stream_window_size(crate::server::window_bytes(self.window))
            .initial_connection_window_size(crate::server::window_bytes(connection));
        match self.keepalive {
            // Also while idle: the stream of the session is always open, and its death should be
            // seen before the next call needs it.
            Some(time) => endpoint
                .http2_keep_alive_interval(time)
                .keep_alive_timeout(self.keepalive_timeout)
                .keep_alive_while_idle(true),
            None => endpoint,
        }
    }
}
