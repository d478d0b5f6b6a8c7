//! ZooKeeper and HDFS outside of the cluster, on the rig's bridge, where pods reach them.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use tokio::task::block_in_place;

use super::kubectl_with;
use crate::{hdfs::Hdfs, zookeeper::Ensemble};

/// The bridge's own address.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);

/// One ZooKeeper server, and an HDFS of two NameNodes and three DataNodes where it is wanted.
pub struct Outside {
    pub zookeeper: Ensemble,
    hdfs: Option<Hdfs>,
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
            Ok(Outside { zookeeper, hdfs: Some(hdfs) })
        })
    }

    /// ZooKeeper only.
    pub fn zookeeper() -> Result<Outside> {
        let zookeeper = block_in_place(|| Ensemble::start_at(ADDRESS, 1))?;
        Ok(Outside { zookeeper, hdfs: None })
    }

    pub fn hdfs(&mut self) -> Result<&mut Hdfs> {
        self.hdfs.as_mut().context("HDFS was not started")
    }

    /// An example with its ZooKeeper and its HDFS here, and its files where the rig's nodes have room for them.
    pub fn adapted(&self, example: &str) -> String {
        let lines = example.lines().map(|line| match line.split_once("addresses: [") {
            Some((before, _)) => format!("{before}addresses: [{}]\n", self.zookeeper.address()),
            None => format!("{line}\n"),
        });
        let text: String = lines.collect();
        let text = text.replace("storageClassName: nfs", "storageClassName: shared");
        match &self.hdfs {
            Some(hdfs) => ["hdfs://nameservice", "hdfs://namenode.example.com:8020"]
                .iter()
                .fold(text, |text, name| text.replace(name, &hdfs.uri())),
            None => text,
        }
    }

    /// The ConfigMap `hadoop` with `core-site.xml` and `hdfs-site.xml`, as the example wants it.
    pub fn configure(&self, namespace: &str) -> Result<()> {
        self.configure_by("ConfigMap", "data", namespace)
    }

    /// The same as a Secret.
    pub fn configure_by_secret(&self, namespace: &str) -> Result<()> {
        self.configure_by("Secret", "stringData", namespace)
    }

    fn configure_by(&self, kind: &str, field: &str, namespace: &str) -> Result<()> {
        let mut lines = String::new();
        let hdfs = self.hdfs.as_ref().context("HDFS was not started")?;
        for (name, value) in hdfs.client_properties() {
            lines += &format!("<property><name>{name}</name><value>{value}</value></property>");
        }
        let object = serde_json::json!({
            "apiVersion": "v1",
            "kind": kind,
            "metadata": {"name": "hadoop"},
            field: {
                "core-site.xml": "<configuration></configuration>",
                "hdfs-site.xml": format!("<configuration>{lines}</configuration>"),
            },
        });
        kubectl_with(namespace, &["apply", "--filename", "-"], &object.to_string()).map(drop)
    }

    /// The end of a test that went well.
    pub fn finish(self) -> Result<()> {
        block_in_place(|| {
            self.zookeeper.finish()?;
            self.hdfs.map_or(Ok(()), Hdfs::finish)
        })
    }
}
