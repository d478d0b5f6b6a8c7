//! The nodes of the Kubernetes cluster, as all controllers see them.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use futures::{StreamExt, channel::mpsc};
use k8s_openapi::api::core::v1::Node;
use kube::{
    Api, Client, ResourceExt,
    api::ListParams,
    runtime::{
        WatchStreamExt,
        reflector::{self, Store},
        watcher,
    },
};

use crate::process::Metrics;

/// So long an answer is waited for; the client itself would wait for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// A copy of all nodes, as far as they matter, and what keeps it up to date; whoever is to be told gets a sign whenever something of
/// that changed. `None` where nodes may not be read.
pub async fn watch(
    client: Client,
    metrics: Metrics,
    mut tell: Vec<mpsc::Sender<()>>,
) -> Option<(Store<Node>, impl Future<Output = ()>)> {
    if !may_list(&client, PATIENCE).await {
        return None;
    }
    let (reader, writer) = reflector::store();
    let nodes = watcher(Api::<Node>::all(client), watcher::Config::default()).default_backoff();
    let watch = async move {
        let mut stream = nodes.modify(slim).reflect(writer).boxed();
        let mut known = Known::default();
        while let Some(event) = stream.next().await {
            match event {
                Ok(event) => {
                    if known.differs(&event) {
                        // Where one waits already, it is the same.
                        tell.iter_mut().for_each(|tell| drop(tell.try_send(())));
                    }
                }
                Err(error) => {
                    metrics.watch_failed();
                    tracing::warn!(%error, "the watch of nodes broke off; trying again");
                }
            }
        }
    };
    Some((reader, watch))
}

/// What matters of each node, by name.
#[derive(Default)]
struct Known {
    nodes: HashMap<String, u64>,
    /// Those of a list that is not complete.
    listed: HashMap<String, u64>,
}

impl Known {
    /// Whether something that matters is now otherwise. A node's heartbeat changes nothing of this.
    fn differs(&mut self, event: &watcher::Event<Node>) -> bool {
        match event {
            watcher::Event::Apply(node) => {
                let matters = what_matters(node);
                self.nodes.insert(node.name_any(), matters) != Some(matters)
            }
            watcher::Event::Delete(node) => self.nodes.remove(&node.name_any()).is_some(),
            watcher::Event::Init => {
                self.listed.clear();
                false
            }
            watcher::Event::InitApply(node) => {
                self.listed.insert(node.name_any(), what_matters(node));
                false
            }
            watcher::Event::InitDone => {
                let before = std::mem::replace(&mut self.nodes, std::mem::take(&mut self.listed));
                before != self.nodes
            }
        }
    }
}

/// Only a plain no counts: what else may be wrong passes, and the watch tries again.
async fn may_list(client: &Client, patience: Duration) -> bool {
    let nodes: Api<Node> = Api::all(client.clone());
    match tokio::time::timeout(patience, nodes.list_metadata(&ListParams::default().limit(1))).await {
        Ok(Err(kube::Error::Api(status))) if status.code == 403 => {
            tracing::warn!(
                "nodes may not be read: a worker whose node no longer fits its group ends at once, and cordons are not noticed; grant \
                 the verbs list and watch on nodes, and start the operator again"
            );
            false
        }
        _ => true,
    }
}

/// A thousand nodes with all their images and conditions would be most of the operator's memory.
fn slim(node: &mut Node) {
    node.status = None;
    node.metadata.managed_fields = None;
    node.metadata.annotations = None;
}

fn what_matters(node: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    node.labels().hash(&mut hasher);
    node.metadata.deletion_timestamp.is_some().hash(&mut hasher);
    node.spec.as_ref().and_then(|spec| spec.unschedulable).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::json;

    use super::*;
    use crate::fake_api::FakeApi;

    #[tokio::test]
    async fn without_the_right_to_read_nodes_there_are_none() {
        let api = FakeApi::default();
        let look = async || watch(api.client(), Metrics::new().unwrap(), Vec::new()).await.is_some();
        assert!(look().await);
        api.refuse(Method::GET, "/api/v1/nodes", 500);
        assert!(look().await, "that may pass");
        api.allow_all();
        api.refuse(Method::GET, "/api/v1/nodes", 403);
        assert!(!look().await);
        api.hold("/api/v1/nodes");
        let client = api.client();
        let late = may_list(&client, Duration::from_millis(50));
        let late = tokio::time::timeout(Duration::from_secs(20), late).await;
        assert!(late.expect("is not waited for"), "another API server may answer the watch");
    }

    #[test]
    fn a_node_that_is_gone_is_told_and_not_kept() {
        use watcher::Event::{Apply, Delete, Init, InitApply, InitDone};
        let node =
            |name: &str| -> Node { serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap() };
        let mut known = Known::default();
        let mut told = |events: &[watcher::Event<Node>]| -> Vec<bool> {
            events.iter().map(|event| known.differs(event)).collect()
        };
        let list = |names: &[&str]| -> Vec<_> {
            [Init]
                .into_iter()
                .chain(names.iter().map(|name| InitApply(node(name))))
                .chain([InitDone])
                .collect()
        };
        assert_eq!(told(&list(&["a", "b"])), [false, false, false, true]);
        assert_eq!(told(&[Apply(node("a")), Apply(node("c"))]), [false, true]);
        assert_eq!(told(&[Delete(node("b")), Delete(node("b"))]), [true, false]);
        assert_eq!(told(&list(&["a", "c"])), [false, false, false, false]);
        assert_eq!(told(&list(&["a"])), [false, false, true], "it went while nobody watched");
        assert_eq!(known.nodes.len(), 1);
    }

    #[test]
    fn only_what_matters_of_a_node_is_kept_and_compared() {
        let node = |unschedulable: bool, status: &str| -> Node {
            let mut node = serde_json::from_value(json!({
                "metadata": { "name": "n", "labels": { "disk": "ssd" }, "annotations": { "a": "b" } },
                "spec": { "unschedulable": unschedulable },
                "status": { "phase": status },
            }))
            .unwrap();
            slim(&mut node);
            node
        };
        assert_eq!(what_matters(&node(false, "a")), what_matters(&node(false, "b")));
        assert_ne!(what_matters(&node(false, "a")), what_matters(&node(true, "a")));
        assert!(node(true, "a").status.is_none());
    }
}
