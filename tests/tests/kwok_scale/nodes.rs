//! The nodes that kwok plays.

use alluxio_tests::e2e::patient;
use anyhow::{Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Node;
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
};
use serde_json::json;
use tokio::time::{Duration, Instant, sleep};

use crate::size::Size;

const AT_ONCE: usize = 16;
const LIMIT: Duration = Duration::from_secs(300);
const OURS: &str = "type=kwok";

/// Makes them, and waits until they are ready.
pub async fn make(client: &Client, size: &Size) -> Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    let made = (0..size.nodes).map(|number| {
        let node = json!({
            "metadata": {
                "name": format!("kwok-{number}"),
                "labels": { "type": "kwok", "pool": size.pool_of_node(number) },
                "annotations": { "kwok.x-k8s.io/node": "fake" },
            },
        });
        let nodes = &nodes;
        async move { anyhow::Ok(nodes.create(&PostParams::default(), &serde_json::from_value(node)?).await?) }
    });
    stream::iter(made).buffer_unordered(AT_ONCE).try_for_each(|_| std::future::ready(Ok(()))).await?;
    let began = Instant::now();
    loop {
        let ready = nodes
            .list(&ListParams::default().labels(OURS))
            .await?
            .iter()
            .filter(|node| is_ready(node))
            .count();
        if ready == size.nodes {
            return Ok(());
        }
        if began.elapsed() > patient(LIMIT) {
            bail!("{ready} of {} nodes are ready after {:?}", size.nodes, patient(LIMIT));
        }
        sleep(Duration::from_secs(1)).await;
    }
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.into_iter().any(|one| one.type_ == "Ready" && one.status == "True");
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    // The controller takes its taint away a moment later.
    ready && taints.count() == 0
}
