//! Who leads: masters stand for election in ZooKeeper ([`Election`]), and whoever wants to know asks it
//! ([`Inquiry`]).
//!
//! The nodes are those of Alluxio 2.9, so that its clients find our leader and ours find its leader:
//! ```text
//! <election path>/_c_<uuid>-lock-<10 digits>   ephemeral, sequential; data host:port; the lowest number leads
//! <leader path>/<host:port>                    ephemeral, of the same session; the newest one leads
//! ```
//! A leader goes by its [`Lease`], which ends before ZooKeeper lets another one lead. What a candidate does next is
//! decided without I/O in `candidacy`, done in `election`, and what ZooKeeper is asked for stands in `nodes`.

mod address;
mod boot_time;
mod candidacy;
mod election;
mod inquiry;
mod leadership;
mod lease;
mod login;
mod node;
mod nodes;
mod zookeeper;

pub use address::MasterAddress;
pub use candidacy::Lost;
pub use election::Election;
pub use inquiry::Inquiry;
pub use leadership::Leadership;
pub use lease::Lease;
pub use zookeeper::ZooKeeper;
