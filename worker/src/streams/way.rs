//! How a client reaches the worker: its bytes are counted under the name of the way they took.

use tonic::{Extensions, transport::server::UdsConnectInfo};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Network,
    DomainSocket,
}

impl Way {
    /// Of a request: the server adds to each what its connection is.
    pub fn of(extensions: &Extensions) -> Way {
        match extensions.get::<UdsConnectInfo>() {
            Some(_) => Way::DomainSocket,
            None => Way::Network,
        }
    }
}
