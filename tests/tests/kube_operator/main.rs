//! The operator's process against a real API server. No controllers and no nodes are there: `fake` plays StatefulSets, DaemonSets, Jobs,
//! the kubelet, the masters' web ports and ZooKeeper, so that a test can have each of them late, wrong or gone. Each test has a namespace,
//! and in it an operator with the rights of `deploy/operator` and no others. Those that wait for a minute or more are run with `--ignored`
//! (`make test-faults`).

mod fake;
mod objects;
mod operator;
mod world;

mod adopting;
mod applying;
mod away;
mod decommissioning;
mod deleting;
mod everywhere;
mod leading;
mod leases;
mod pods;
mod refusing;
mod releasing;
mod repairing;
mod rights;
mod rolling;
mod rules;
mod scaling;
mod takeover;
mod telling;
mod working;
