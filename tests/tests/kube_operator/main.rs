//! The operator against a real API server. No controllers and no nodes are there: `fake` plays StatefulSets, DaemonSets, Jobs, the kubelet
//! and the masters' web ports, so that a test can have each of them late, wrong or gone.

mod fake;
mod objects;
mod world;

mod applying;
mod deleting;
mod leading;
mod leases;
mod refusing;
mod rights;
mod rolling;
mod scaling;
