//! Who leads: masters stand for election in ZooKeeper ([`Election`]), and whoever wants to know asks it
//! ([`Inquiry`]).
//!
//! The nodes are those of Alluxio 2.9, so that its clients find our leader and ours find its leader:
//! ```text
//! <election path>/_c_<uuid>-lock-<10 digits>   ephemeral, sequential; data host:port; the lowest number leads
//! <leader path>/<host:port>                    ephemeral, of the same session; the newest one leads
//! <election path>_cluster_id                   persistent; data: whose masters elect here. Not of the original
//! <election path>_instances/<host:port>        persistent; data: which process has the address. Only with alluxio.master.replaces.namesake
//! ```
//! Masters of the original must not take part: a candidate of ours is told from theirs by the version of its UUID.
//!
//! A leader goes by its [`Lease`], which ends before ZooKeeper lets another one lead. What a candidate does next is
//! decided without I/O in `candidacy`, done in `election`, and what ZooKeeper is asked for stands in `nodes`.

mod address;
mod boot_time;
mod candidacy;
mod election;
mod entrance;
mod inquiry;
mod instance;
mod leadership;
mod lease;
mod life;
mod login;
mod namesake;
mod node;
mod nodes;
mod zookeeper;

pub use address::MasterAddress;
pub use candidacy::Lost;
pub use election::Election;
pub use entrance::{candidates, forget_cluster, remove_cluster};
pub use inquiry::Inquiry;
pub use leadership::Leadership;
pub use lease::Lease;
pub use life::Life;
pub use zookeeper::ZooKeeper;
