//! ZooKeeper and HDFS outside of the cluster, on the rig's bridge, where pods reach them.

use std::net::Ipv4Addr;

use anyhow::Result;
use tokio::task::block_in_place;

use super::kubectl_with;
use crate::{hdfs::Hdfs, zookeeper::Ensemble};

/// The bridge's own address.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);

/// One ZooKeeper server, and an HDFS of two NameNodes and three DataNodes.
pub struct Outside {
    pub zookeeper: Ensemble,
    pub hdfs: Hdfs,
}

impl Outside {
    /// Starts both. HDFS has the folders `/alluxio` and `/data`, which every user may write.
    pub fn start() -> Result<Outside> {
        block_in_place(|| {
            let zookeeper = Ensemble::start_at(ADDRESS, 1)?;
            let mut hdfs = Hdfs::plan().name_service().reached_at(ADDRESS).start()?;
            for folder in ["/alluxio", "/data"] {
                hdfs.make_folder(folder, "777")?;
            }
            Ok(Outside { zookeeper, hdfs })
        })
    }

    /// An example with its ZooKeeper and its HDFS here.
    pub fn adapted(&self, example: &str) -> String {
        let name = self.hdfs.uri();
        let lines = example.lines().map(|line| match line.split_once("addresses: [") {
            Some((before, _)) => format!("{before}addresses: [{}]\n", self.zookeeper.address()),
            None => format!("{line}\n").replace("hdfs://nameservice", &name),
        });
        lines.collect()
    }

    /// The ConfigMap `hadoop` with `core-site.xml` and `hdfs-site.xml`, as the example wants it.
    pub fn configure(&self, namespace: &str) -> Result<()> {
        let mut lines = String::new();
        for (name, value) in self.hdfs.client_properties() {
            lines += &format!("<property><name>{name}</name><value>{value}</value></property>");
        }
        let map = serde_json::json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "hadoop"},
            "data": {
                "core-site.xml": "<configuration></configuration>",
                "hdfs-site.xml": format!("<configuration>{lines}</configuration>"),
            },
        });
        kubectl_with(namespace, &["apply", "--filename", "-"], &map.to_string()).map(drop)
    }

    /// The end of a test that went well.
    pub fn finish(self) -> Result<()> {
        block_in_place(|| {
            self.zookeeper.finish()?;
            self.hdfs.finish()
        })
    }
}
