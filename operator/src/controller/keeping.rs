//! On which nodes a DaemonSet's workers stay, whatever becomes of the nodes' labels. Its controller ends the pod of a node that does not fit at
//! once, before the operator can have the worker persist what only it has. So each node that has a worker stands in the set by name, and is
//! taken out of it when the worker may go. Pure.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Node;
use kube::runtime::reflector::Store;

use super::observed::node_named;
use crate::{
    observe::nodes::NodeTerms,
    roll::{Worker, WorkersPlan},
};

/// With more, only those are named that are seen leaving. Each node that comes or goes makes a revision of the set with all names, and a revision
/// stays as long as a pod of it lives: pods that came one after the other keep as many, so what is stored grows with the square of this.
const MOST: usize = 100;

/// `named`: the nodes that the set has by name. One that is wanted stays so while its pod is replaced: each change makes the set's controller
/// look at all nodes. `nodes`: `None` where the operator may not read them; then nobody would ever let a worker go.
pub fn kept_nodes(
    nodes: Option<&Store<Node>>,
    terms: &NodeTerms,
    workers: &[Worker],
    plan: &WorkersPlan,
    named: &BTreeSet<String>,
) -> BTreeSet<String> {
    let leaving = &plan.leaving_nodes;
    let Some(nodes) = nodes else { return leaving.clone() };
    let wanted = workers.iter().filter(|worker| worker.wanted_here && !worker.node.is_empty());
    let wanted = wanted.map(|worker| &worker.node);
    let admitted = |name: &&String| node_named(nodes, name).is_some_and(|node| terms.admit(&node));
    let all: BTreeSet<_> =
        leaving.iter().chain(wanted).chain(named.iter().filter(admitted)).cloned().collect();
    if all.len() > MOST { leaving.clone() } else { all }
}
