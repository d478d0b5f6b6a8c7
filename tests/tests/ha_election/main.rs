//! Who leads: election in a real ZooKeeper, and how clients find the leader.

mod authority;
mod candidates;
mod election;
mod inquiry;
mod namesakes;
