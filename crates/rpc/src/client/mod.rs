//! The client side: connections that are shared, sessions that heal.

mod channel;
mod connector;
mod failure;
mod handshake;
mod replay;
mod settings;
mod target;

pub use channel::SessionChannel;
pub use connector::Connector;
