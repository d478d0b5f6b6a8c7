//! What is so: pods, what the processes in them answer, the nodes. Only reads.

pub mod by_hand;
mod by_pod;
pub mod health;
pub mod lasting;
pub mod leader;
pub mod nodes;
pub mod pods;
pub mod pulse;
pub mod quiet;
pub mod refused;
pub mod zookeeper;
