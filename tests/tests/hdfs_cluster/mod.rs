//! A whole cluster over a real HDFS, with both shells.

// Each test program uses a part of it.
#![allow(dead_code)]

use std::fs;

use alluxio_tests::{Cluster, hdfs::Hdfs};
use anyhow::{Result, ensure};

/// Who may do all in the rig's HDFS: the user that runs the tests.
const SUPERUSER: &str = "root";

/// Our cluster and what it lies on.
pub struct Both {
    pub cluster: Cluster,
    pub hdfs: Hdfs,
}

impl Both {
    /// The cluster's root is `/alluxio`.
    pub fn start() -> Result<Both> {
        let mut hdfs = Hdfs::plan().datanodes(1).start()?;
        hdfs.make_folder("/alluxio", "755")?;
        let root = format!("{}/alluxio", hdfs.uri());
        let cluster = Cluster::plan()
            .set("alluxio.master.mount.table.root.ufs", &root)
            // Each look shows what is underneath then.
            .set("alluxio.user.file.metadata.sync.interval", "0")
            .start()?;
        Ok(Both { cluster, hdfs })
    }

    /// A command of our shell that must succeed.
    pub fn ours(&self, arguments: &[&str]) -> Result<String> {
        let done = self.cluster.alluxio(&[&["fs"], arguments].concat())?;
        ensure!(done.code == 0, "{arguments:?}: exit code {}\n{}", done.code, done.output);
        Ok(done.output)
    }

    pub fn refused(&self, arguments: &[&str]) -> Result<String> {
        let done = self.cluster.alluxio(&[&["fs"], arguments].concat())?;
        ensure!(done.code != 0, "{arguments:?} succeeded:\n{}", done.output);
        Ok(done.output)
    }

    /// A command of HDFS' own shell that must succeed.
    pub fn theirs(&mut self, arguments: &[&str]) -> Result<String> {
        self.hdfs.shell(SUPERUSER, arguments)
    }

    /// Owner, group and mode as HDFS has them.
    pub fn attributes(&mut self, path: &str) -> Result<String> {
        Ok(self.theirs(&["-stat", "%u %g %a", path])?.trim().to_owned())
    }

    /// Puts a file there with HDFS' own client.
    pub fn put(&mut self, content: &str, path: &str) -> Result<()> {
        let local = self.cluster.folder().join("put");
        fs::write(&local, content)?;
        self.theirs(&["-put", "-f", &local.display().to_string(), path]).map(drop)
    }

    pub fn is_there(&mut self, path: &str) -> Result<bool> {
        Ok(self.hdfs.try_shell(SUPERUSER, &["-test", "-e", path])?.0 == 0)
    }

    pub fn finish(self) -> Result<()> {
        self.cluster.finish()?;
        self.hdfs.finish()
    }
}
