//! Who leads: how to ask ZooKeeper for the master that leads ([`Inquiry`]).
//!
//! The nodes are those of Alluxio 2.9, so that its clients find our leader and ours find its leader:
//! ```text
//! <election path>/_c_<uuid>-lock-<10 digits>   ephemeral, sequential; data host:port; the lowest number leads
//! <leader path>/<host:port>                    ephemeral; the newest one leads
//! ```

mod address;
mod inquiry;
mod login;
mod node;
mod zookeeper;

pub use address::MasterAddress;
pub use inquiry::Inquiry;
pub use zookeeper::ZooKeeper;
