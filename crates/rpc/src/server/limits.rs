//! Sizes and times of a server, from the properties of its role.

use std::time::Duration;

use alluxio_conf::{Configuration, Role, key};
use tonic::transport::Server;

/// Where a duration property says "forever" and forever would be a leak.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// HTTP/2's own limit of a flow control window (RFC 9113, 6.9.1).
const LARGEST_WINDOW: u64 = (1 << 31) - 1;

/// Windows of streams that fit in the window of their connection. With equal windows, as the
/// original has them, one upload whose handler waits for space stalls every call beside it.
const STREAM_WINDOWS_PER_CONNECTION: u64 = 16;

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Largest message taken.
    pub message: usize,
    stream_window: u32,
    connection_window: u32,
    keepalive_time: Option<Duration>,
    keepalive_timeout: Duration,
    /// For calls under way when the server shuts down.
    pub drain: Duration,
}

impl Limits {
    pub(super) fn of(conf: &Configuration, role: Role) -> Self {
        let (message, window, keepalive_time, keepalive_timeout) = match role {
            Role::Master => (
                conf.get(key::MASTER_NETWORK_MAX_INBOUND_MESSAGE_SIZE),
                conf.get(key::MASTER_NETWORK_FLOWCONTROL_WINDOW),
                conf.get(key::MASTER_NETWORK_KEEPALIVE_TIME),
                conf.get(key::MASTER_NETWORK_KEEPALIVE_TIMEOUT),
            ),
            _ => (
                conf.get(key::WORKER_NETWORK_MAX_INBOUND_MESSAGE_SIZE),
                conf.get(key::WORKER_NETWORK_FLOWCONTROL_WINDOW),
                conf.get(key::WORKER_NETWORK_KEEPALIVE_TIME),
                conf.get(key::WORKER_NETWORK_KEEPALIVE_TIMEOUT),
            ),
        };
        let drain = conf.get(key::NETWORK_CONNECTION_SERVER_SHUTDOWN_TIMEOUT);
        Self {
            message: usize::try_from(message).unwrap_or(usize::MAX),
            stream_window: window_bytes(window),
            connection_window: window_bytes(window.saturating_mul(STREAM_WINDOWS_PER_CONNECTION)),
            keepalive_time: keepalive_time.duration().filter(|time| !time.is_zero()),
            keepalive_timeout: keepalive_timeout.duration().unwrap_or(PATIENCE),
            drain: drain.duration().unwrap_or(PATIENCE),
        }
    }

    pub(super) fn apply(&self, server: Server) -> Server {
        server
            .initial_stream_window_size(self.stream_window)
            .initial_connection_window_size(self.connection_window)
            .http2_keepalive_interval(self.keepalive_time)
            .http2_keepalive_timeout(Some(self.keepalive_timeout))
    }
}

pub(crate) fn window_bytes(size: u64) -> u32 {
    // At least HTTP/2's initial window: a smaller one only adds round trips.
    u32::try_from(size.clamp(65_535, LARGEST_WINDOW)).unwrap_or(u32::MAX >> 1)
}
