//! On the cluster of `tests/e2e`, which `make e2e` starts: the nodes themselves, and clusters of Alluxio that the operator runs there.

mod available;
mod ends;
mod examples;
mod fields;
mod ha;
mod hadoop;
mod leader;
mod moving;
mod next_release;
mod operators;
mod outages;
mod plugin;
mod reasons;
mod rig;
mod roll;
mod sizes;
mod small;
mod sockets;
