//! Workers that leave a master that is real, as they are; only their pods are played.

use std::time::Duration;

use alluxio_fs::AlluxioPath;
use alluxio_operator::crd::Reason;
use alluxio_proto::grpc::file::WritePType;
use alluxio_tests::{Cluster, client, web};
use anyhow::{Result, ensure};
use bytes::Bytes;
use k8s_openapi::api::apps::v1::DaemonSet;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::{
    objects::{has_reason, settled, single},
    world::World,
};

/// A group of one worker, which is that of the real cluster.
fn group(real: &Cluster, worker: usize) -> Value {
    json!({
        "name": format!("w{worker}"), "decommissionTimeoutSeconds": 3600,
        "ports": { "rpc": real.worker_rpc_port(worker), "web": real.worker_web_port(worker) },
    })
}

/// Its group is taken out of the spec: the leader is told, the pod stays until what only it has is in the under storage.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: a worker must be idle for ten seconds, beside a cluster that starts"]
async fn a_worker_leaves_when_what_only_it_has_is_persisted() -> Result<()> {
    let mut real =
        block_in_place(|| Cluster::plan().workers(2).set("alluxio.master.bind.host", "0.0.0.0").prepare())?;
    block_in_place(|| {
        real.format()?;
        real.start_master()?;
        real.start_worker(0)
    })?;
    let later = ("alluxio.user.file.persistence.initial.wait.time", "1h");
    let files = client::connect_with(&real, &[later]).await?;
    client::write(&files, "/d/soon", Bytes::from(vec![1; 3 << 20]), WritePType::AsyncThrough).await?;
    block_in_place(|| real.start_worker(1))?;
    // Nothing can be persisted in there at first.
    let in_the_way = real.under_storage().join("d");
    std::fs::write(&in_the_way, "")?;

    let mut world = World::new("leaves").await?;
    world.limit = Duration::from_secs(200);
    world.fake.nodes(&["n1"]);
    let mut cluster = single(&world, "a");
    cluster["spec"]["masters"]["ports"]["rpc"] = json!(real.master_rpc_port());
    cluster["spec"]["workers"] = json!([group(&real, 0), group(&real, 1)]);
    world.settled(cluster).await?;
    world.edit_cluster("a", json!({ "spec": { "workers": [group(&real, 1)] } })).await?;
    world.until("a", "it is told", |cluster| has_reason(cluster, Reason::Decommissioning)).await?;
    let left = || -> Result<Option<u64>> {
        let role = block_in_place(|| web::get_json(real.worker_web_port(0), "/role"))?;
        Ok(role["unpersistedFiles"].as_u64())
    };
    world
        .eventually("it is out of service, and has something left", || async {
            Ok(left()?.filter(|it| *it > 0))
        })
        .await?;
    // Long enough for one that is idle to go, if that were all.
    for _ in 0..12 {
        world.looked_again("a").await?;
        ensure!(world.names::<DaemonSet>().await? == ["a-worker-w0", "a-worker-w1"], "it left too early");
    }
    std::fs::remove_file(&in_the_way)?;
    world
        .eventually("the group is gone", || async {
            Ok((world.names::<DaemonSet>().await? == ["a-worker-w1"]).then_some(()))
        })
        .await?;
    world.until("a", "it settles", settled).await?;
    let status = files.get_status(&AlluxioPath::parse("/d/soon")?, Default::default()).await?;
    ensure!(status.persistence_state() == "PERSISTED", "{status:?}");
    world.events_with("a", "Decommissioning", 1).await?;
    world.check()?;
    drop(files);
    block_in_place(|| real.finish())
}
