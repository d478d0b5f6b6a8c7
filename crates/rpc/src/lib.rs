//! What every endpoint shares: who is calling (SASL sessions, impersonation), which services a
//! process offers (versions, sizes, keepalive, shutdown), and the client's side of the same.
//!
//! A server is an [`RpcServer`] over a [`Sessions`] registry; a service finds its caller with
//! [`caller`]. A client takes [`SessionChannel`]s from a [`Connector`] and hands them to the
//! generated stubs. What the services do is not decided here.

mod auth;
mod caller;
mod client;
mod error;
mod groups;
mod server;
mod service_type;
mod session;
mod transport;
mod unsupported;
mod user;

pub use alluxio_conf::Role;
pub use alluxio_proto::grpc::version::ServiceType;

pub use auth::Scheme;
pub use caller::{Caller, caller};
pub use client::{Connector, SessionChannel};
pub use error::RpcError;
pub use groups::{CachedGroups, GroupError, GroupLookup, NoGroups, UnixGroups, UserAsGroup, group_lookup};
pub use server::{Mandate, MessageLimits, RpcServer, Stage, raise_open_file_limit};
pub use service_type::version_of;
pub use session::Sessions;
pub use transport::Transport;
pub use unsupported::unsupported;
pub use user::login_user;
