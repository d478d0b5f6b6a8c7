//! The nodes of the Kubernetes cluster, as all controllers see them.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
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

/// A copy of all nodes, as far as they matter, and what keeps it up to date; whoever is to be told gets a sign whenever something of
/// that changed. `None` where nodes may not be read.
pub async fn watch(
    client: Client,
    metrics: Metrics,
    mut tell: Vec<mpsc::Sender<()>>,
) -> Option<(Store<Node>, impl Future<Output = ()>)> {
    if !may_list(&client).await {
        return None;
    }
    let (reader, writer) = reflector::store();
    let nodes = watcher(Api::<Node>::all(client), watcher::Config::default()).default_backoff();
    let watch = async move {
        let mut stream = nodes.modify(slim).reflect(writer).touched_objects().boxed();
        let mut known = HashMap::new();
        while let Some(node) = stream.next().await {
            match node {
                // A node's heartbeat changes nothing of this.
                Ok(node) => {
                    let matters = what_matters(&node);
                    if known.insert(node.name_any(), matters) != Some(matters) {
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

/// Only a plain no counts: what else may be wrong passes, and the watch tries again.
async fn may_list(client: &Client) -> bool {
    let nodes: Api<Node> = Api::all(client.clone());
    match nodes.list_metadata(&ListParams::default().limit(1)).await {
        Err(kube::Error::Api(status)) if status.code == 403 => {
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
